//===- BadInput.h - The cases of test/bad_input -----------------*- C++ -*-===//
//
// Reads the lists of wrong inputs and of the messages that they get. The lists
// are data, so that docs/BadInput.md is made of what is tested.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_IO_BADINPUT_H
#define TEST_UNIT_RUNTIME_IO_BADINPUT_H

#include "runtime/io/Json.h"
#include "runtime/io/JsonWriter.h"

#include <gtest/gtest.h>
#include <string>

namespace dsv2::test {

/// The list NAME.json, of which failures to read end the program.
inline JsonValue readBadInput(const std::string &name) {
  Expected<JsonValue> tree =
      parseJsonFile(std::string(DSV2_BAD_INPUT) + "/" + name + ".json");
  if (!tree.ok()) {
    ADD_FAILURE() << tree.message();
    abort();
  }
  return std::move(*tree);
}

/// A member's text; empty when there is none.
inline std::string textOf(const JsonValue &object, std::string_view key) {
  const JsonValue *value = object.asObject()->find(key);
  return value && value->asString() ? *value->asString() : "";
}

/// The JSON text of a value.
inline std::string jsonOf(const JsonValue &value) {
  std::string text;
  if (const std::string *string = value.asString())
    return quoteJson(*string);
  if (const JsonArray *array = value.asArray()) {
    for (const JsonValue &element : *array)
      text += (text.empty() ? "" : ",") + jsonOf(element);
    return "[" + text + "]";
  }
  if (const JsonObject *object = value.asObject()) {
    for (const JsonMember &member : *object)
      text += (text.empty() ? "" : ",") + quoteJson(member.key) + ":" + jsonOf(member.value);
    return "{" + text + "}";
  }
  return value.describe();
}

/// The bytes that a value stands for: a string itself; `{"bytes": [255]}`;
/// `{"u64": 8}`, little-endian;
/// `{"repeat": ..., "times": 9}`; an array, joined.
inline std::string bytesOf(const JsonValue &value) {
  std::string result;
  if (const std::string *text = value.asString())
    return *text;
  if (const JsonArray *parts = value.asArray()) {
    for (const JsonValue &part : *parts)
      result += bytesOf(part);
    return result;
  }
  const JsonObject &object = *value.asObject();
  if (const JsonValue *bytes = object.find("bytes")) {
    for (const JsonValue &byte : *bytes->asArray())
      result += char(*byte.asInteger());
  } else if (const JsonValue *number = object.find("u64")) {
    uint64_t bits = number->asUnsigned() ? *number->asUnsigned()
                                         : uint64_t(*number->asInteger());
    for (int i = 0; i < 8; ++i)
      result += char(bits >> (8 * i) & 0xFF);
  } else {
    std::string one = bytesOf(*object.find("repeat"));
    for (int64_t i = *object.find("times")->asInteger(); i > 0; --i)
      result += one;
  }
  return result;
}

/// Whether `message` is `pattern`, in which `...` stands for anything.
inline bool matches(std::string_view message, std::string_view pattern) {
  constexpr std::string_view any = "...";
  size_t hole = pattern.find(any);
  if (hole == pattern.npos)
    return message == pattern;
  if (message.substr(0, hole) != pattern.substr(0, hole))
    return false;
  message.remove_prefix(hole);
  pattern.remove_prefix(hole + any.size());
  for (; (hole = pattern.find(any)) != pattern.npos; pattern.remove_prefix(hole + any.size())) {
    size_t found = message.find(pattern.substr(0, hole));
    if (found == message.npos)
      return false;
    message.remove_prefix(found + hole);
  }
  return message.size() >= pattern.size() &&
         message.substr(message.size() - pattern.size()) == pattern;
}

/// Calls `refusal` with each case of the list; its answer must be the message.
template <typename Refusal>
void expectMessages(const std::string &list, Refusal refusal) {
  JsonValue tree = readBadInput(list);
  const JsonArray &cases = *tree.asObject()->find("cases")->asArray();
  ASSERT_FALSE(cases.empty());
  for (const JsonValue &one : cases) {
    std::string message = refusal(one), pattern = textOf(one, "message");
    EXPECT_TRUE(matches(message, pattern))
        << textOf(one, "class") << "\nexpected " << pattern << "\ngot      " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

} // namespace dsv2::test

#endif // TEST_UNIT_RUNTIME_IO_BADINPUT_H
