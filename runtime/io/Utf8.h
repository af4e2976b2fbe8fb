//===- Utf8.h - UTF-8, valid or not -----------------------------*- C++ -*-===//
//
// Steps through UTF-8 text and says where it is invalid, by the rules that
// Unicode recommends for replacing invalid text (each maximal subpart of an
// ill-formed sequence is one error), which Rust and browsers follow too.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_UTF8_H
#define RUNTIME_IO_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsv2 {

/// One step through text.
struct Utf8Step {
  enum Kind : uint8_t {
    Valid,     ///< `length` bytes encode `scalar`
    Invalid,   ///< `length` bytes are one maximal ill-formed subpart
    Incomplete ///< the text ends in `length` bytes that more could complete
  };
  Kind kind;
  uint8_t length; // 1 to 4
  char32_t scalar;
};

inline constexpr std::string_view utf8Replacement = "\xEF\xBF\xBD";

/// The step at the beginning of `text`, which is not empty.
inline Utf8Step stepUtf8(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return {Utf8Step::Valid, 1, lead};
  unsigned length;
  char32_t scalar;
  // The second byte's bounds exclude overlong forms, surrogates and
  // everything above U+10FFFF.
  unsigned char low = 0x80, high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    scalar = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    scalar = lead & 0x0F;
    low = lead == 0xE0 ? 0xA0 : 0x80;
    high = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    scalar = lead & 0x07;
    low = lead == 0xF0 ? 0x90 : 0x80;
    high = lead == 0xF4 ? 0x8F : 0xBF;
  } else {
    return {Utf8Step::Invalid, 1, 0};
  }
  for (unsigned i = 1; i < length; ++i) {
    if (i >= text.size())
      return {Utf8Step::Incomplete, static_cast<uint8_t>(i), 0};
    if (byte(i) < low || byte(i) > high)
      return {Utf8Step::Invalid, static_cast<uint8_t>(i), 0};
    scalar = scalar << 6 | (byte(i) & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {Utf8Step::Valid, static_cast<uint8_t>(length), scalar};
}

/// Offset of the first byte that is not part of valid UTF-8, or npos.
inline size_t findInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    Utf8Step step = stepUtf8(text.substr(i));
    if (step.kind != Utf8Step::Valid)
      return i;
    i += step.length;
  }
  return std::string_view::npos;
}

/// Appends the encoding of a scalar value.
inline void appendUtf8(std::string &out, char32_t scalar) {
  if (scalar < 0x80) {
    out += static_cast<char>(scalar);
  } else if (scalar < 0x800) {
    out += static_cast<char>(0xC0 | scalar >> 6);
    out += static_cast<char>(0x80 | (scalar & 0x3F));
  } else if (scalar < 0x10000) {
    out += static_cast<char>(0xE0 | scalar >> 12);
    out += static_cast<char>(0x80 | (scalar >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (scalar & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | scalar >> 18);
    out += static_cast<char>(0x80 | (scalar >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (scalar >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (scalar & 0x3F));
  }
}

} // namespace dsv2

#endif // RUNTIME_IO_UTF8_H
