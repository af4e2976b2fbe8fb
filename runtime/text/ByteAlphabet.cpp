//===- ByteAlphabet.cpp - Bytes written as letters ------------------------===//
//
// The table of GPT-2, in both directions.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/ByteAlphabet.h"

#include "runtime/io/Utf8.h"

#include <array>

using namespace dsv2;

namespace {

constexpr unsigned letterEnd = 0x100 + 68; // 68 bytes do not stand for themselves

struct Alphabet {
  std::array<char16_t, 256> letters{};
  std::array<int16_t, letterEnd> bytes{}; // -1: no letter
};

constexpr Alphabet makeAlphabet() {
  Alphabet alphabet;
  for (int16_t &byte : alphabet.bytes)
    byte = -1;
  char16_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bool printable = (byte >= 0x21 && byte <= 0x7E) ||
                     (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
    char16_t letter = printable ? char16_t(byte) : next++;
    alphabet.letters[byte] = letter;
    alphabet.bytes[letter] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet alphabet = makeAlphabet();

} // namespace

bool dsv2::appendBytesOfLetters(std::string_view letters, std::string &bytes) {
  size_t before = bytes.size();
  for (size_t i = 0; i < letters.size();) {
    Utf8Step step = stepUtf8(letters.substr(i));
    if (step.kind != Utf8Step::Valid || step.scalar >= letterEnd ||
        alphabet.bytes[step.scalar] < 0) {
      bytes.resize(before);
      return false;
    }
    bytes += static_cast<char>(alphabet.bytes[step.scalar]);
    i += step.length;
  }
  return true;
}

std::string dsv2::lettersOfBytes(std::string_view bytes) {
  std::string letters;
  for (char byte : bytes)
    appendUtf8(letters, alphabet.letters[static_cast<unsigned char>(byte)]);
  return letters;
}
