//===- RegexSyntax.h - Patterns as Oniguruma reads them ---------*- C++ -*-===//
//
// Tokenizer files carry patterns in Oniguruma's syntax. This is their tree, the
// parser that makes it, and the pattern that means the same to PCRE2. What is
// not known to mean what Oniguruma means is refused by name.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_REGEXSYNTAX_H
#define RUNTIME_TEXT_REGEXSYNTAX_H

#include "runtime/io/Status.h"
#include "runtime/text/CharacterSet.h"

#include <string>
#include <string_view>
#include <vector>

namespace dsv2 {

struct RegexNode {
  enum Kind {
    Set,         // one character
    Sequence,    // children one after another
    Alternation, // the first of its children that leads to a match
    Repeat,      // its child, `least` to `most` times
    Group,       // its child
    LineStart,   // ^
    LineEnd,     // $: before a newline, or at the end if no newline is before
    TextStart,   // \A
    TextEnd,     // \z
    LastLineEnd, // \Z: at the end or before a newline there
  };
  enum RepeatMode { Greedy, Lazy, Possessive };
  enum GroupKind {
    Plain,
    Atomic,
    IgnoreCase,
    LookAhead,
    NotAhead,
    LookBehind,
    NotBehind
  };
  static constexpr unsigned unbounded = ~0u;

  Kind kind = Sequence;
  std::vector<RegexNode> children;
  CharacterSet set;
  bool negated = false; // Set: the pattern names the characters that are not
  unsigned least = 0, most = 0;
  RepeatMode mode = Greedy;
  GroupKind group = Plain;
};

/// The tree of a pattern. The error says which construct is unknown.
Expected<RegexNode> parseRegex(std::string_view pattern);

/// The pattern that means the same to PCRE2 (UTF, MULTILINE, newline LF),
/// whatever its Unicode version.
std::string writePcre2(const RegexNode &node);

} // namespace dsv2

#endif // RUNTIME_TEXT_REGEXSYNTAX_H
