//===- CharacterSet.cpp - Sets of Unicode characters ----------------------===//
//
// Set arithmetic on ranges, and look-ups in the generated tables.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/CharacterSet.h"

#include "runtime/text/UnicodeTables.h"

#include <algorithm>
#include <iterator>
#include <span>

using namespace dsv2;

namespace {

template <typename Range>
bool contains(std::span<const Range> ranges, char32_t scalar) {
  auto after = std::upper_bound(
      ranges.begin(), ranges.end(), uint32_t(scalar),
      [](uint32_t value, const Range &range) { return value < range.first; });
  return after != ranges.begin() && scalar <= std::prev(after)->last;
}

CharacterSet setOf(std::span<const unicode::CodePointRange> ranges) {
  CharacterSet set;
  for (const unicode::CodePointRange &range : ranges)
    set.add(CharacterSet(range.first, range.last));
  return set;
}

} // namespace

void CharacterSet::add(const CharacterSet &other) {
  if (other.sorted.empty())
    return;
  // Tables come in order, each behind what is there.
  if (sorted.empty() || sorted.back().last + 1 < other.sorted.front().first) {
    sorted.insert(sorted.end(), other.sorted.begin(), other.sorted.end());
    return;
  }
  sorted.insert(sorted.end(), other.sorted.begin(), other.sorted.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Range &a, const Range &b) { return a.first < b.first; });
  size_t kept = 0;
  for (const Range &range : sorted) {
    if (kept > 0 && range.first <= sorted[kept - 1].last + 1)
      sorted[kept - 1].last = std::max(sorted[kept - 1].last, range.last);
    else
      sorted[kept++] = range;
  }
  sorted.resize(kept);
}

CharacterSet CharacterSet::complement() const {
  CharacterSet others;
  uint32_t next = 0;
  for (const Range &range : sorted) {
    if (next < range.first)
      others.sorted.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= maxCodePoint)
    others.sorted.push_back({next, maxCodePoint});
  return others;
}

bool CharacterSet::contains(char32_t scalar) const {
  return ::contains(std::span<const Range>(sorted), scalar);
}

std::optional<CharacterSet> CharacterSet::ofCategory(std::string_view name) {
  bool known = false;
  CharacterSet set;
  std::span<const unicode::CategoryRun> runs = unicode::categoryRuns;
  auto isMember = [&](unicode::Category category) {
    std::string_view full = unicode::categoryNames[category];
    return !name.empty() && full.starts_with(name);
  };
  for (uint8_t i = unicode::None + 1; i <= unicode::Zp; ++i)
    known |= isMember(unicode::Category(i));
  if (!known)
    return std::nullopt;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!isMember(runs[i].category))
      continue;
    uint32_t end = i + 1 < runs.size() ? runs[i + 1].first : maxCodePoint + 1;
    if (!set.sorted.empty() && set.sorted.back().last + 1 == runs[i].first)
      set.sorted.back().last = end - 1;
    else
      set.sorted.push_back({runs[i].first, end - 1});
  }
  return set;
}

CharacterSet CharacterSet::whiteSpace() {
  return setOf(unicode::whiteSpaceCharacters);
}

CharacterSet CharacterSet::word() { return setOf(unicode::wordCharacters); }

CharacterSet CharacterSet::numeric() {
  return setOf(unicode::numericCharacters);
}

bool dsv2::isWhiteSpace(char32_t scalar) {
  return ::contains(
      std::span<const unicode::CodePointRange>(unicode::whiteSpaceCharacters),
      scalar);
}

bool dsv2::isWordCharacter(char32_t scalar) {
  return ::contains(
      std::span<const unicode::CodePointRange>(unicode::wordCharacters),
      scalar);
}
