//===- JsonTest.cpp - The JSON reader and writer --------------------------===//
//
// What parses, what is refused with which words, and that what is written
// reads back.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonCursor.h"
#include "runtime/io/JsonWriter.h"

#include <gmock/gmock.h>

using namespace dsv2;
using testing::HasSubstr;
using testing::StartsWith;

namespace {

std::string refusal(std::string_view text, const JsonLimits &limits = {}) {
  return parseJson(text, "f.json", limits).message();
}

TEST(Json, KeepsKindsAndOrder) {
  Expected<JsonValue> tree = parseJson(
      R"({"z": 1, "a": -2.5, "big": 18446744073709551615, "s": "\u00fc\u0000",
          "n": null, "t": true, "list": [1.0, {}]})",
      "f.json");
  ASSERT_TRUE(tree.ok()) << tree.message();
  const JsonObject &object = *tree->asObject();
  EXPECT_EQ(object.begin()[0].key, "z");
  EXPECT_EQ(object.begin()[1].key, "a");
  EXPECT_EQ(*object.find("z")->asInteger(), 1);
  EXPECT_EQ(*object.find("a")->asDouble(), -2.5);
  EXPECT_EQ(*object.find("big")->asUnsigned(), ~uint64_t(0));
  EXPECT_EQ(*object.find("s")->asString(), std::string("\xC3\xBC\0", 3));
  EXPECT_TRUE(object.find("n")->isNull());
  EXPECT_TRUE(*object.find("t")->asBool());
  EXPECT_NE((*object.find("list")->asArray())[0].asDouble(), nullptr);
  EXPECT_EQ(object.find("absent"), nullptr);
}

TEST(Json, RefusesWithThePlace) {
  EXPECT_THAT(refusal("{\n  \"a\": nul\n}"), StartsWith("f.json:2:"));
  EXPECT_THAT(refusal("[1,]"), StartsWith("f.json:1:4: invalid JSON"));
  EXPECT_THAT(refusal("[1] x"), StartsWith("f.json:1:5"));
  EXPECT_THAT(refusal("{\"a\": NaN}"), StartsWith("f.json:1:"));
  EXPECT_THAT(refusal("[1e999]"), StartsWith("f.json:1:"));
  EXPECT_THAT(refusal("// no\n1"), StartsWith("f.json:1:"));
  EXPECT_THAT(refusal("\"\\ud800\""), StartsWith("f.json:1:"));
  EXPECT_THAT(refusal("\"\xC3(\""), StartsWith("f.json:1:"));
  EXPECT_THAT(refusal("\"\xED\xA0\x80\""), StartsWith("f.json:1:"));
  EXPECT_THAT(refusal("{\"a\": \"unfinished"), StartsWith("f.json:1:"));
  EXPECT_EQ(refusal(""), "f.json: expected JSON, got an empty file");
  EXPECT_EQ(refusal(" \n"), "f.json: expected JSON, got an empty file");
  EXPECT_EQ(refusal("\xEF\xBB\xBF{}"),
            "f.json: expected JSON, got a byte order mark");
}

TEST(Json, MessagesAreOneShortLine) {
  std::string message = refusal("[\"" + std::string(100'000, 'x') + "\n\"]");
  EXPECT_LT(message.size(), 300u);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_EQ(refusal(R"({"a": 1, "b": {"c": 1, "d": 2, "c": 3}})"),
            "f.json: b.c: duplicate key");
  EXPECT_EQ(refusal(R"([0, {"x": 1, "x": 1}])"),
            "f.json: [1].x: duplicate key");
}

TEST(Json, Limits) {
  EXPECT_THAT(refusal(std::string(100'000, '[')),
              HasSubstr("expected at most 64 levels of nesting"));
  std::string nested = std::string(64, '[') + std::string(64, ']');
  EXPECT_EQ(refusal(nested), "");
  JsonLimits limits;
  limits.maxBytes = 4;
  EXPECT_THAT(refusal("[1,2]", limits), HasSubstr("at most 4 bytes, got 5"));
  limits = {};
  limits.maxValues = 3;
  EXPECT_EQ(refusal("[1,2]", limits), "");
  EXPECT_THAT(refusal("[1,2,3]", limits), HasSubstr("at most 3 values"));
}

TEST(JsonCursor, NamesFileFieldExpectedAndGot) {
  Expected<JsonValue> tree = parseJson(
      R"({"n_group": "8", "zero": 0, "real": 8.0, "none": null, "huge": 1e30,
          "rope_scaling": {"factor": "x"}, "list": [1, true]})",
      "config.json");
  ASSERT_TRUE(tree.ok());
  JsonCursor root(*tree, "config.json");
  EXPECT_EQ(root["n_group"].positive().message(),
            "config.json: n_group: expected a positive integer, got \"8\"");
  EXPECT_EQ(root["zero"].positive().message(),
            "config.json: zero: expected a positive integer, got 0");
  EXPECT_EQ(root["real"].integer().message(),
            "config.json: real: expected an integer, got 8.0");
  EXPECT_EQ(root["huge"].integer(0, 9).message(),
            "config.json: huge: expected an integer from 0 to 9, got 1e+30");
  EXPECT_EQ(root["absent"].boolean().message(),
            "config.json: absent: missing, expected true or false");
  EXPECT_EQ(root["rope_scaling"]["factor"].number().message(),
            "config.json: rope_scaling.factor: expected a number, got \"x\"");
  EXPECT_EQ(root["list"].at(1).integer().message(),
            "config.json: list[1]: expected an integer, got true");
  EXPECT_EQ(root["list"].string().message(),
            "config.json: list: expected a string, got an array of 2");
  EXPECT_EQ(root.array().message(),
            "config.json: expected an array, got an object of 7");
  EXPECT_EQ(*root["real"].number(), 8.0);
  EXPECT_EQ(*root["list"].at(0).number(), 1.0);
  EXPECT_TRUE(root["none"].present() && !root["none"].given());
  EXPECT_FALSE(root["list"].at(2).present());
  EXPECT_FALSE(root["zero"]["deeper"]["still"].present());
}

TEST(JsonCursor, QuotesAreCutBetweenCharacters) {
  std::string text = std::string(59, 'x') + "\xC3\xBC" + "more";
  JsonValue value{text};
  EXPECT_EQ(value.describe(), '"' + std::string(59, 'x') + "\"...");
}

TEST(JsonWriter, WritesWhatReadsBack) {
  JsonWriter json;
  std::string text("q\" b\\ \n\x01 \xC3\xBC \xFF", 13);
  json.beginObject()
      .member("text", std::string_view(text))
      .member("third", 1.0 / 3)
      .member("nan", 0.0 / 0.0)
      .member("least", INT64_MIN)
      .member("yes", true);
  json.key("list").beginArray().value(1).value("x").beginArray().endArray();
  json.endArray().endObject();
  EXPECT_EQ(json.text(),
            "{\"text\":\"q\\\" b\\\\ \\n\\u0001 \xC3\xBC \xEF\xBF\xBD\","
            "\"third\":0.3333333333333333,\"nan\":null,"
            "\"least\":-9223372036854775808,\"yes\":true,"
            "\"list\":[1,\"x\",[]]}");
  Expected<JsonValue> tree = parseJson(json.text(), "out");
  ASSERT_TRUE(tree.ok()) << tree.message();
  EXPECT_EQ(*tree->asObject()->find("third")->asDouble(), 1.0 / 3);
}

} // namespace
