//===- Json.h - The one JSON reader -----------------------------*- C++ -*-===//
//
// An immutable value tree and the parser that makes it. Strict: RFC 8259 only,
// no byte order mark, valid UTF-8, no duplicate keys, bounded depth, size and
// count, so that any file may be given to it. JsonCursor reads fields out of a
// tree with messages; the tree itself knows no file name.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_JSON_H
#define RUNTIME_IO_JSON_H

#include "runtime/io/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dsv2 {

class JsonValue;
struct JsonMember;

using JsonArray = std::vector<JsonValue>;

/// Members in the order of the file; keys are unique.
class JsonObject {
public:
  // Out of line, where JsonMember is complete.
  JsonObject();
  JsonObject(const JsonObject &);
  JsonObject(JsonObject &&) noexcept;
  JsonObject &operator=(const JsonObject &);
  JsonObject &operator=(JsonObject &&) noexcept;
  ~JsonObject();

  size_t size() const;
  const JsonMember *begin() const;
  const JsonMember *end() const;
  /// Null when there is no such key. O(log n).
  const JsonValue *find(std::string_view key) const;

private:
  friend class JsonTreeBuilder;
  /// Sorts `order`; names a duplicate key, or returns null.
  const std::string *index();

  std::vector<JsonMember> members;
  std::vector<uint32_t> order; // of members, sorted by key
};

/// One JSON value. Numbers keep their kind: `1` is an integer, `1.0` is not.
class JsonValue {
public:
  JsonValue() = default;
  explicit JsonValue(bool value) : storage(value) {}
  explicit JsonValue(int64_t value) : storage(value) {}
  explicit JsonValue(uint64_t value) : storage(value) {}
  explicit JsonValue(double value) : storage(value) {}
  explicit JsonValue(std::string value) : storage(std::move(value)) {}
  explicit JsonValue(JsonArray value) : storage(std::move(value)) {}
  explicit JsonValue(JsonObject value) : storage(std::move(value)) {}

  bool isNull() const { return storage.index() == 0; }
  const bool *asBool() const { return std::get_if<bool>(&storage); }
  /// Any integer that fits in 64 signed bits.
  const int64_t *asInteger() const { return std::get_if<int64_t>(&storage); }
  /// An integer of at least 2^63.
  const uint64_t *asUnsigned() const { return std::get_if<uint64_t>(&storage); }
  /// A number written with a fraction or an exponent.
  const double *asDouble() const { return std::get_if<double>(&storage); }
  const std::string *asString() const {
    return std::get_if<std::string>(&storage);
  }
  const JsonArray *asArray() const { return std::get_if<JsonArray>(&storage); }
  const JsonObject *asObject() const {
    return std::get_if<JsonObject>(&storage);
  }

  /// A short form for messages: the value, cut, or "an array of 3".
  std::string describe() const;

private:
  friend class JsonTreeBuilder;
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string,
               JsonArray, JsonObject>
      storage;
};

struct JsonMember {
  std::string key;
  JsonValue value;
};

/// What a caller allows. A tree needs up to 64 bytes a value besides its text.
struct JsonLimits {
  size_t maxBytes = size_t(64) << 20;
  size_t maxValues = size_t(8) << 20;
  unsigned maxDepth = 64;
};

/// Parses `text`. `source` names it in messages: `source:line:column: ...`, or
/// `source: key.path: ...` for duplicate keys.
Expected<JsonValue> parseJson(std::string_view text, std::string_view source,
                              const JsonLimits &limits = {});

/// Reads and parses a regular file; messages name it by `path`.
Expected<JsonValue> parseJsonFile(const std::string &path,
                                  const JsonLimits &limits = {});

} // namespace dsv2

#endif // RUNTIME_IO_JSON_H
