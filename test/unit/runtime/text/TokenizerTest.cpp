//===- TokenizerTest.cpp - Text to ids and back ---------------------------===//
//
// The stages on small files made here. The comparison with the reference
// implementation is test/runtime/text.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tokenizer.h"

#include "test/unit/runtime/text/TokenizerFile.h"

#include <gmock/gmock.h>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>

using namespace dsv2;
using namespace dsv2::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

Tokenizer make(const TokenizerFile &file, const std::string &config = {}) {
  Expected<Tokenizer> tokenizer = Tokenizer::create(file.text(), config);
  if (!tokenizer.ok())
    throw std::runtime_error(tokenizer.message());
  return std::move(*tokenizer);
}

/// The tokens of a text, as bytes.
std::vector<std::string> tokensOf(const Tokenizer &tokenizer,
                                  std::string_view text) {
  Expected<std::vector<int32_t>> ids = tokenizer.encode(text);
  if (!ids.ok())
    return {"error: " + ids.message()};
  std::vector<std::string> tokens;
  for (int32_t id : *ids)
    tokens.emplace_back(tokenizer.bytes(id));
  return tokens;
}

TEST(Tokenizer, MergesByRankThenPosition) {
  TokenizerFile file;
  file.merges = {"b c", "a b", "a bc", "d d", "dd d"};
  Tokenizer tokenizer = make(file);
  EXPECT_THAT(tokensOf(tokenizer, "abc"), ElementsAre("abc"));
  EXPECT_THAT(tokensOf(tokenizer, "abab"), ElementsAre("ab", "ab"));
  EXPECT_THAT(tokensOf(tokenizer, "ddddd"), ElementsAre("dd", "ddd"));
  EXPECT_THAT(tokensOf(tokenizer, ""), ElementsAre());
  EXPECT_THAT(*tokenizer.encode(std::string_view("\0\xC3\xBC", 3)),
              ElementsAre(0, 0xC3, 0xBC));
}

/// Definition: merge the leftmost pair of the lowest rank until there is none.
std::vector<std::string>
mergeByDefinition(const std::map<std::pair<std::string, std::string>, int> &ranks,
                  const std::string &text) {
  std::vector<std::string> parts;
  for (char c : text)
    parts.emplace_back(1, c);
  while (true) {
    int best = INT32_MAX;
    size_t place = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      auto rank = ranks.find({parts[i], parts[i + 1]});
      if (rank != ranks.end() && rank->second < best) {
        best = rank->second;
        place = i;
      }
    }
    if (best == INT32_MAX)
      return parts;
    parts[place] += parts[place + 1];
    parts.erase(parts.begin() + ptrdiff_t(place) + 1);
  }
}

TEST(Tokenizer, MergesAreThoseOfTheDefinition) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    TokenizerFile file;
    std::map<std::pair<std::string, std::string>, int> ranks;
    std::vector<std::string> known = {"a", "b", "c"};
    while (ranks.size() < 25) {
      std::string left = known[random() % known.size()];
      std::string right = known[random() % known.size()];
      if (std::find(known.begin(), known.end(), left + right) != known.end())
        continue;
      ranks.emplace(std::pair(left, right), int(ranks.size()));
      file.merges.push_back(left + " " + right);
      known.push_back(left + right);
    }
    Tokenizer tokenizer = make(file);
    for (size_t length : {2, 5, 20, 31, 32, 33, 34, 100, 500}) {
      std::string text;
      while (text.size() < length)
        text += "abc"[random() % 3];
      ASSERT_EQ(tokensOf(tokenizer, text), mergeByDefinition(ranks, text));
    }
  }
}

TEST(Tokenizer, LongRunsEnd) {
  TokenizerFile file;
  std::string run = "a";
  for (int i = 0; i < 10; ++i, run += run)
    file.merges.push_back(run + " " + run);
  Tokenizer tokenizer = make(file);
  Expected<std::vector<int32_t>> ids =
      tokenizer.encode(std::string(1'000'000, 'a'));
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->size(), 1'000'000u / 1024 + 2); // 576 = 512 + 64
}

TEST(Tokenizer, StagesSplitThePiecesOfTheStageBefore) {
  TokenizerFile file;
  file.merges = {"a 1", "1 2", "Ġ a", "Ġ Ġ", "a b"};
  file.preTokenizer = R"({"type":"Sequence","pretokenizers":[
    {"type":"Split","pattern":{"Regex":"\\s?[a-z]+"},"behavior":"Isolated"},
    {"type":"Split","pattern":{"String":"ab"},"behavior":"Isolated"},
    {"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true}]},
    {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]})";
  Tokenizer tokenizer = make(file);
  EXPECT_THAT(tokensOf(tokenizer, "a12  ab"),
              ElementsAre("a", "1", "2", " ", " ", "ab"));
}

TEST(Tokenizer, ByteLevelWithRegexAndPrefixSpace) {
  TokenizerFile file;
  file.merges = {"Ġ a", "a b", "1 2"};
  file.preTokenizer = R"({"type":"ByteLevel"})";
  Tokenizer tokenizer = make(file);
  EXPECT_THAT(tokensOf(tokenizer, "ab's 12"),
              ElementsAre(" a", "b", "'", "s", " ", "12"));
  EXPECT_THAT(tokensOf(tokenizer, " a"), ElementsAre(" a"));
}

