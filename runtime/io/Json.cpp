//===- Json.cpp - The one JSON reader -------------------------------------===//
//
// Builds the tree from nlohmann-json's event interface, whose parser keeps its
// own stack on the heap, so deep input costs a message and not the process.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Json.h"

#include "runtime/io/File.h"
#include "runtime/io/JsonWriter.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>

using namespace dsv2;

JsonObject::JsonObject() = default;
JsonObject::JsonObject(const JsonObject &) = default;
JsonObject::JsonObject(JsonObject &&) noexcept = default;
JsonObject &JsonObject::operator=(const JsonObject &) = default;
JsonObject &JsonObject::operator=(JsonObject &&) noexcept = default;
JsonObject::~JsonObject() = default;

size_t JsonObject::size() const { return members.size(); }
const JsonMember *JsonObject::begin() const { return members.data(); }
const JsonMember *JsonObject::end() const {
  return members.data() + members.size();
}

const JsonValue *JsonObject::find(std::string_view key) const {
  auto position = std::lower_bound(
      order.begin(), order.end(), key,
      [&](uint32_t index, std::string_view wanted) {
        return members[index].key < wanted;
      });
  if (position == order.end() || members[*position].key != key)
    return nullptr;
  return &members[*position].value;
}

const std::string *JsonObject::index() {
  // Vocabularies have 100,000 keys: the first 8 bytes of each are compared as
  // one number, in an array of their own, which decides nearly always.
  struct Entry {
    uint64_t prefix;
    uint32_t member;
  };
  std::vector<Entry> entries(members.size());
  for (uint32_t i = 0; i < entries.size(); ++i) {
    unsigned char bytes[8] = {};
    std::copy_n(members[i].key.data(),
                std::min<size_t>(members[i].key.size(), 8), bytes);
    uint64_t prefix = 0;
    for (unsigned char byte : bytes)
      prefix = prefix << 8 | byte;
    entries[i] = {prefix, i};
  }
  std::sort(entries.begin(), entries.end(),
            [&](const Entry &a, const Entry &b) {
              return a.prefix != b.prefix
                         ? a.prefix < b.prefix
                         : members[a.member].key < members[b.member].key;
            });
  order.reserve(entries.size());
  const std::string *duplicate = nullptr;
  for (size_t i = 0; i < entries.size(); ++i) {
    order.push_back(entries[i].member);
    if (i > 0 && entries[i].prefix == entries[i - 1].prefix &&
        members[order[i]].key == members[order[i - 1]].key)
      duplicate = &members[order[i]].key;
  }
  return duplicate;
}

std::string JsonValue::describe() const {
  constexpr size_t maxText = 60;
  if (isNull())
    return "null";
  if (const bool *value = asBool())
    return *value ? "true" : "false";
  if (const int64_t *value = asInteger())
    return std::to_string(*value);
  if (const uint64_t *value = asUnsigned())
    return std::to_string(*value);
  if (const double *value = asDouble()) {
    std::string text = formatJsonNumber(*value);
    // `8.0` must not read as the integer that was expected.
    if (text.find_first_of(".e") == std::string::npos)
      text += ".0";
    return text;
  }
  if (const std::string *value = asString()) {
    std::string_view text = *value;
    bool cut = text.size() > maxText;
    if (cut) {
      size_t end = maxText;
      while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end;
      text = text.substr(0, end);
    }
    return quoteJson(text) + (cut ? "..." : "");
  }
  if (const JsonArray *value = asArray())
    return "an array of " + std::to_string(value->size());
  return "an object of " + std::to_string(asObject()->size());
}

namespace dsv2 {

/// Receives nlohmann-json's events. A handler that returns false stops the
/// parser; `failure` then holds the reason.
class JsonTreeBuilder {
public:
  JsonTreeBuilder(std::string_view text, std::string_view source,
                  const JsonLimits &limits)
      : text(text), source(source), limits(limits) {}

  bool null() { return add(JsonValue()); }
  bool boolean(bool value) { return add(JsonValue(value)); }
  bool number_integer(int64_t value) { return add(JsonValue(value)); }
  bool number_unsigned(uint64_t value) {
    if (value <= uint64_t(std::numeric_limits<int64_t>::max()))
      return add(JsonValue(static_cast<int64_t>(value)));
    return add(JsonValue(value));
  }
  bool number_float(double value, const std::string &) {
    return add(JsonValue(value));
  }
  bool string(std::string &value) { return add(JsonValue(std::move(value))); }
  bool binary(std::vector<uint8_t> &) { return false; }

