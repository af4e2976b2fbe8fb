//===- RegexSyntax.cpp - Patterns as Oniguruma reads them -----------------===//
//
// Recursive descent. Everything not listed here is refused: a pattern that
// means something slightly different gives wrong ids without a message.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/RegexSyntax.h"

#include "runtime/io/Utf8.h"

#include <array>
#include <cstdio>

using namespace dsv2;

namespace {

constexpr unsigned maxNesting = 200;
constexpr unsigned maxRepeats = 65535; // PCRE2's own limit

bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int hexValue(char c) {
  if (isDigit(c))
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

class Parser {
public:
  explicit Parser(std::string_view pattern) : pattern(pattern) {}

  Expected<RegexNode> run() {
    RegexNode node = parseAlternation(0);
    if (error.empty() && !atEnd())
      invalid("unmatched )");
    if (!error.empty())
      return Status::error(error);
    return node;
  }

private:
  bool atEnd() const { return position >= pattern.size(); }
  bool done() const { return atEnd() || !error.empty(); }
  char peek(size_t ahead = 0) const {
    return position + ahead < pattern.size() ? pattern[position + ahead] : '\0';
  }
  bool startsWith(std::string_view text) const {
    return pattern.substr(position).starts_with(text);
  }
  void refuse(std::string_view construct) {
    if (error.empty())
      error = "unsupported construct " + std::string(construct) + " at byte " +
              std::to_string(position);
  }
  void invalid(std::string_view what) {
    if (error.empty())
      error = "invalid pattern: " + std::string(what) + " at byte " +
              std::to_string(position);
  }

  static RegexNode setNode(CharacterSet set, bool negated = false) {
    RegexNode node;
    node.kind = RegexNode::Set;
    node.set = std::move(set);
    node.negated = negated;
    return node;
  }
  static RegexNode assertion(RegexNode::Kind kind) {
    RegexNode node;
    node.kind = kind;
    return node;
  }

  RegexNode parseAlternation(unsigned depth) {
    RegexNode alternation;
    alternation.kind = RegexNode::Alternation;
    if (depth > maxNesting) {
      refuse("nesting over " + std::to_string(maxNesting));
      return alternation;
    }
    while (true) {
      alternation.children.push_back(parseSequence(depth));
      if (done() || peek() != '|')
        break;
      ++position;
    }
    if (alternation.children.size() == 1)
      return std::move(alternation.children[0]);
    return alternation;
  }

  RegexNode parseSequence(unsigned depth) {
    RegexNode sequence;
    lastFolded = 0;
    while (!done() && peek() != '|' && peek() != ')') {
      RegexNode item = parseItem(depth);
      parseQuantifier(item);
      sequence.children.push_back(std::move(item));
    }
    return sequence;
  }

  RegexNode parseItem(unsigned depth) {
    switch (peek()) {
    case '\\':
      return parseEscape();
    case '[':
      return parseClass();
    case '(':
      return parseGroup(depth);
    case '.':
      ++position;
      return setNode(CharacterSet::of('\n'), /*negated=*/true);
    case '^':
      ++position;
      return assertion(RegexNode::LineStart);
    case '$':
      ++position;
      return assertion(RegexNode::LineEnd);
    case '*':
    case '+':
    case '?':
      invalid("nothing to repeat");
      return {};
    case '{': {
      unsigned least, most;
      if (readInterval(least, most) > 0)
        invalid("nothing to repeat");
      [[fallthrough]];
    }
    default:
      return setNode(CharacterSet::of(readCharacter()));
    }
  }

  /// What a group may open with; `(?i)` without a colon has another reach in
  /// PCRE2.
  RegexNode parseGroup(unsigned depth) {
    constexpr std::pair<std::string_view, RegexNode::GroupKind> openings[] = {
        {"(?:", RegexNode::Plain},      {"(?=", RegexNode::LookAhead},
        {"(?!", RegexNode::NotAhead},   {"(?<=", RegexNode::LookBehind},
        {"(?<!", RegexNode::NotBehind}, {"(?>", RegexNode::Atomic},
        {"(?i:", RegexNode::IgnoreCase}};
    RegexNode node;
    node.kind = RegexNode::Group;
    size_t length = 0;
    if (peek(1) == '*') {
      refuse("(*");
    } else if (peek(1) != '?') {
      length = 1; // captures, which nothing can refer to
    } else {
      for (auto [opening, kind] : openings)
        if (startsWith(opening)) {
          length = opening.size();
          node.group = kind;
        }
      if (length == 0)
        refuse(pattern.substr(position, 4));
    }
    position += length;
    bool outer = ignoreCase;
    ignoreCase |= node.group == RegexNode::IgnoreCase;
    node.children.push_back(parseAlternation(depth + 1));
    ignoreCase = outer;
    if (peek() != ')')
      invalid("missing )");
    ++position;
    return node;
  }

  /// The bytes of an interval at the position, 0 when a brace stands for
  /// itself.
  size_t readInterval(unsigned &least, unsigned &most) {
    size_t end = position + 1;
    auto number = [&](unsigned &value) {
      size_t start = end;
      value = 0;
      for (; end < pattern.size() && isDigit(pattern[end]); ++end)
        value = std::min(value * 10 + unsigned(pattern[end] - '0'),
                         maxRepeats + 1);
      return end > start;
    };
    bool low = number(least);
    bool comma = end < pattern.size() && pattern[end] == ',';
    end += comma;
    bool high = comma && number(most);
    if (end >= pattern.size() || pattern[end] != '}' || (!low && !high))
      return 0;
    if (!high)
      most = comma ? RegexNode::unbounded : least;
    // Oniguruma reads what follows an interval as a quantifier of its own
    // except for `{n,m}?`.
    char next = end + 1 < pattern.size() ? pattern[end + 1] : '\0';
    if (next == '+' || (next == '?' && !comma))
      refuse(pattern.substr(position, end + 2 - position));
    if (least > maxRepeats || (high && most > maxRepeats))
      invalid("more than " + std::to_string(maxRepeats) + " repetitions");
    if (least > most)
      invalid("an interval that is empty");
    return end + 1 - position;
  }

  void parseQuantifier(RegexNode &item) {
    if (done())
      return;
    unsigned least = 0, most = RegexNode::unbounded;
    char c = peek();
    if (c == '*' || c == '+' || c == '?') {
      least = c == '+';
      most = c == '?' ? 1 : RegexNode::unbounded;
      ++position;
    } else if (size_t length = c == '{' ? readInterval(least, most) : 0) {
      position += length;
    } else {
      return;
    }
    RegexNode repeat;
    repeat.kind = RegexNode::Repeat;
    repeat.least = least;
    repeat.most = most;
    if (peek() == '?' || (peek() == '+' && c != '{')) {
      repeat.mode = peek() == '?' ? RegexNode::Lazy : RegexNode::Possessive;
      ++position;
    }
    // Of two quantifiers Oniguruma makes one, by rules of its own.
    unsigned ignored;
    if (peek() == '*' || peek() == '+' || peek() == '?' ||
        (peek() == '{' && readInterval(ignored, ignored) > 0))
      refuse("a quantifier of a quantifier");
    repeat.children.push_back(std::move(item));
    item = std::move(repeat);
  }

  /// `\p{Name}`, `\p{^Name}` or `\P{Name}` at the position.
  CharacterSet readProperty() {
    size_t close = pattern.find('}', position);
    if (peek(2) != '{' || close == pattern.npos) {
      refuse(pattern.substr(position, 3));
      return {};
    }
    bool negated = peek(1) == 'P';
    std::string_view name =
        pattern.substr(position + 3, close - position - 3);
    if (name.starts_with("^")) {
      negated = !negated;
      name.remove_prefix(1);
    }
    std::optional<CharacterSet> set = CharacterSet::ofCategory(name);
    if (!set) {
      refuse(pattern.substr(position, close + 1 - position));
      return {};
    }
    position = close + 1;
    return negated ? set->complement() : std::move(*set);
  }

  static bool isClassEscape(char c) {
    return c != '\0' && std::string_view("sSdDwWpP").find(c) !=
                            std::string_view::npos;
  }

  /// The members of the class escape at the position; moves past it.
  CharacterSet readClassEscape() {
    char c = peek(1);
    if (c == 'p' || c == 'P')
      return readProperty();
    position += 2;
    CharacterSet set = (c | 0x20) == 's'   ? CharacterSet::whiteSpace()
                       : (c | 0x20) == 'd' ? *CharacterSet::ofCategory("Nd")
                                           : CharacterSet::word();
    return c >= 'a' ? std::move(set) : set.complement();
  }

  RegexNode parseEscape() {
    if (isClassEscape(peek(1)))
      return setNode(readClassEscape());
    RegexNode::Kind kind;
    switch (peek(1)) {
    case 'A':
      kind = RegexNode::TextStart;
      break;
    case 'z':
      kind = RegexNode::TextEnd;
      break;
    case 'Z':
      kind = RegexNode::LastLineEnd;
      break;
    default:
      return setNode(CharacterSet::of(readCharacterEscape()));
    }
    position += 2;
    return assertion(kind);
  }

  /// One character as it stands; moves past it. The pattern is valid UTF-8.
  char32_t readCharacter() {
    Utf8Step step = stepUtf8(pattern.substr(position));
    if (step.kind != Utf8Step::Valid)
      invalid("text that is not UTF-8");
    position += step.length;
    if (ignoreCase)
      checkCaseFolding(step.scalar);
    return step.scalar;
  }

  /// Oniguruma ignores case across several characters too: `ss` is ß.
  void checkCaseFolding(char32_t scalar) {
    for (std::string_view joined : {"ss", "st", "ff", "fi", "fl"})
      if ((lastFolded | 0x20) == char32_t(joined[0]) &&
          (scalar | 0x20) == char32_t(joined[1]))
        refuse("(?i:" + std::string(joined));
    if (scalar >= 0x80)
      refuse("(?i: with a character beyond ASCII");
    lastFolded = scalar;
  }

  /// One character behind a backslash, inside brackets or out.
  char32_t readCharacterEscape() {
    constexpr std::pair<char, char32_t> controls[] = {
        {'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'f', '\f'},
        {'v', '\v'}, {'a', '\a'}, {'e', 0x1B}};
    char c = peek(1);
    for (auto [letter, control] : controls)
      if (c == letter) {
        position += 2;
        return control;
      }
    if (c == 'u')
      return readHex(2, 4, 4);
    if (c == 'x' && peek(2) == '{') {
      char32_t scalar = readHex(3, 1, 6);
      if (peek() != '}')
        refuse("\\x{");
      ++position;
      return scalar;
    }
    // Above 7F `\xHH` would be a byte of UTF-8.
    if (c == 'x' && peek(2) >= '0' && peek(2) <= '7')
      return readHex(2, 2, 2);
    if (c == '\0' || isLetter(c) || isDigit(c)) {
      refuse(pattern.substr(position, 2));
      return 0;
    }
    ++position; // the character stands for itself
    return readCharacter();
  }

  /// `least` to `most` hexadecimal digits that begin at `offset`.
  char32_t readHex(size_t offset, size_t least, size_t most) {
    char32_t scalar = 0;
    size_t digits = 0;
    for (; digits < most && hexValue(peek(offset + digits)) >= 0; ++digits)
      scalar = scalar * 16 + char32_t(hexValue(peek(offset + digits)));
    if (digits < least || scalar > CharacterSet::maxCodePoint ||
        (scalar >= 0xD800 && scalar <= 0xDFFF)) {
      refuse(pattern.substr(position, offset));
      return 0;
    }
    position += offset + digits;
    return scalar;
  }

  RegexNode parseClass() {
    size_t start = position;
    ++position;
    bool negated = peek() == '^';
    position += negated;
    CharacterSet set;
    if (peek() == ']')
      refuse("[]");
    // A hyphen makes a range only between two characters.
    std::optional<char32_t> low;
    while (error.empty() && peek() != ']') {
      if (atEnd()) {
        position = start;
        refuse("[ without ]");
        break;
      }
      char c = peek();
      if (c == '[' || startsWith("&&")) {
        refuse(c == '[' ? "[ inside a character class" : "&&");
        break;
      }
      if (c == '\\' && isClassEscape(peek(1))) {
        set.add(readClassEscape());
        low.reset();
        continue;
      }
      bool range = c == '-' && low && peek(1) != ']' &&
                   !(peek(1) == '\\' && isClassEscape(peek(2)));
      lastFolded = 0;
      if (range)
        ++position;
      if (range && (peek() == '[' || atEnd()))
        continue; // refused there
      char32_t scalar =
          peek() == '\\' ? readCharacterEscape() : readCharacter();
      if (range && *low > scalar)
        invalid("a range that is empty");
      if (range && error.empty())
        set.add(CharacterSet(*low, scalar));
      else
        set.add(CharacterSet::of(scalar));
      // No range begins at the end of one, or at a hyphen.
      low = range || c == '-' ? std::nullopt : std::optional(scalar);
    }
    ++position;
    return setNode(std::move(set), negated);
  }

  std::string_view pattern;
  size_t position = 0;
  bool ignoreCase = false;
  char32_t lastFolded = 0;
  std::string error;
};

void writeSet(const RegexNode &node, std::string &out) {
  char item[40];
  const std::vector<CharacterSet::Range> &ranges = node.set.ranges();
  bool single = !node.negated && ranges.size() == 1 &&
                ranges[0].first == ranges[0].last;
  if (!single)
    out += node.negated ? "[^" : "[";
  for (const CharacterSet::Range &range : ranges) {
    snprintf(item, sizeof item,
             range.first == range.last ? "\\x{%x}" : "\\x{%x}-\\x{%x}",
             range.first, range.last);
    out += item;
  }
  if (!single)
    out += "]";
}

void write(const RegexNode &node, std::string &out) {
  constexpr const char *groups[] = {"(?:", "(?>",  "(?i:", "(?=",
                                    "(?!", "(?<=", "(?<!"};
  switch (node.kind) {
  case RegexNode::Set:
    return writeSet(node, out);
  case RegexNode::Sequence:
    for (const RegexNode &child : node.children)
      write(child, out);
    return;
  case RegexNode::Alternation:
    for (size_t i = 0; i < node.children.size(); ++i) {
      out += i > 0 ? "|" : "";
      write(node.children[i], out);
    }
    return;
  case RegexNode::Repeat:
    write(node.children[0], out);
    out += "{" + std::to_string(node.least) + ",";
    if (node.most != RegexNode::unbounded)
      out += std::to_string(node.most);
    out += "}";
    out += node.mode == RegexNode::Lazy         ? "?"
           : node.mode == RegexNode::Possessive ? "+"
                                                : "";
    return;
  case RegexNode::Group:
    out += groups[node.group];
    write(node.children[0], out);
    out += ")";
    return;
  case RegexNode::LineStart:
    out += "^";
    return;
  case RegexNode::LineEnd:
    out += R"((?:(?=\n)|(?<!\n)\z|\A\z))";
    return;
  case RegexNode::TextStart:
    out += R"(\A)";
    return;
  case RegexNode::TextEnd:
    out += R"(\z)";
    return;
  case RegexNode::LastLineEnd:
    out += R"(\Z)";
    return;
  }
}

} // namespace

Expected<RegexNode> dsv2::parseRegex(std::string_view pattern) {
  return Parser(pattern).run();
}

std::string dsv2::writePcre2(const RegexNode &node) {
  std::string out;
  write(node, out);
  return out;
}
