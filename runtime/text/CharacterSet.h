//===- CharacterSet.h - Sets of Unicode characters --------------*- C++ -*-===//
//
// Sets of code points as sorted ranges, and the classes that the stages of the
// tokenizer name, with the members that the reference gives them.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_CHARACTERSET_H
#define RUNTIME_TEXT_CHARACTERSET_H

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dsv2 {

class CharacterSet {
public:
  static constexpr uint32_t maxCodePoint = 0x10FFFF;
  struct Range {
    uint32_t first, last;
    bool operator==(const Range &) const = default;
  };

  CharacterSet() = default;
  static CharacterSet of(char32_t scalar) {
    return CharacterSet(uint32_t(scalar), uint32_t(scalar));
  }
  CharacterSet(uint32_t first, uint32_t last) : sorted{{first, last}} {}

  /// Adds all members of `other`.
  void add(const CharacterSet &other);
  CharacterSet complement() const;
  bool contains(char32_t scalar) const;
  bool empty() const { return sorted.empty(); }
  /// In order, neither overlapping nor touching.
  const std::vector<Range> &ranges() const { return sorted; }

  /// A general category, `Lu`, or a group of them, `L`; nothing when there is
  /// none of that name.
  static std::optional<CharacterSet> ofCategory(std::string_view name);
  /// The property White_Space: `\s`.
  static CharacterSet whiteSpace();
  /// Letters, marks, digits, connectors: `\w`.
  static CharacterSet word();
  /// What the Digits pre-tokenizer takes for a digit. Its Unicode version is
  /// not that of patterns.
  static CharacterSet numeric();

private:
  std::vector<Range> sorted;
};

bool isWhiteSpace(char32_t scalar);
bool isWordCharacter(char32_t scalar);

} // namespace dsv2

#endif // RUNTIME_TEXT_CHARACTERSET_H
