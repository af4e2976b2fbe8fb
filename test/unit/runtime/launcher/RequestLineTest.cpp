//===- RequestLineTest.cpp - One request of a batch -----------------------===//
//
// What a line may say, and what is refused with which words.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonLines.h"
#include "runtime/launcher/RequestLine.h"

#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::launcher;
using testing::ElementsAre;

static Expected<RequestLine> parse(const std::string &text) {
  Expected<JsonValue> tree = parseJsonLine(text, "f:3");
  if (!tree.ok())
    return tree.status();
  return parseRequestLine(JsonCursor(*tree, "f:3"), 300);
}

static std::string refusal(const std::string &text) {
  return parse(text).message();
}

TEST(RequestLine, EveryField) {
  Expected<RequestLine> line = parse(
      R"({"tokens": [1, 299], "id": "a", "max_tokens": 7, "temperature": 1,
          "top_k": 5, "top_p": 0.5, "seed": 18446744073709551615,
          "stop": ["x", "yz"]})");
  ASSERT_TRUE(line.ok()) << line.message();
  EXPECT_THAT(*line->tokens, ElementsAre(1, 299));
  EXPECT_EQ(*line->id.asString(), "a");
  EXPECT_EQ(line->maxTokens, 7);
  EXPECT_EQ(line->temperature, 1.0);
  EXPECT_EQ(line->topK, 5);
  EXPECT_EQ(line->topP, 0.5);
  EXPECT_EQ(line->seed, ~uint64_t(0));
  EXPECT_THAT(*line->stops, ElementsAre("x", "yz"));
}

TEST(RequestLine, WhatIsLeftOutIsNull) {
  Expected<RequestLine> line = parse(
      R"({"prompt": "a", "n": 0, "stop": "b", "id": 9, "seed": null,
          "top_p": null, "temperature": null})");
  ASSERT_TRUE(line.ok()) << line.message();
  EXPECT_EQ(line->prompt, "a");
  EXPECT_EQ(line->maxTokens, 0);
  EXPECT_THAT(*line->stops, ElementsAre("b"));
  EXPECT_EQ(*line->id.asInteger(), 9);
  EXPECT_FALSE(line->seed || line->topP || line->topK || line->temperature ||
               line->tokens || line->messages);
}

TEST(RequestLine, Messages) {
  Expected<RequestLine> line = parse(
      R"({"messages": [{"role": "user", "content": "hi"},
                       {"content": "ho", "role": "assistant"}]})");
  ASSERT_TRUE(line.ok()) << line.message();
  ASSERT_EQ(line->messages->size(), 2u);
  EXPECT_EQ((*line->messages)[1].role, "assistant");
  EXPECT_EQ((*line->messages)[1].content, "ho");
}

TEST(RequestLine, RefusesWithPlaceAndField) {
  EXPECT_EQ(refusal("[]"), "f:3: expected an object, got an array of 0");
  EXPECT_EQ(refusal(R"({"prompt": "a", "temprature": 1})"),
            "f:3: unknown field \"temprature\", expected some of prompt, "
            "tokens, messages, id, max_tokens, n, seed, temperature, top_k, "
            "top_p, stop");
  const std::string one = "f:3: expected one of prompt, tokens and messages";
  EXPECT_EQ(refusal("{}"), one);
  EXPECT_EQ(refusal(R"({"prompt": "a", "tokens": [1]})"), one);
  const std::pair<const char *, const char *> fields[] = {
      {R"("max_tokens": -1)", "max_tokens: expected an integer from 0 to 1099511627776, got -1"},
      {R"("max_tokens": 1.0)", "max_tokens: expected an integer from 0 to 1099511627776, got 1.0"},
      {R"("n": 1, "max_tokens": 1)", "n: is max_tokens by another name; expected one of them"},
      {R"("temperature": -0.5)", "temperature: expected a number from 0 to 1000000, got -0.5"},
      {R"("temperature": "1")", "temperature: expected a number from 0 to 1000000, got \"1\""},
      {R"("top_p": 0)", "top_p: expected a number above 0, at most 1, got 0"},
      {R"("top_p": 1.5)", "top_p: expected a number above 0, at most 1, got 1.5"},
      {R"("top_k": true)", "top_k: expected an integer from 0 to 1099511627776, got true"},
      {R"("seed": -1)", "seed: expected a non-negative integer, got -1"},
      {R"("stop": 1)", "stop: expected a string or a list of strings, got 1"},
      {R"("stop": ["a", 2])", "stop[1]: expected a string, got 2"},
      {R"("id": 1.5)", "id: expected a string or an integer, got 1.5"},
  };
  for (auto [field, message] : fields)
    EXPECT_EQ(refusal("{\"prompt\": \"a\", " + std::string(field) + "}"),
              "f:3: " + std::string(message));
  EXPECT_EQ(refusal(R"({"prompt": 1})"), "f:3: prompt: expected a string, got 1");
  EXPECT_EQ(refusal(R"({"tokens": [1, 300]})"),
            "f:3: tokens[1]: expected an integer from 0 to 299, got 300");
  EXPECT_EQ(refusal(R"({"tokens": "1,2"})"),
            "f:3: tokens: expected an array, got \"1,2\"");
  EXPECT_EQ(refusal(R"({"messages": ["a"]})"),
            "f:3: messages[0]: expected an object, got \"a\"");
  EXPECT_EQ(refusal(R"({"messages": [{"role": "user"}]})"),
            "f:3: messages[0].content: missing, expected a string");
  EXPECT_EQ(refusal(R"({"messages": [{"role": "tool", "content": ""}]})"),
            "f:3: messages[0].role: expected system, user or assistant, got \"tool\"");
  EXPECT_EQ(refusal(R"({"messages": [{"role": "user", "content": "", "name": "x"}]})"),
            "f:3: messages[0]: unknown field \"name\", expected role and content");
}
