//===- Utf8Stream.h - Bytes into text as they come ----------------*- C++ -*-===//
//
// Turns bytes that arrive token by token into valid UTF-8: whole characters as
// soon as they are complete, U+FFFD for each maximal ill-formed part. The
// pieces joined are what decoding all at once gives.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_UTF8STREAM_H
#define RUNTIME_TEXT_UTF8STREAM_H

#include <string>
#include <string_view>

namespace dsv2 {

class Utf8Stream {
public:
  /// The text that `bytes` completes.
  std::string push(std::string_view bytes);
  /// What remains when nothing follows: U+FFFD for a cut character, or nothing.
  std::string finish();

private:
  std::string pending; // at most 3 bytes: the beginning of a character
};

} // namespace dsv2

#endif // RUNTIME_TEXT_UTF8STREAM_H
