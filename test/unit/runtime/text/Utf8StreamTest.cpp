//===- Utf8StreamTest.cpp - Bytes into text as they come ------------------===//
//
// Characters arrive whole, errors as the reference replaces them, however the
// bytes are cut.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Utf8Stream.h"

#include <gtest/gtest.h>
#include <random>

using namespace dsv2;

namespace {

std::string replaced(std::string_view bytes) {
  Utf8Stream stream;
  std::string text = stream.push(bytes);
  return text + stream.finish();
}

TEST(Utf8Stream, HoldsBackUnfinishedCharacters) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0"), "a");
  EXPECT_EQ(stream.push("\x9F"), "");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "\xF0\x9F\x98\x80z");
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.push("\xE4\xB8"), "");
  EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.finish(), "");
}

// The examples of Unicode 15, table 3-8 and of Rust's documentation.
TEST(Utf8Stream, ReplacesMaximalSubparts) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(replaced("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replaced("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(replaced("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(replaced("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"),
            r + r + r + r + "A");
}

TEST(Utf8Stream, CutsMakeNoDifference) {
  std::mt19937 random(1);
  const unsigned char interesting[] = {0x41, 0x80, 0xBF, 0xC3, 0xE0, 0xA0,
                                       0xED, 0xF0, 0x90, 0xF4, 0xFF};
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (unsigned i = 0; i < 12; ++i)
      bytes += static_cast<char>(interesting[random() % sizeof interesting]);
    Utf8Stream stream;
    std::string text;
    for (char byte : bytes)
      text += stream.push({&byte, 1});
    ASSERT_EQ(text + stream.finish(), replaced(bytes));
  }
}

} // namespace
