//===- ByteAlphabet.h - Bytes written as letters ----------------*- C++ -*-===//
//
// Byte-level vocabularies write each byte as one printable character (GPT-2's
// table): printable Latin-1 as itself, the rest as U+0100 and up. Translates
// both ways.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_BYTEALPHABET_H
#define RUNTIME_TEXT_BYTEALPHABET_H

#include <string>
#include <string_view>

namespace dsv2 {

/// Appends the bytes that `letters` stands for; false, with nothing appended,
/// when a character of it stands for no byte. `letters` is valid UTF-8.
bool appendBytesOfLetters(std::string_view letters, std::string &bytes);

/// The letters of some bytes.
std::string lettersOfBytes(std::string_view bytes);

} // namespace dsv2

#endif // RUNTIME_TEXT_BYTEALPHABET_H
