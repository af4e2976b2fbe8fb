//===- TokenizerRefusalTest.cpp - Tokenizer files that are refused --------===//
//
// What would change ids and is not supported, and what is malformed, each with
// its message.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tokenizer.h"

#include "test/unit/runtime/text/TokenizerFile.h"

#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::test;
using testing::HasSubstr;

namespace {

std::string refusal(const TokenizerFile &file) {
  return Tokenizer::create(file.text()).message();
}

TEST(TokenizerRefusal, NoTokenizerFile) {
  EXPECT_THAT(Tokenizer::create("").message(), HasSubstr("empty file"));
  EXPECT_THAT(Tokenizer::create("[]").message(),
              HasSubstr("tokenizer.json: expected an object"));
  EXPECT_THAT(Tokenizer::create("{}").message(), HasSubstr("decoder: missing"));
  EXPECT_EQ(refusal(TokenizerFile()), "");
}

TEST(TokenizerRefusal, Stages) {
  TokenizerFile file;
  auto with = [&](const std::string &preTokenizer) {
    file.preTokenizer = preTokenizer;
    return refusal(file);
  };
  EXPECT_EQ(with(R"({"type":"Metaspace"})"),
            "tokenizer.json: pre_tokenizer.type: expected Sequence, Split, "
            "Digits or ByteLevel, got \"Metaspace\"");
  EXPECT_THAT(with("null"), HasSubstr("pre_tokenizer: expected"));
  EXPECT_THAT(with(R"({"type":"Digits"})"),
              HasSubstr("expected ByteLevel as the last stage"));
  EXPECT_THAT(with(R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},
                      {"type":"Digits"}]})"),
              HasSubstr("pretokenizers[1]: expected no stage after ByteLevel"));
  for (const char *behavior : {"Removed", "MergedWithPrevious",
                               "MergedWithNext", "Contiguous"})
    EXPECT_THAT(with(std::string(R"({"type":"Split","pattern":{"String":"a"},
                      "behavior":")") + behavior + "\"}"),
                HasSubstr("behavior: expected \"Isolated\", got"));
  EXPECT_THAT(with(R"({"type":"Split","pattern":{"Regex":"\\b"},
                      "behavior":"Isolated"})"),
              HasSubstr("pre_tokenizer.pattern.Regex: unsupported construct"));
  EXPECT_THAT(with(R"({"type":"Split","pattern":{"String":""},
                      "behavior":"Isolated"})"),
              HasSubstr("pattern.String: expected a text that is not empty"));
}

TEST(TokenizerRefusal, NormalizerDecoderPostProcessor) {
  TokenizerFile file;
  file.normalizer = R"({"type":"Sequence","normalizers":[{"type":"NFC"}]})";
  EXPECT_THAT(refusal(file), HasSubstr("normalizer.normalizers[0].type: "
                                       "expected no normalizer, got \"NFC\""));
  file = {};
  file.normalizer = R"({"type":"Sequence","normalizers":[]})";
  EXPECT_EQ(refusal(file), "");
  file.decoder = R"({"type":"Metaspace"})";
  EXPECT_THAT(refusal(file), HasSubstr("decoder.type: expected \"ByteLevel\""));
  file = {};
  file.postProcessor = R"({"type":"BertProcessing"})";
  EXPECT_THAT(refusal(file), HasSubstr("post_processor.type: expected"));
}

TEST(TokenizerRefusal, Model) {
  auto with = [](const std::string &extra) {
    TokenizerFile file;
    file.modelExtra = "," + extra;
    return refusal(file);
  };
  EXPECT_THAT(with(R"("byte_fallback":true)"),
              HasSubstr("model.byte_fallback: expected false, got true"));
  EXPECT_THAT(with(R"("dropout":0.1)"), HasSubstr("model.dropout"));
  EXPECT_THAT(with(R"("end_of_word_suffix":"</w>")"),
              HasSubstr("end_of_word_suffix: expected null, got \"</w>\""));
  EXPECT_EQ(with(R"("unk_token":"a","continuing_subword_prefix":"")"), "");

  auto model = [](const std::string &members) {
    return Tokenizer::create(
               R"({"decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"},"model":{)" +
               members + "}}")
        .message();
  };
  EXPECT_EQ(model(R"("vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]])"), "");
  EXPECT_THAT(model(R"("type":"Unigram")"),
              HasSubstr("model.type: expected \"BPE\", got \"Unigram\""));
  EXPECT_THAT(model(R"("vocab":{"a":0},"merges":["a b"])"),
              HasSubstr("model.merges[0]: \"b\" is not in the vocabulary"));
  EXPECT_THAT(model(R"("vocab":{"a":0},"merges":["a a"])"),
              HasSubstr("\"aa\" is not in the vocabulary"));
  EXPECT_THAT(model(R"("vocab":{"a":0},"merges":["aa"])"),
              HasSubstr("expected two tokens, got \"aa\""));
  EXPECT_THAT(model(R"("vocab":{"a":0},"merges":[7])"),
              HasSubstr("model.merges[0]: expected two tokens, got 7"));
  EXPECT_THAT(model(R"("vocab":{"a":-1},"merges":[])"),
              HasSubstr("\"a\": expected an id from 0"));
  EXPECT_THAT(model(R"("vocab":{"a":1e9},"merges":[])"), HasSubstr("expected an id"));
  EXPECT_THAT(model(R"("vocab":{"a":999999999},"merges":[])"),
              HasSubstr("expected an id from 0 to 65539, got 999999999"));
  EXPECT_THAT(model(R"("vocab":{"a":3,"b":3},"merges":[])"),
              HasSubstr("\"b\": id 3 is also that of \"a\""));
  EXPECT_THAT(model(R"("vocab":{"":3},"merges":[])"),
              HasSubstr("expected no empty token"));
  EXPECT_THAT(model(R"("vocab":{"a":0},"merges":[],"unk_token":"a")"),
              HasSubstr("model.unk_token: expected null"));
}

TEST(TokenizerRefusal, AddedTokens) {
  auto with = [](const std::string &added) {
    TokenizerFile file;
    file.added = added;
    return refusal(file);
  };
  EXPECT_THAT(with("[" + addedToken(300, "<s>") + "]"),
              HasSubstr("added_tokens[0].id: expected 256 for \"<s>\", got 300"));
  EXPECT_THAT(with("[" + addedToken(256, "") + "]"),
              HasSubstr("added_tokens[0].content: expected a text"));
  EXPECT_THAT(with("[" + addedToken(256, "x y") + "," +
                   addedToken(257, "x y") + "]"),
              HasSubstr("\"x y\" is added twice"));
  EXPECT_THAT(with("[{}]"), HasSubstr("added_tokens[0].id: missing"));
  EXPECT_EQ(with("[" + addedToken('a', "a") + "]"), "");
}

} // namespace
