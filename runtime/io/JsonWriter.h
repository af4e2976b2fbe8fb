//===- JsonWriter.h - JSON out ----------------------------------*- C++ -*-===//
//
// Appends one JSON text, member by member, to a string. What comes out parses
// whatever goes in: invalid UTF-8 becomes U+FFFD, numbers that JSON lacks
// become null, f64 prints in the fewest digits that read back equal.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_JSONWRITER_H
#define RUNTIME_IO_JSONWRITER_H

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace dsv2 {

/// `text` in quotes with the escapes that JSON demands and no others.
std::string quoteJson(std::string_view text);

/// The shortest decimal that reads back as `value`; "null" unless finite.
std::string formatJsonNumber(double value);

/// Calls must nest as JSON does: in an object, `key` before each value.
class JsonWriter {
public:
  JsonWriter &beginObject() { return open('{'); }
  JsonWriter &endObject() { return close('}'); }
  JsonWriter &beginArray() { return open('['); }
  JsonWriter &endArray() { return close(']'); }
  JsonWriter &key(std::string_view name);

  JsonWriter &null() { return raw("null"); }
  JsonWriter &value(bool flag) { return raw(flag ? "true" : "false"); }
  JsonWriter &value(double number) { return raw(formatJsonNumber(number)); }
  JsonWriter &value(std::string_view text) { return raw(quoteJson(text)); }
  JsonWriter &value(const char *text) { return value(std::string_view(text)); }
  template <typename T, typename = std::enable_if_t<std::is_integral_v<T>>>
  JsonWriter &value(T number) {
    return raw(std::to_string(number));
  }

  template <typename T> JsonWriter &member(std::string_view name, T &&item) {
    return key(name).value(std::forward<T>(item));
  }

  /// The text so far.
  const std::string &text() const { return out; }

private:
  JsonWriter &open(char bracket);
  JsonWriter &close(char bracket);
  JsonWriter &raw(std::string_view token);
  void separate();

  std::string out;
  bool needsComma = false;
};

} // namespace dsv2

#endif // RUNTIME_IO_JSONWRITER_H
