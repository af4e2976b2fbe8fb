//===- JinjaSyntax.h - The tree of a template -------------------*- C++ -*-===//
//
// Statements and expressions of the part of Jinja that released chat templates
// use, and the parser. Precedence and names are jinja2's. Everything else is
// refused by name and line.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_JINJASYNTAX_H
#define RUNTIME_TEXT_JINJASYNTAX_H

#include "runtime/text/JinjaLexer.h"

namespace dsv2::jinja {

struct Node {
  enum Kind {
    // Statements.
    Block,        // children
    Text,         // `text`
    Print,        // [expression]
    If,           // condition, Block, condition, Block, ... and perhaps a Block
    For,          // iterable, filter or Absent, Block, else Block; `names`;
                  // `integer`: whether the body uses `loop`
    Set,          // [expression]; `text` = it, or attribute `names[0]` of `text`
    SetBlock,     // [Block]; `text` = what it prints
    Break,
    Continue,
    // Expressions.
    Absent,       // an operand that is not written
    None,
    Boolean,      // `integer`
    Integer,      // `integer`
    Float,        // `number`
    String,       // `text`
    List,         // elements
    Tuple,        // elements
    Dictionary,   // key, value, key, value, ...
    Name,         // `text`
    Attribute,    // [object].`text`
    Subscript,    // [object, index]
    Slice,        // [object, start, stop, step], each of the last three Absent
    Call,         // of the function `text`; arguments, `names` of the last ones
    Method,       // [object, arguments...].`text`; `names` as in Call
    Filter,       // as Method
    Test,         // [object] is `text`
    Not,          // [operand]
    Negate,       // [operand]
    Plus,         // [operand], `+x`
    And,          // [left, right]
    Or,           // [left, right]
    Conditional,  // value, condition, other value or Absent
    Compare,      // a, b, c ...; `names` are the operators between
    Binary,       // [left, right]; `text` is the operator
    Concatenate   // operands of `~`
  };
  Kind kind = Absent;
  size_t line = 0;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  unsigned height = 0; // levels of an expression
  std::vector<std::string> names;
  std::vector<Node> children;
};

/// The Block of a whole template, valid UTF-8. Throws Failure: wrong syntax, or
/// a construct that is not supported.
Node parseTemplate(std::string_view source);

} // namespace dsv2::jinja

#endif // RUNTIME_TEXT_JINJASYNTAX_H
