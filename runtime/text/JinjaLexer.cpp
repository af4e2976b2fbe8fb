//===- JinjaLexer.cpp - Template text into tokens -------------------------===//
//
// The rules about white space around tags are jinja2's lexer's: a tag that
// begins with `-` takes all space before it, one that ends with `-` all behind
// it; else a block or comment takes the indentation before it and the newline
// behind it, unless a `+` says no.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/JinjaLexer.h"

#include "runtime/io/Utf8.h"
#include "runtime/text/CharacterSet.h"

#include <algorithm>

using namespace dsv2;
using namespace dsv2::jinja;

bool jinja::isPythonSpace(char32_t scalar) {
  return isWhiteSpace(scalar) || (scalar >= 0x1C && scalar <= 0x1F);
}

std::string_view jinja::stripLeft(std::string_view text) {
  while (!text.empty()) {
    Utf8Step step = stepUtf8(text);
    if (!isPythonSpace(step.scalar))
      break;
    text.remove_prefix(step.length);
  }
  return text;
}

std::string_view jinja::stripRight(std::string_view text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80)
      --start;
    if (!isPythonSpace(stepUtf8(text.substr(start)).scalar))
      break;
    text = text.substr(0, start);
  }
  return text;
}

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Newlines are all \n, and the last one is dropped.
std::string normalizeNewlines(std::string_view source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n')
      ++i;
  }
  if (text.ends_with('\n'))
    text.pop_back();
  return text;
}

class Lexer {
public:
  explicit Lexer(std::string_view source) : source(source) {}

  std::vector<Token> run() {
    while (position < source.size())
      readText();
    add(Token::End, {});
    return std::move(tokens);
  }

private:
  std::string_view rest() const { return source.substr(position); }
  char peek(size_t ahead = 0) const {
    return position + ahead < source.size() ? source[position + ahead] : '\0';
  }
  void advance(size_t count) {
    line += size_t(std::count(source.begin() + ptrdiff_t(position),
                              source.begin() + ptrdiff_t(position + count),
                              '\n'));
    position += count;
    if (count > 0)
      lineStart = source[position - 1] == '\n';
  }
  void add(Token::Kind kind, std::string text) {
    tokens.push_back({kind, std::move(text), line});
  }
  [[noreturn]] void fail(const std::string &what) const {
    throw Failure(line, what);
  }

  /// Text up to the next tag, and that tag.
  void readText() {
    size_t tag = position;
    while ((tag = source.find('{', tag)) != source.npos) {
      char next = tag + 1 < source.size() ? source[tag + 1] : '\0';
      if (next == '{' || next == '%' || next == '#')
        break;
      ++tag;
    }
    if (tag == source.npos) {
      addText(rest());
      advance(rest().size());
      return;
    }
    char kind = source[tag + 1];
    char sign = tag + 2 < source.size() ? source[tag + 2] : '\0';
    bool hasSign = sign == '-' || sign == '+';
    std::string_view text = source.substr(position, tag - position);
    if (sign == '-')
      text = stripRight(text);
    else if (sign != '+' && kind != '{')
      text = dropIndentation(text);
    addText(text);
    advance(tag + 2 + hasSign - position);
    if (kind == '#')
      readComment();
    else if (kind == '%' && startsRaw())
      readRaw();
    else
      readTag(kind == '%');
  }

  void addText(std::string_view text) {
    if (!text.empty())
      add(Token::Text, std::string(text));
  }

  /// Without the white space between the last newline and the tag.
  std::string_view dropIndentation(std::string_view text) const {
    size_t begin = text.rfind('\n') + 1; // 0 when there is none
    if (begin == 0 && !lineStart)
      return text;
    return stripLeft(text.substr(begin)).empty() ? text.substr(0, begin) : text;
  }

