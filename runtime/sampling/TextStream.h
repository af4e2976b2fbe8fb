//===- TextStream.h - Text that is safe to show -----------------*- C++ -*-===//
//
// Bytes of tokens go in, complete characters come out, up to the first stop
// string. Text that may be the beginning of a stop string waits.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_TEXTSTREAM_H
#define RUNTIME_SAMPLING_TEXTSTREAM_H

#include <string>
#include <string_view>
#include <vector>

namespace dsv2::sampling {

class TextStream {
public:
  /// Empty stop strings are ignored.
  explicit TextStream(std::vector<std::string> stops);

  /// Takes the next bytes and returns the text that is certain. Bytes that can
  /// never become UTF-8 are replaced by U+FFFD. Nothing after a stop.
  std::string push(std::string_view bytes);
  /// Ends the stream: returns what waited, an unfinished character as U+FFFD.
  std::string finish();

  /// Whether a stop string has been met; it and what follows are not returned.
  bool stopped() const { return met; }

private:
  std::string release();

  std::vector<std::string> stops;
  std::string bytes; // of a character that is not complete
  std::string text;  // complete, not yet returned
  bool met = false;
};

} // namespace dsv2::sampling

#endif // RUNTIME_SAMPLING_TEXTSTREAM_H