TEST(Tokenizer, IgnoreMergesTakesWholePieces) {
  TokenizerFile file;
  file.merges = {"a b", "c d", "ab c", "abc d"};
  file.preTokenizer = R"({"type":"ByteLevel","add_prefix_space":false})";
  EXPECT_THAT(tokensOf(make(file), "abcd"), ElementsAre("ab", "cd"));
  file.modelExtra = R"(,"ignore_merges":true)";
  EXPECT_THAT(tokensOf(make(file), "abcd"), ElementsAre("abcd"));
}

TEST(Tokenizer, AddedTokens) {
  TokenizerFile file;
  file.added = "[" + addedToken(256, "<s>", {"special"}) + "," +
               addedToken(257, "<s>>") + "," +
               addedToken(258, "<l>", {"lstrip", "normalized"}) + "," +
               addedToken(259, "<r>", {"rstrip", "normalized"}) + "," +
               addedToken(260, "wx", {"single_word", "normalized"}) + "]";
  Tokenizer tokenizer = make(file);
  EXPECT_THAT(tokensOf(tokenizer, "a<s>b"), ElementsAre("a", "<s>", "b"));
  EXPECT_THAT(tokensOf(tokenizer, "<s>><s>"), ElementsAre("<s>>", "<s>"));
  EXPECT_THAT(*tokenizer.encode("a \xE3\x80\x80<l> b"),
              ElementsAre('a', 258, ' ', 'b'));
  EXPECT_THAT(*tokenizer.encode("a <r> \nb"), ElementsAre('a', ' ', 259, 'b'));
  EXPECT_THAT(*tokenizer.encode("<r> <l>"), ElementsAre(259, 258));
  EXPECT_THAT(*tokenizer.encode("wx wx. wxx"),
              ElementsAre(260, ' ', 260, '.', ' ', 'w', 'x', 'x'));
  EXPECT_TRUE(tokenizer.isSpecial(256));
  EXPECT_FALSE(tokenizer.isSpecial(257));
  EXPECT_EQ(tokenizer.find("<l>"), 258);
  EXPECT_EQ(tokenizer.size(), 261);
}

TEST(Tokenizer, Decodes) {
  TokenizerFile file;
  file.merges = {"Ġ a"};
  // U+00FC is the letter of byte FC, and so the reference reads token 258.
  file.added = "[" + addedToken(257, "<s>", {"special"}) + "," +
               addedToken(258, "\xC3\xBC\xC3\xBC") + "," +
               addedToken(259, "\xE4\xB8\xAD") + "]";
  Tokenizer tokenizer = make(file);
  auto decode = [&](std::vector<int32_t> ids, bool skip = false) {
    return tokenizer.decode(ids, skip);
  };
  EXPECT_EQ(decode({257, 256, 'b'}), "<s> ab");
  EXPECT_EQ(decode({257, 256, 'b'}, true), " ab");
  EXPECT_EQ(decode({258}), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(decode({259}), "\xE4\xB8\xAD");
  EXPECT_EQ(decode({0xC3, 0xBC}), "\xC3\xBC");
  EXPECT_EQ(decode({0xC3}), "\xEF\xBF\xBD");
  EXPECT_EQ(decode({-1, 'x', 100000, INT32_MAX, INT32_MIN}), "x");

  TokenStream stream(tokenizer, true);
  EXPECT_EQ(stream.push(0xC3), "");
  EXPECT_EQ(stream.push(257), "");
  EXPECT_EQ(stream.push(0xBC), "\xC3\xBC");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Tokenizer, BeginningOfText) {
  TokenizerFile file;
  file.added = "[" + addedToken(256, "<s>", {"special"}) + "," +
               addedToken(257, "</s>", {"special"}) + "]";
  EXPECT_THAT(*make(file).encode("a"), ElementsAre('a'));
  file.postProcessor =
      R"({"type":"Sequence","processors":[{"type":"ByteLevel"},
          {"type":"TemplateProcessing","single":[
             {"SpecialToken":{"id":"<s>","type_id":0}},
             {"Sequence":{"id":"A","type_id":0}}],"pair":[],
           "special_tokens":{"<s>":{"id":"<s>","ids":[256],"tokens":["<s>"]}}}]})";
  EXPECT_THAT(*make(file).encode("a"), ElementsAre(256, 'a'));
  EXPECT_THAT(*make(file).encode("a", false), ElementsAre('a'));
  EXPECT_THAT(*make(file, R"({"add_bos_token":false})").encode("a"),
              ElementsAre('a'));
  EXPECT_THAT(*make(file, R"({"add_bos_token":true,"add_eos_token":true,
                    "bos_token":{"content":"</s>"},"eos_token":"<s>"})")
                   .encode("a"),
              ElementsAre(257, 'a', 256));
  EXPECT_EQ(Tokenizer::create(file.text(),
                              R"({"add_bos_token":true,"bos_token":"<x>"})")
                .message(),
            "tokenizer_config.json: bos_token: expected a token of "
            "tokenizer.json, got \"<x>\"");
}

TEST(Tokenizer, RefusesInvalidText) {
  EXPECT_EQ(make(TokenizerFile()).encode("ab\xFF").message(),
            "expected valid UTF-8, got an invalid byte at offset 2");
}

TEST(Tokenizer, ThreadsShareOne) {
  TokenizerFile file;
  file.merges = {"a b", "ab c"};
  file.preTokenizer = R"({"type":"ByteLevel","add_prefix_space":false})";
  Tokenizer tokenizer = make(file);
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (size_t t = 0; t < right.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i)
        right[t] += tokenizer.encode("abc ab 12").ok();
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_THAT(right, testing::Each(200));
}

} // namespace
