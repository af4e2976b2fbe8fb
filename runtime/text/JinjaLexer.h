//===- JinjaLexer.h - Template text into tokens -----------------*- C++ -*-===//
//
// Splits a template as jinja2 does with trim_blocks and lstrip_blocks, the
// settings of chat templates: text, the words of statements, the words of
// expressions. Comments and raw sections are gone afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_JINJALEXER_H
#define RUNTIME_TEXT_JINJALEXER_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace dsv2::jinja {

/// A construct that is unknown or wrong, or an operation that Python refuses.
/// Ends inside ChatTemplate.
struct Failure : std::runtime_error {
  Failure(size_t line, const std::string &what)
      : std::runtime_error(what), line(line) {}
  size_t line; // from 1
};

struct Token {
  enum Kind {
    Text,          // outside of tags; `text` as it is printed
    BlockBegin,    // {%
    BlockEnd,      // %}
    VariableBegin, // {{
    VariableEnd,   // }}
    Name,
    String, // `text` without quotes, escapes resolved
    Integer,
    Float,
    Operator,
    End // of the template
  };
  Kind kind;
  std::string text;
  size_t line;
};

/// White space as Python sees it, in `str.strip` and in regular expressions.
bool isPythonSpace(char32_t scalar);
/// `text` without the white space at its end, and at its beginning.
std::string_view stripRight(std::string_view text);
std::string_view stripLeft(std::string_view text);

/// The tokens of a template, valid UTF-8, End last. Throws Failure.
std::vector<Token> readTokens(std::string_view source);

} // namespace dsv2::jinja

#endif // RUNTIME_TEXT_JINJALEXER_H
