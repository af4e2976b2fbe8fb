//===- JsonCursor.h - Fields out of a JSON tree, with messages --*- C++ -*-===//
//
// A place in a JsonValue tree that remembers how it was reached, so that every
// refusal names the file, the field, what was expected and what was found.
// Absent fields are places too: they answer `present()` with false and every
// getter with an error. Borrows the tree.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_JSONCURSOR_H
#define RUNTIME_IO_JSONCURSOR_H

#include "runtime/io/Json.h"

#include <limits>

namespace dsv2 {

class JsonCursor {
public:
  /// The root of `tree`, which must outlive the cursor.
  JsonCursor(const JsonValue &tree, std::string source)
      : value(&tree), source(std::move(source)) {}

  /// A member; absent when there is none or this is no object.
  JsonCursor operator[](std::string_view key) const;
  /// An element; absent when there is none or this is no array.
  JsonCursor at(size_t index) const;

  bool present() const { return value != nullptr; }
  bool isNull() const { return value && value->isNull(); }
  /// Present and not null: what Hugging Face treats as given.
  bool given() const { return value && !value->isNull(); }
  /// Null when absent.
  const JsonValue *get() const { return value; }
  /// The keys and indices that lead here, as in `rope_scaling.factor`.
  const std::string &path() const { return keys; }

  /// An integer from `min` to `max`; `8.0` and `"8"` are none.
  Expected<int64_t> integer(
      int64_t min = std::numeric_limits<int64_t>::min(),
      int64_t max = std::numeric_limits<int64_t>::max()) const;
  Expected<int64_t> positive() const { return integer(1); }
  /// Any finite number.
  Expected<double> number() const;
  /// A number from `min` to `max`.
  Expected<double> number(double min, double max) const;
  Expected<bool> boolean() const;
  /// Points into the tree.
  Expected<std::string_view> string() const;
  Expected<const JsonArray *> array() const;
  Expected<const JsonObject *> object() const;

  /// `source: path: what`.
  Status error(const std::string &what) const;
  /// `source: path: expected WHAT, got VALUE`, or `... missing, expected WHAT`.
  Status expected(const std::string &what) const;

private:
  JsonCursor(const JsonValue *value, std::string source, std::string keys)
      : value(value), source(std::move(source)), keys(std::move(keys)) {}

  const JsonValue *value;
  std::string source;
  std::string keys;
};

} // namespace dsv2

#endif // RUNTIME_IO_JSONCURSOR_H
