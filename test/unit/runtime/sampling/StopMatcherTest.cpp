//===- StopMatcherTest.cpp - Text up to a stop string ---------------------===//
//
// What comes out must not depend on how the text is cut into pieces.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/StopMatcher.h"

#include <gtest/gtest.h>

using dsv2::sampling::StopMatcher;
using namespace std::string_literals;

/// Feeds `text` in pieces of `size`; also says whether a stop was met.
static std::pair<std::string, bool> feed(const std::string &text, size_t size,
                                         std::vector<std::string> stops) {
  StopMatcher matcher(std::move(stops));
  std::string out;
  for (size_t at = 0; at < text.size(); at += size)
    out += matcher.push(text.substr(at, size));
  out += matcher.finish();
  return {out, matcher.stopped()};
}

TEST(StopMatcher, FindsStopsAcrossPieces) {
  for (size_t size : {1, 2, 3, 100}) {
    EXPECT_EQ(feed("one aab two", size, {"aab"}), std::pair("one "s, true));
    EXPECT_EQ(feed("aaab", size, {"aab"}), std::pair("a"s, true));
    EXPECT_EQ(feed("one aa", size, {"aab", ""}), std::pair("one aa"s, false));
    EXPECT_EQ(feed("xyz", size, {"z", "yz"}), std::pair("x"s, true));
    EXPECT_EQ(feed("", size, {"z"}), std::pair(""s, false));
  }
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBeAStop) {
  StopMatcher matcher({"END"});
  EXPECT_EQ(matcher.push("the E"), "the ");
  EXPECT_EQ(matcher.push("N"), "");
  EXPECT_EQ(matcher.push("T"), "ENT");
  EXPECT_EQ(matcher.push("END more"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.push("x"), "");
}