  /// Moves past the end of a tag whose `-` or `+` and brace, of `length` bytes,
  /// are at the position.
  void passEnd(size_t length, bool minus, bool block, bool plus) {
    advance(length);
    if (minus)
      advance(rest().size() - stripLeft(rest()).size());
    else if (block && !plus && peek() == '\n')
      advance(1);
  }

  void readComment() {
    size_t end = source.find("#}", position);
    if (end == source.npos)
      fail("missing end of comment");
    // A sign belongs to the end unless it is the beginning's own.
    char sign = end > position ? source[end - 1] : '\0';
    advance(end - position);
    passEnd(2, sign == '-', true, sign == '+');
  }

  /// Bytes of `raw` or `endraw` at `from` with the space around, 0 if not there.
  size_t matchWord(size_t from, std::string_view word) const {
    std::string_view text = source.substr(from);
    size_t space = text.size() - stripLeft(text).size();
    text.remove_prefix(space);
    if (!text.starts_with(word))
      return 0;
    text.remove_prefix(word.size());
    return space + word.size() + (text.size() - stripLeft(text).size());
  }

  bool startsRaw() const {
    size_t length = matchWord(position, "raw");
    std::string_view after = source.substr(position + length);
    return length > 0 && (after.starts_with("%}") || after.starts_with("-%}"));
  }

  void readRaw() {
    advance(matchWord(position, "raw"));
    bool minus = peek() == '-';
    // jinja2 does not trim the newline behind this one.
    passEnd(minus ? 3 : 2, minus, false, false);
    for (size_t tag = position; (tag = source.find("{%", tag)) != source.npos;
         ++tag) {
      char sign = tag + 2 < source.size() ? source[tag + 2] : '\0';
      size_t word = tag + 2 + (sign == '-' || sign == '+');
      size_t length = matchWord(word, "endraw");
      std::string_view after = source.substr(std::min(word + length,
                                                      source.size()));
      bool endSign = after.starts_with("-") || after.starts_with("+");
      if (length == 0 || !after.substr(endSign).starts_with("%}"))
        continue;
      std::string_view text = source.substr(position, tag - position);
      addText(sign == '-'   ? stripRight(text)
              : sign != '+' ? dropIndentation(text)
                            : text);
      advance(word + length - position);
      passEnd(2 + endSign, after[0] == '-', true, after[0] == '+');
      return;
    }
    fail("missing endraw");
  }

  void readTag(bool block) {
    add(block ? Token::BlockBegin : Token::VariableBegin, {});
    const std::string_view end = block ? "%}" : "}}";
    std::string open; // brackets to be closed
    while (true) {
      advance(rest().size() - stripLeft(rest()).size());
      if (position >= source.size())
        fail(std::string("missing ") + std::string(end));
      bool sign = peek() == '-' || (block && peek() == '+');
      if (open.empty() && rest().substr(sign).starts_with(end)) {
        add(block ? Token::BlockEnd : Token::VariableEnd, {});
        char which = sign ? peek() : '\0';
        passEnd(2 + sign, which == '-', block, which == '+');
        return;
      }
      readWord(open);
    }
  }

  void readWord(std::string &open) {
    char c = peek();
    if (isWordStart(c)) {
      size_t length = 0;
      while (isWordStart(peek(length)) || isDigit(peek(length)))
        ++length;
      add(Token::Name, std::string(rest().substr(0, length)));
      advance(length);
    } else if (isDigit(c)) {
      readNumber();
    } else if (c == '\'' || c == '"') {
      readString(c);
    } else {
      readOperator(open);
    }
  }