  bool start_object(size_t) { return open(JsonValue(JsonObject())); }
  bool start_array(size_t) { return open(JsonValue(JsonArray())); }
  bool key(std::string &name) {
    open_.back().key = std::move(name);
    return true;
  }
  bool end_object() {
    JsonObject &object =
        std::get<JsonObject>(open_.back().value.storage);
    if (const std::string *duplicate = object.index()) {
      std::string path;
      for (size_t i = 0; i + 1 < open_.size(); ++i)
        path += (open_[i].value.asArray()
                     ? "[" + std::to_string(open_[i].value.asArray()->size()) +
                           "]"
                     : (path.empty() ? "" : ".") + open_[i].key);
      path += (path.empty() ? "" : ".") + *duplicate;
      return fail(std::string(source) + ": " + printable(path) +
                  ": duplicate key");
    }
    return close();
  }
  bool end_array() { return close(); }

  bool parse_error(size_t position, const std::string &,
                   const nlohmann::detail::exception &error) {
    // "[json.exception...] parse error at line 1, column 2: what happened", or
    // without a place; the place is said here in the form of compilers.
    std::string what = error.what();
    for (std::string_view end : {"] ", ": "})
      if (size_t start = what.find(end); start != std::string::npos)
        what = what.substr(start + end.size());
    constexpr std::string_view preamble = "syntax error while ";
    if (what.compare(0, preamble.size(), preamble) == 0)
      what = what.substr(preamble.size());
    return fail(locate(position) + ": invalid JSON: " + printable(what));
  }

  /// `source:line:column` of a byte counted from 1.
  std::string locate(size_t position) const {
    std::string_view before =
        text.substr(0, position == 0 ? 0 : std::min(position - 1, text.size()));
    size_t line = 1 + size_t(std::count(before.begin(), before.end(), '\n'));
    size_t lineStart = before.rfind('\n');
    size_t column =
        before.size() - (lineStart == before.npos ? 0 : lineStart + 1) + 1;
    return std::string(source) + ":" + std::to_string(line) + ":" +
           std::to_string(column);
  }

  bool fail(std::string message) {
    if (failure.ok())
      failure = Status::error(std::move(message));
    return false;
  }

  JsonValue root;
  Status failure = Status::success();

private:
  struct Open {
    JsonValue value;
    std::string key; // of the member being read, when value is an object
  };

  /// One line of printable text of bounded length, whatever the file holds.
  static std::string printable(std::string_view text) {
    constexpr size_t maxLength = 160;
    std::string line;
    for (char c : text.substr(0, maxLength))
      line += static_cast<unsigned char>(c) < 0x20 ||
                      static_cast<unsigned char>(c) >= 0x7F
                  ? '?'
                  : c;
    return text.size() > maxLength ? line + "..." : line;
  }

  bool count() {
    if (++values <= limits.maxValues)
      return true;
    return fail(std::string(source) + ": expected at most " +
                std::to_string(limits.maxValues) + " values");
  }

  bool open(JsonValue value) {
    if (open_.size() >= limits.maxDepth)
      return fail(std::string(source) + ": expected at most " +
                  std::to_string(limits.maxDepth) + " levels of nesting");
    open_.push_back(Open{std::move(value), {}});
    return count();
  }

  bool close() {
    JsonValue value = std::move(open_.back().value);
    open_.pop_back();
    return place(std::move(value));
  }

  bool add(JsonValue value) { return count() && place(std::move(value)); }

  bool place(JsonValue value) {
    if (open_.empty()) {
      root = std::move(value);
    } else if (auto *array =
                   std::get_if<JsonArray>(&open_.back().value.storage)) {
      array->push_back(std::move(value));
    } else {
      auto &object = std::get<JsonObject>(open_.back().value.storage);
      object.members.push_back(
          JsonMember{std::move(open_.back().key), std::move(value)});
    }
    return true;
  }

  std::string_view text;
  std::string_view source;
  const JsonLimits &limits;
  std::vector<Open> open_;
  size_t values = 0;
};

} // namespace dsv2

Expected<JsonValue> dsv2::parseJson(std::string_view text,
                                    std::string_view source,
                                    const JsonLimits &limits) {
  std::string name(source);
  if (text.size() > limits.maxBytes)
    return Status::error(name + ": expected at most " +
                         std::to_string(limits.maxBytes) + " bytes, got " +
                         std::to_string(text.size()));
  if (text.substr(0, 3) == "\xEF\xBB\xBF")
    return Status::error(name + ": expected JSON, got a byte order mark");
  if (isGitLfsPointer(text))
    return Status::error(name + ": expected JSON, got a Git LFS pointer (fetch "
                                "it with `git lfs pull`)");
  if (text.find_first_not_of(" \t\r\n") == text.npos)
    return Status::error(name + ": expected JSON, got an empty file");

  JsonTreeBuilder builder(text, source, limits);
  try {
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
      return std::move(builder.root);
  } catch (const std::exception &error) {
    builder.fail(name + ": cannot parse: " + error.what());
  }
  builder.fail(name + ": invalid JSON");
  return builder.failure;
}

Expected<JsonValue> dsv2::parseJsonFile(const std::string &path,
                                        const JsonLimits &limits) {
  Expected<std::string> text = readRegularFile(path, limits.maxBytes);
  if (!text.ok())
    return text.status();
  return parseJson(*text, path, limits);
}
