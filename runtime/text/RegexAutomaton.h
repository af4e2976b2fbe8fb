//===- RegexAutomaton.h - Patterns in one table look-up a character -*- C++ -===//
//
// A deterministic automaton for patterns made of character classes, sequences,
// alternations, greedy and lazy repetitions, and one character of look-ahead:
// those of the released tokenizers. It finds what a backtracking matcher finds,
// the first alternative that leads to a match, without going back.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_REGEXAUTOMATON_H
#define RUNTIME_TEXT_REGEXAUTOMATON_H

#include "runtime/io/Utf8.h"
#include "runtime/text/RegexSyntax.h"

#include <array>
#include <optional>
#include <span>

namespace dsv2 {

/// From characters to small numbers, equal for characters that no pattern
/// tells apart.
class SymbolTable {
public:
  /// One symbol for each combination of memberships; nothing when there are
  /// more than 255.
  static std::optional<SymbolTable> create(std::span<const CharacterSet> sets);

  size_t count() const { return witnesses.size(); }
  /// A character that has the symbol.
  char32_t witness(size_t symbol) const { return witnesses[symbol]; }
  uint8_t ofAscii(unsigned char byte) const { return blocks[byte]; }
  uint8_t of(char32_t scalar) const {
    return blocks[size_t(blockOf[scalar / blockSize]) * blockSize +
                  scalar % blockSize];
  }

private:
  static constexpr size_t blockSize = 128;
  std::vector<char32_t> witnesses;
  std::vector<uint16_t> blockOf;
  std::vector<uint8_t> blocks; // ASCII is the first
};

/// Const use is thread-safe.
class RegexAutomaton {
public:
  /// Nothing when the pattern needs more than this, matches the empty text, or
  /// makes a large automaton.
  static std::optional<RegexAutomaton> create(const RegexNode &pattern);

  /// The first match in `text`, valid UTF-8, that begins at `from` or later;
  /// false when there is none.
  bool find(std::string_view text, size_t from, size_t &begin,
            size_t &end) const {
    while (true) {
      while (from < text.size() &&
             !begins[static_cast<unsigned char>(text[from])])
        ++from;
      if (from >= text.size())
        return false;
      size_t matched = 0, next = from;
      if (run(text, from, matched, next)) {
        begin = from;
        end = matched;
        return true;
      }
      from = next;
    }
  }

private:
  friend class AutomatonBuilder;
  RegexAutomaton() = default;

  /// Matches at `from`. On failure `next` is the first place behind where a
  /// match may begin.
  bool run(std::string_view text, size_t from, size_t &matched,
           size_t &next) const {
    // Whether a newline is before changes only what `$` means.
    uint32_t state = from > 0 && text[from - 1] == '\n' ? afterNewline : atStart;
    bool found = false, subsumed = true;
    for (size_t i = from;;) {
      size_t length = 1;
      uint32_t symbol;
      if (i >= text.size()) {
        symbol = endSymbol;
      } else if (auto byte = static_cast<unsigned char>(text[i]); byte < 0x80) {
        symbol = symbols.ofAscii(byte);
      } else {
        char32_t scalar = decode(text.data() + i, length);
        symbol = symbols.of(scalar);
      }
      uint32_t transition = transitions[state + symbol];
      if (transition & acceptsBefore) {
        found = true;
        matched = i;
      }
      i += length;
      state = transition >> flagBits;
      // While every state on the way could have begun a match itself, no match
      // begins there.
      if (subsumed && !(transition & coversStart)) {
        subsumed = false;
        next = i;
      }
      if (state == dead)
        return found;
    }
  }

  static char32_t decode(const char *bytes, size_t &length) {
    auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    char32_t lead = byte(0);
    if (lead < 0xE0) {
      length = 2;
      return (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    }
    char32_t rest = char32_t(byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    if (lead < 0xF0) {
      length = 3;
      return (lead & 0x0F) << 12 | rest;
    }
    length = 4;
    return (lead & 0x07) << 18 | rest << 6 | (byte(3) & 0x3F);
  }

  /// Flags of a transition: a match ends before the character that makes it;
  /// what can still match behind it includes all that can match from the
  /// beginning.
  static constexpr uint32_t acceptsBefore = 1, coversStart = 2, flagBits = 2;
  static constexpr uint32_t dead = 0;

  SymbolTable symbols;
  uint32_t endSymbol = 0; // of the end of the text, the last
  uint32_t stride = 0;    // symbols of a state, that of the end included
  uint32_t atStart = 0, afterNewline = 0;
  /// Whether a character that begins with this byte may begin a match.
  std::array<bool, 256> begins{};
  /// [states][stride]: where the next state begins in this table, and flags.
  std::vector<uint32_t> transitions;
};

} // namespace dsv2

#endif // RUNTIME_TEXT_REGEXAUTOMATON_H