  void readNumber() {
    size_t length = 0;
    auto digits = [&] {
      size_t before = length;
      while (isDigit(peek(length)) ||
             (peek(length) == '_' && isDigit(peek(length + 1))))
        ++length;
      return length > before;
    };
    digits();
    bool isFloat = false;
    if (peek(length) == '.' && isDigit(peek(length + 1))) {
      ++length;
      isFloat = digits();
    }
    if (peek(length) == 'e' || peek(length) == 'E') {
      size_t before = length++;
      if (peek(length) == '+' || peek(length) == '-')
        ++length;
      bool exponent = digits();
      isFloat |= exponent;
      length = exponent ? length : before;
    }
    std::string text(rest().substr(0, length));
    std::erase(text, '_');
    if (isWordStart(peek(length)) || text.size() > 300 ||
        (!isFloat && text.size() > 1 && text[0] == '0'))
      fail("unsupported number " + text);
    add(isFloat ? Token::Float : Token::Integer, std::move(text));
    advance(length);
  }

  void readString(char quote) {
    size_t end = position + 1;
    while (end < source.size() && source[end] != quote)
      end += source[end] == '\\' ? 2 : 1;
    if (end >= source.size())
      fail("missing end of string");
    std::string_view raw = source.substr(position + 1, end - position - 1);
    add(Token::String, unescape(raw));
    advance(end + 1 - position);
  }

  /// Python's escapes. An unknown one stays as it is.
  std::string unescape(std::string_view raw) const {
    constexpr std::string_view letters = "abfnrtv\\'\"",
                               meanings = "\a\b\f\n\r\t\v\\'\"";
    std::string text;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\') {
        text += raw[i];
        continue;
      }
      char c = raw[++i]; // there is one: the string ended behind it
      size_t hexDigits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
      if (size_t place = letters.find(c); place != letters.npos) {
        text += meanings[place];
      } else if (c == '\n') {
        // Joins lines.
      } else if (hexDigits > 0) {
        appendNumbered(raw.substr(i + 1, hexDigits), 16, hexDigits, text);
        i += hexDigits;
      } else if (c >= '0' && c <= '7') {
        size_t length = 1;
        while (length < 3 && i + length < raw.size() && raw[i + length] >= '0' &&
               raw[i + length] <= '7')
          ++length;
        appendNumbered(raw.substr(i, length), 8, length, text);
        i += length - 1;
      } else if (c == 'N') {
        fail("unsupported escape \\N");
      } else {
        text += '\\';
        text += c;
      }
    }
    return text;
  }

  void appendNumbered(std::string_view digits, unsigned base, size_t count,
                      std::string &text) const {
    uint32_t value = 0;
    bool valid = digits.size() == count;
    for (char c : digits) {
      unsigned digit = isDigit(c) ? unsigned(c - '0') : unsigned((c | 0x20) - 'a') + 10;
      valid &= digit < base && value <= CharacterSet::maxCodePoint;
      value = value * base + digit;
    }
    if (!valid || value > CharacterSet::maxCodePoint ||
        (value >= 0xD800 && value <= 0xDFFF))
      fail("unsupported escape of a character");
    appendUtf8(text, value);
  }

  void readOperator(std::string &open) {
    constexpr std::string_view operators[] = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "<",
        ">",  "=",  "|",  ".",  ":",  ",",  "(", ")", "[", "]", "{", "}"};
    for (std::string_view text : operators) {
      if (!rest().starts_with(text))
        continue;
      char c = text[0];
      if (c == '(' || c == '[' || c == '{') {
        open += c == '(' ? ')' : c == '[' ? ']' : '}';
      } else if (c == ')' || c == ']' || c == '}') {
        if (open.empty() || open.back() != c)
          fail("unexpected " + std::string(text));
        open.pop_back();
      }
      add(Token::Operator, std::string(text));
      advance(text.size());
      return;
    }
    Utf8Step step = stepUtf8(rest());
    fail("unexpected character " + std::string(rest().substr(0, step.length)));
  }

  std::string_view source;
  size_t position = 0, line = 1;
  bool lineStart = true; // whether what was read ends a line
  std::vector<Token> tokens;
};

} // namespace

std::vector<Token> jinja::readTokens(std::string_view source) {
  std::string text = normalizeNewlines(source);
  return Lexer(text).run();
}
