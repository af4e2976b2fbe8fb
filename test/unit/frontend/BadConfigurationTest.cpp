//===- BadConfigurationTest.cpp - Wrong configurations, each its message --===//
//
// Every field put to every kind of wrong value (configuration-fields.json), and
// the other classes (configuration.json) of test/bad_input.
//
//===----------------------------------------------------------------------===//

#include "test/unit/frontend/Configurations.h"
#include "test/unit/runtime/io/BadInput.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace dsv2;
using namespace dsv2::test;

static const std::string file = "m/config.json";

static std::string refusalOf(const std::string &text) {
  Expected<JsonValue> json = parseJson(text, file);
  if (!json.ok())
    return json.message();
  Expected<mlir::dsv2::ModelConfig> config = mlir::dsv2::readModelConfig(*json, file);
  return config.ok() ? "accepted" : config.message();
}

/// V2's fields with one of them set; `a.b` is `b` inside `a`, V2's YaRN.
static Fields withField(const std::string &path, const std::string &value) {
  size_t dot = path.find('.');
  if (dot == path.npos)
    return with(v2Fields(), {{path, value}});
  Fields inner = {{"type", R"("yarn")"},
                  {"factor", "40"},
                  {"original_max_position_embeddings", "4096"}};
  inner[path.substr(dot + 1)] = value;
  return with(v2Fields(), {{path.substr(0, dot), jsonText(inner)}});
}

/// The message that a row of the table promises for a value.
static std::string promised(const std::string &field, const JsonObject &row,
                            const std::string &kind, const std::string &shown) {
  std::string start = file + ": ";
  if (const JsonValue *instead = row.find("instead"))
    if (const JsonValue *message = instead->asObject()->find(kind))
      return start + *message->asString();
  start += field + ": ";
  if (const JsonValue *neutral = row.find("neutral"))
    return start + "not supported: expected " + *neutral->asString() + ", got " + shown;
  const std::string &expected = *row.find("expected")->asString();
  return start + (kind == "missing" ? "missing, expected " + expected
                                    : "expected " + expected + ", got " + shown);
}

TEST(BadConfiguration, EveryFieldAndValue) {
  JsonValue tree = readBadInput("configuration-fields");
  const JsonObject &values = *tree.asObject()->find("values")->asObject();
  size_t refused = 0;
  for (const JsonMember &field : *tree.asObject()->find("fields")->asObject()) {
    const JsonObject &row = *field.value.asObject();
    std::vector<std::string> accepts;
    if (const JsonValue *list = row.find("accepts"))
      for (const JsonValue &kind : *list->asArray())
        accepts.push_back(*kind.asString());
    for (const JsonMember &value : values) {
      Fields fields = withField(field.key, textOf(value.value, "json"));
      if (const JsonValue *without = row.find("without"))
        for (const JsonValue &other : *without->asArray())
          fields[*other.asString()] = "";
      std::string got = refusalOf(jsonText(fields));
      SCOPED_TRACE(field.key + ", " + value.key);
      if (std::find(accepts.begin(), accepts.end(), value.key) != accepts.end()) {
        EXPECT_EQ(got, "accepted");
        continue;
      }
      ++refused;
      if (value.key == "not a number")
        EXPECT_TRUE(matches(got, file + ":...: invalid JSON: ...")) << got;
      else
        EXPECT_EQ(got, promised(field.key, row, value.key, textOf(value.value, "shown")));
    }
  }
  EXPECT_GT(refused, 500u);
}

TEST(BadConfiguration, EveryKeyThatIsReadHasARow) {
  JsonValue tree = readBadInput("configuration-fields");
  std::vector<std::string> rows;
  for (const JsonMember &field : *tree.asObject()->find("fields")->asObject())
    rows.push_back(field.key);
  EXPECT_THAT(mlir::dsv2::checkedConfigKeys(), testing::UnorderedElementsAreArray(rows));
}

TEST(BadConfiguration, OtherClasses) {
  expectMessages("configuration", [](const JsonValue &one) {
    if (const JsonValue *text = one.asObject()->find("text"))
      return refusalOf(bytesOf(*text));
    Fields fields = v2Fields();
    for (const JsonMember &change : *one.asObject()->find("changes")->asObject())
      fields[change.key] = jsonOf(change.value);
    return refusalOf(jsonText(fields));
  });
}
