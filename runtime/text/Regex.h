//===- Regex.h - Patterns of tokenizer files --------------------*- C++ -*-===//
//
// Compiles a pattern of a tokenizer file and finds its matches one after
// another, as the reference does: by an automaton where one can, else by PCRE2.
// Bounded in memory, and with PCRE2 in the time of a match, whatever pattern
// and text are. Text must be valid UTF-8.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_REGEX_H
#define RUNTIME_TEXT_REGEX_H

#include "runtime/io/Status.h"
#include "runtime/text/RegexAutomaton.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace dsv2 {

enum class RegexMethod {
  Best,        // an automaton where one can
  Backtracking // PCRE2, to which tests compare
};

/// A compiled pattern; const use is thread-safe.
class Regex {
public:
  static Expected<Regex> compile(std::string_view pattern,
                                 RegexMethod method = RegexMethod::Best);
  /// The pattern whose tree is `node`; `source` stands for it in messages.
  static Expected<Regex> compile(const RegexNode &node, std::string source,
                                 RegexMethod method = RegexMethod::Best);

  /// As the file has it.
  const std::string &pattern() const { return source; }

private:
  friend class RegexMatches;
  friend class RegexScratch;
  struct Release {
    void operator()(void *code) const;
  };
  std::string source;
  std::optional<RegexAutomaton> automaton;
  std::unique_ptr<void, Release> code; // pcre2_code, where there is none
};

/// What matching needs besides pattern and text; one for each thread and each
/// search that is under way. Empty for an automaton.
class RegexScratch {
public:
  explicit RegexScratch(const Regex &regex);

private:
  friend class RegexMatches;
  struct ReleaseData {
    void operator()(void *data) const;
  };
  struct ReleaseContext {
    void operator()(void *context) const;
  };
  struct ReleaseStack {
    void operator()(void *stack) const;
  };
  std::unique_ptr<void, ReleaseStack> stack;     // pcre2_jit_stack, or null
  std::unique_ptr<void, ReleaseContext> context; // pcre2_match_context
  std::unique_ptr<void, ReleaseData> data;       // pcre2_match_data
};

/// The matches of a pattern in a text, from left to right, not overlapping. An
/// empty match right after a match does not count.
class RegexMatches {
public:
  RegexMatches(const Regex &regex, RegexScratch &scratch, std::string_view text)
      : regex(regex), scratch(scratch), text(text) {}

  /// Moves to the next match; false at the end and on an error.
  bool next() {
    if (!regex.automaton)
      return nextByBacktracking();
    if (!regex.automaton->find(text, start, first, last))
      return false;
    start = last;
    return true;
  }
  size_t begin() const { return first; }
  size_t end() const { return last; }
  /// Why `next` stopped, when it is not the end.
  const Status &status() const { return failure; }

private:
  bool nextByBacktracking();

  const Regex &regex;
  RegexScratch &scratch;
  std::string_view text;
  size_t start = 0;
  size_t first = 0, last = 0;
  bool matchedBefore = false;
  Status failure = Status::success();
};

} // namespace dsv2

#endif // RUNTIME_TEXT_REGEX_H
