//===- ContinuationEncoderTest.cpp - Tokens of a text that goes on --------===//
//
// The cases in which a context and its continuation are not simply two texts.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/ContinuationEncoder.h"

#include "test/unit/runtime/text/TokenizerFile.h"

#include <gtest/gtest.h>

using namespace dsv2;

using Ids = std::vector<int32_t>;

namespace {
constexpr int32_t Bos = 259;

/// Bytes, `ab` (256), `bc` (257) and ` c` (258) by rank, and <s>, which begins
/// raw text.
class ContinuationEncoderTest : public testing::Test {
protected:
  void SetUp() override {
    test::TokenizerFile file;
    file.merges = {"a b", "b c", "Ġ c"};
    file.added = "[" + test::addedToken(Bos, "<s>", {"special"}) + "]";
    Expected<Tokenizer> made = Tokenizer::create(
        file.text(), R"({"add_bos_token":true,"bos_token":"<s>"})");
    ASSERT_TRUE(made.ok()) << made.message();
    tokenizer.emplace(std::move(*made));
  }

  void expect(const char *context, const char *continuation, const Ids &before,
              const Ids &after, bool addSpecial = true) {
    ContinuationEncoder encoder(*tokenizer, Bos, addSpecial);
    Expected<ContinuedTokens> pair = encoder.encodePair(context, continuation);
    ASSERT_TRUE(pair.ok()) << pair.message();
    Ids tokens = before;
    tokens.insert(tokens.end(), after.begin(), after.end());
    EXPECT_EQ(pair->tokens, tokens);
    EXPECT_EQ(pair->from, before.size());
  }

  std::optional<Tokenizer> tokenizer;
};
} // namespace

TEST_F(ContinuationEncoderTest, CutsTheContextOffTheWhole) {
  expect("x", "y", {Bos, 'x'}, {'y'});
  expect("x", " c", {Bos, 'x'}, {258});
  expect("x", "y", {'x'}, {'y'}, /*addSpecial=*/false);
}

TEST_F(ContinuationEncoderTest, SpaceAtTheEndGoesOver) {
  expect("x ", "c", {Bos, 'x'}, {258});
  expect("x \t ", "c", {Bos, 'x'}, {' ', '\t', 258});
}

TEST_F(ContinuationEncoderTest, ContextKeepsItsOwnTokens) {
  // The whole is `ab` `c`: what is behind the context's two tokens is `c`.
  expect("a", "bc", {Bos, 'a'}, {'c'});
  // The whole is as long as the context, and nothing is left.
  expect("a", "b", {Bos, 'a'}, {});
}

TEST_F(ContinuationEncoderTest, EmptyContextIsThePrefix) {
  expect("", "x", {Bos}, {'x'});
  expect("", "<s>x", {Bos}, {'x'});
  expect("", "<s>", {Bos}, {});
  expect("", "", {Bos}, {});
  expect("", "x", {Bos}, {'x'}, /*addSpecial=*/false);
  expect(" ", "c", {Bos}, {258});
  expect(" ", "c", {Bos}, {258}, /*addSpecial=*/false);
}

TEST_F(ContinuationEncoderTest, TextThatBeginsWithThePrefixGetsNoOther) {
  expect("<s>x", "y", {Bos, 'x'}, {'y'});
  ContinuationEncoder encoder(*tokenizer, Bos, true);
  EXPECT_EQ(*encoder.encode("<s>x"), (Ids{Bos, 'x'}));
  EXPECT_EQ(*encoder.encode("x"), (Ids{Bos, 'x'}));
  EXPECT_EQ(*encoder.encode(""), (Ids{Bos}));
}

TEST(TrailingSpaceTest, IsWhatPythonStrips) {
  auto stripped = [](std::string_view text) {
    return text.substr(0, lengthWithoutTrailingSpace(text));
  };
  EXPECT_EQ(stripped(""), "");
  EXPECT_EQ(stripped(" \n"), "");
  EXPECT_EQ(stripped("a b \t\r\n\v\f"), "a b");
  EXPECT_EQ(stripped("a\x1c\x1d\x1e\x1f"), "a");
  EXPECT_EQ(stripped("é\u0085\u00a0\u1680\u2000\u2005\u200a\u2028\u2029"), "é");
  EXPECT_EQ(stripped("世\u202f\u205f\u3000"), "世");
  // Not white space to Python.
  for (const char *text : {"a\u200b", "a\u180e", "a\ufeff", "a\u2060", "a\x1b",
                           "a\u200c", "a\u3001", "\U0001f642"})
    EXPECT_EQ(stripped(text), text);
}
