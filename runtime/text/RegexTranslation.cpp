//===- RegexTranslation.cpp - Oniguruma's patterns for PCRE2 --------------===//
//
// One pass over the pattern. Everything not listed here is refused: a pattern
// that means something slightly different gives wrong ids without a message.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/RegexTranslation.h"

#include "runtime/text/UnicodeTables.h"

#include <cstdio>

using namespace dsv2;

namespace {

/// The property White_Space, and all else. PCRE2's own `\s` adds U+180E.
constexpr std::string_view whiteSpace =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view notWhiteSpace =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";

/// Oniguruma's `$`: before each newline, and at the end unless that end
/// follows a newline.
constexpr std::string_view endOfLine = R"((?:(?=\n)|(?<!\n)\z|\A\z))";

bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isHex(char c) {
  return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const unicode::ClassAdditions *findClass(std::string_view name) {
  for (const unicode::ClassAdditions &known : unicode::classAdditions)
    if (known.name == name)
      return &known;
  return nullptr;
}

std::string rangesOf(const unicode::ClassAdditions &additions) {
  std::string out;
  for (const unicode::CodePointRange &range : additions.ranges) {
    char item[40];
    snprintf(item, sizeof item, "\\x{%x}-\\x{%x}", range.first, range.last);
    out += item;
  }
  return out;
}

class Translator {
public:
  explicit Translator(std::string_view pattern) : pattern(pattern) {}

  Expected<std::string> run() {
    // Searched from every character of a run of spaces that does not end the
    // text, `\s+$` takes quadratic time. A match never begins after a space,
    // except where the search does: it would have begun at that space.
    if (pattern == R"(\s+$)")
      out = R"((?:\G|(?<![)" + std::string(whiteSpace) + "]))";
    while (!atEnd() && error.empty())
      translateItem();
    if (!error.empty())
      return Status::error(error);
    return std::move(out);
  }

private:
  bool atEnd() const { return position >= pattern.size(); }
  char peek(size_t ahead = 0) const {
    return position + ahead < pattern.size() ? pattern[position + ahead] : '\0';
  }
  bool startsWith(std::string_view text) const {
    return pattern.substr(position, text.size()) == text;
  }
  void copy(size_t count) {
    out += pattern.substr(position, count);
    position += count;
  }
  void refuse(std::string_view construct) {
    error = "unsupported construct " + std::string(construct) + " at byte " +
            std::to_string(position);
  }

  void translateItem() {
    switch (peek()) {
    case '\\':
      return translateEscape();
    case '[':
      return translateClass();
    case '(':
      return translateGroup();
    case '{':
      return translateInterval();
    case '$':
      out += endOfLine;
      ++position;
      return;
    default:
      copy(1);
    }
  }

  /// What a group may open with; `(?i)` without a colon has another reach in
  /// PCRE2.
  void translateGroup() {
    if (peek(1) == '*')
      return refuse("(*");
    if (peek(1) != '?')
      return copy(1);
    for (std::string_view opening :
         {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"})
      if (startsWith(opening))
        return copy(opening.size());
    refuse(pattern.substr(position, 4));
  }

  void translateInterval() {
    size_t end = position + 1;
    auto digits = [&] {
      size_t start = end;
      while (end < pattern.size() && isDigit(pattern[end]))
        ++end;
      return end > start;
    };
    bool low = digits();
    bool comma = end < pattern.size() && pattern[end] == ',';
    end += comma;
    bool high = comma && digits();
    if (end >= pattern.size() || pattern[end] != '}' || (!low && !high)) {
      out += "\\{"; // no interval: a literal brace
      ++position;
      return;
    }
    // Oniguruma reads `{,n}` as `{0,n}`, and what follows an interval as a
    // quantifier of its own except for `{n,m}?`.
    char next = end + 1 < pattern.size() ? pattern[end + 1] : '\0';
    if (next == '+' || (next == '?' && !comma))
      return refuse(pattern.substr(position, end + 2 - position));
    out += low ? "{" : "{0";
    ++position;
    copy(end + 1 - position);
  }

  /// `\p{Name}`, `\p{^Name}` or `\P{Name}` at the position.
  bool readProperty(std::string_view &name, bool &negated) {
    size_t close = pattern.find('}', position);
    if (peek(2) != '{' || close == pattern.npos) {
      refuse(pattern.substr(position, 3));
      return false;
    }
    negated = peek(1) == 'P';
    name = pattern.substr(position + 3, close - position - 3);
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.remove_prefix(1);
    }
    if (name == "w" || !findClass(name)) {
      refuse(pattern.substr(position, close + 1 - position));
      return false;
    }
    position = close + 1;
    return true;
  }

  /// The members of a class escape at the position, for use inside brackets;
  /// moves past it. Empty when there is none.
  std::string readClassEscape(bool &negated) {
    negated = false;
    std::string_view name;
    switch (peek(1)) {
    case 's':
    case 'S':
      negated = peek(1) == 'S';
      position += 2;
      return std::string(whiteSpace);
    case 'd':
    case 'D':
      negated = peek(1) == 'D';
      position += 2;
      return R"(\p{Nd})" + rangesOf(*findClass("Nd"));
    case 'w':
    case 'W':
      negated = peek(1) == 'W';
      position += 2;
      return R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc})" + rangesOf(*findClass("w"));
    case 'p':
    case 'P':
      if (!readProperty(name, negated))
        return {};
      return "\\p{" + std::string(name) + "}" + rangesOf(*findClass(name));
    default:
      return {};
    }
  }

  static bool isClassEscape(char c) {
    return std::string_view("sSdDwWpP").find(c) != std::string_view::npos;
  }

  void translateEscape() {
    if (isClassEscape(peek(1))) {
      bool negated;
      std::string members = readClassEscape(negated);
      out += (negated ? "[^" : "[") + members + "]";
      return;
    }
    if (peek(1) == 'A' || peek(1) == 'z' || peek(1) == 'Z')
      return copy(2);
    translateCharacterEscape();
  }

  /// One character behind a backslash, inside brackets or out.
  void translateCharacterEscape() {
    char c = peek(1);
    if (c == 'v') { // a line tabulation; to PCRE2 any vertical space
      out += "\\x{b}";
      position += 2;
    } else if (std::string_view("rntfae").find(c) != std::string_view::npos &&
               c != '\0') {
      copy(2);
    } else if (c == 'u' && isHex(peek(2)) && isHex(peek(3)) && isHex(peek(4)) &&
               isHex(peek(5))) {
      out += "\\x{" + std::string(pattern.substr(position + 2, 4)) + "}";
      position += 6;
    } else if (c == 'x' && peek(2) == '{') {
      size_t close = pattern.find('}', position);
      size_t digits = close == pattern.npos ? 0 : close - position - 3;
      bool valid = digits >= 1 && digits <= 6;
      for (size_t i = 0; valid && i < digits; ++i)
        valid = isHex(pattern[position + 3 + i]);
      if (!valid)
        return refuse("\\x{");
      copy(close + 1 - position);
    } else if (c == 'x' && peek(2) >= '0' && peek(2) <= '7' && isHex(peek(3))) {
      copy(4); // above 7F it would be a byte of UTF-8
    } else if (c == '\0' || isLetter(c) || isDigit(c)) {
      refuse(pattern.substr(position, 2));
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      ++position; // an escaped character that needs no escape
    } else {
      copy(2);
    }
  }

  void translateClass() {
    size_t start = position;
    copy(1);
    if (peek() == '^')
      copy(1);
    if (peek() == ']')
      return refuse("[]");
    // A hyphen makes a range only between two characters.
    enum { None, Character, RangeEnd, Class } last = None;
    while (true) {
      if (!error.empty())
        return;
      if (atEnd()) {
        position = start;
        return refuse("[ without ]");
      }
      char c = peek();
      if (c == ']')
        return copy(1);
      if (c == '[' || startsWith("&&"))
        return refuse(c == '[' ? "[ inside a character class" : "&&");
      bool rangeOpen = false;
      if (c == '-') {
        bool beforeClass = peek(1) == '\\' && isClassEscape(peek(2));
        if (last != Character || peek(1) == ']' || beforeClass) {
          out += "\\-";
          ++position;
          last = RangeEnd; // no range begins at such a hyphen
          continue;
        }
        copy(1);
        if (peek() == '[' || atEnd())
          continue;
        rangeOpen = true;
        c = peek();
      }
      if (c == '\\' && isClassEscape(peek(1))) {
        translateClassEscapeInside();
        last = Class;
        continue;
      }
      if (c == '\\')
        translateCharacterEscape();
      else
        copyCharacter();
      last = rangeOpen ? RangeEnd : Character;
    }
  }

  void translateClassEscapeInside() {
    size_t start = position;
    bool negated;
    std::string members = readClassEscape(negated);
    if (negated && members == whiteSpace) {
      out += notWhiteSpace;
    } else if (negated) {
      position = start;
      refuse(std::string(pattern.substr(start, 2)) +
             " inside a character class");
    } else {
      out += members;
    }
  }

  void copyCharacter() {
    do
      copy(1);
    while (!atEnd() && (static_cast<unsigned char>(peek()) & 0xC0) == 0x80);
  }

  std::string_view pattern;
  size_t position = 0;
  std::string out;
  std::string error;
};

} // namespace

Expected<std::string> dsv2::translateRegex(std::string_view pattern) {
  return Translator(pattern).run();
}
