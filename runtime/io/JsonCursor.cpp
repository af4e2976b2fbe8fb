//===- JsonCursor.cpp - Fields out of a JSON tree, with messages ----------===//
//
// The getters and the wording of their refusals.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonCursor.h"

#include "runtime/io/JsonWriter.h"

using namespace dsv2;

JsonCursor JsonCursor::operator[](std::string_view key) const {
  const JsonObject *object = value ? value->asObject() : nullptr;
  std::string path = keys.empty() ? std::string(key) : keys + "." + std::string(key);
  return JsonCursor(object ? object->find(key) : nullptr, source,
                    std::move(path));
}

JsonCursor JsonCursor::at(size_t index) const {
  const JsonArray *array = value ? value->asArray() : nullptr;
  return JsonCursor(array && index < array->size() ? &(*array)[index] : nullptr,
                    source, keys + "[" + std::to_string(index) + "]");
}

Expected<int64_t> JsonCursor::integer(int64_t min, int64_t max) const {
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  constexpr int64_t greatest = std::numeric_limits<int64_t>::max();
  if (const int64_t *number = value ? value->asInteger() : nullptr)
    if (*number >= min && *number <= max)
      return *number;
  std::string what;
  if (min == 1 && max == greatest)
    what = "a positive integer";
  else if (min == 0 && max == greatest)
    what = "a non-negative integer";
  else if (min == least && max == greatest)
    what = "an integer";
  else if (max == greatest)
    what = "an integer of at least " + std::to_string(min);
  else if (min == least)
    what = "an integer of at most " + std::to_string(max);
  else
    what = "an integer from " + std::to_string(min) + " to " +
           std::to_string(max);
  return expected(what);
}

Expected<double> JsonCursor::number() const {
  if (value) {
    if (const double *number = value->asDouble())
      return *number;
    if (const int64_t *number = value->asInteger())
      return static_cast<double>(*number);
    if (const uint64_t *number = value->asUnsigned())
      return static_cast<double>(*number);
  }
  return expected("a number");
}

Expected<double> JsonCursor::number(double min, double max) const {
  Expected<double> answer = number();
  if (answer.ok() && *answer >= min && *answer <= max)
    return answer;
  return expected("a number from " + formatJsonNumber(min) + " to " +
                  formatJsonNumber(max));
}

Expected<bool> JsonCursor::boolean() const {
  if (const bool *flag = value ? value->asBool() : nullptr)
    return *flag;
  return expected("true or false");
}

Expected<std::string_view> JsonCursor::string() const {
  if (const std::string *text = value ? value->asString() : nullptr)
    return std::string_view(*text);
  return expected("a string");
}

Expected<const JsonArray *> JsonCursor::array() const {
  if (const JsonArray *elements = value ? value->asArray() : nullptr)
    return elements;
  return expected("an array");
}

Expected<const JsonObject *> JsonCursor::object() const {
  if (const JsonObject *members = value ? value->asObject() : nullptr)
    return members;
  return expected("an object");
}

Status JsonCursor::error(const std::string &what) const {
  return Status::error(source + ": " + (keys.empty() ? "" : keys + ": ") +
                       what);
}

Status JsonCursor::expected(const std::string &what) const {
  if (!value)
    return error("missing, expected " + what);
  return error("expected " + what + ", got " + value->describe());
}
