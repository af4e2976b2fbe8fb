//===- JsonWriter.cpp - JSON out ------------------------------------------===//
//
// Escapes, numbers and commas.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonWriter.h"

#include "runtime/io/Utf8.h"

#include <charconv>
#include <cmath>

using namespace dsv2;

std::string dsv2::quoteJson(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    Utf8Step step = stepUtf8(text.substr(i));
    if (step.kind != Utf8Step::Valid) {
      out += utf8Replacement;
    } else if (step.scalar == '"' || step.scalar == '\\') {
      out += '\\';
      out += static_cast<char>(step.scalar);
    } else if (step.scalar < 0x20) {
      constexpr char hex[] = "0123456789abcdef";
      switch (step.scalar) {
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += hex[step.scalar >> 4];
        out += hex[step.scalar & 15];
      }
    } else {
      out += text.substr(i, step.length);
    }
    i += step.length;
  }
  return out + '"';
}

std::string dsv2::formatJsonNumber(double value) {
  if (!std::isfinite(value))
    return "null";
  char digits[40];
  std::to_chars_result end =
      std::to_chars(digits, digits + sizeof digits, value);
  return std::string(digits, end.ptr);
}

JsonWriter &JsonWriter::key(std::string_view name) {
  raw(quoteJson(name));
  out += ':';
  needsComma = false;
  return *this;
}

void JsonWriter::separate() {
  if (needsComma)
    out += ',';
}

JsonWriter &JsonWriter::open(char bracket) {
  separate();
  out += bracket;
  needsComma = false;
  return *this;
}

JsonWriter &JsonWriter::close(char bracket) {
  out += bracket;
  needsComma = true;
  return *this;
}

JsonWriter &JsonWriter::raw(std::string_view token) {
  separate();
  out += token;
  needsComma = true;
  return *this;
}
