//===- Utf8Test.cpp - UTF-8 stepping --------------------------------------===//
//
// The bounds of valid sequences and the maximal subparts of invalid ones.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Utf8.h"

#include <gtest/gtest.h>

using namespace dsv2;

namespace {

TEST(Utf8, EncodesAndReadsEveryScalar) {
  for (char32_t scalar = 0; scalar <= 0x10FFFF; ++scalar) {
    if (scalar >= 0xD800 && scalar <= 0xDFFF)
      continue;
    std::string text;
    appendUtf8(text, scalar);
    Utf8Step step = stepUtf8(text);
    ASSERT_EQ(step.kind, Utf8Step::Valid) << std::hex << uint32_t(scalar);
    ASSERT_EQ(step.scalar, scalar);
    ASSERT_EQ(step.length, text.size());
  }
}

TEST(Utf8, FindsTheFirstInvalidByte) {
  EXPECT_EQ(findInvalidUtf8("plain \xC3\xBC"), std::string_view::npos);
  EXPECT_EQ(findInvalidUtf8("a\xC0\x80"), 1u);         // overlong
  EXPECT_EQ(findInvalidUtf8("a\xED\xA0\x80"), 1u);     // surrogate
  EXPECT_EQ(findInvalidUtf8("a\xF4\x90\x80\x80"), 1u); // above U+10FFFF
  EXPECT_EQ(findInvalidUtf8("ab\xE4\xB8"), 2u);        // cut
}

TEST(Utf8, TellsMaximalSubparts) {
  EXPECT_EQ(stepUtf8("\xE4\xB8 ").kind, Utf8Step::Invalid);
  EXPECT_EQ(stepUtf8("\xE4\xB8 ").length, 2);
  EXPECT_EQ(stepUtf8("\xE4\xB8").kind, Utf8Step::Incomplete);
  EXPECT_EQ(stepUtf8("\xED\xA0\x80").length, 1);
  EXPECT_EQ(stepUtf8("\xF0\x9F\x98!").length, 3);
  EXPECT_EQ(stepUtf8("\xFF").kind, Utf8Step::Invalid);
}

} // namespace
