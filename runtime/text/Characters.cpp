//===- Characters.cpp - Properties of Unicode characters ------------------===//
//
// Look-ups in the generated tables.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Characters.h"

#include "runtime/text/UnicodeTables.h"

#include <algorithm>

using namespace dsv2;

namespace {

bool contains(std::span<const unicode::CodePointRange> ranges,
              char32_t scalar) {
  auto after = std::upper_bound(
      ranges.begin(), ranges.end(), uint32_t(scalar),
      [](uint32_t value, const unicode::CodePointRange &range) {
        return value < range.first;
      });
  return after != ranges.begin() && scalar <= std::prev(after)->last;
}

} // namespace

bool dsv2::isNumeric(char32_t scalar) {
  if (scalar < 0x80)
    return scalar >= '0' && scalar <= '9';
  return contains(unicode::numericCharacters, scalar);
}

bool dsv2::isWhiteSpace(char32_t scalar) {
  return (scalar >= 0x9 && scalar <= 0xD) || scalar == 0x20 || scalar == 0x85 ||
         scalar == 0xA0 || scalar == 0x1680 ||
         (scalar >= 0x2000 && scalar <= 0x200A) || scalar == 0x2028 ||
         scalar == 0x2029 || scalar == 0x202F || scalar == 0x205F ||
         scalar == 0x3000;
}

bool dsv2::isWordCharacter(char32_t scalar) {
  return contains(unicode::wordCharacters, scalar);
}
