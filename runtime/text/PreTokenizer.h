//===- PreTokenizer.h - Text into pieces ------------------------*- C++ -*-===//
//
// The `pre_tokenizer` of a tokenizer file: stages of which each splits the
// pieces of the one before. Supported are Split (Isolated), Digits and, last,
// ByteLevel, alone or in a Sequence; others are refused by name.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_PRETOKENIZER_H
#define RUNTIME_TEXT_PRETOKENIZER_H

#include "runtime/io/JsonCursor.h"
#include "runtime/io/Status.h"
#include "runtime/text/Regex.h"

#include <optional>
#include <vector>

namespace dsv2 {

class PreTokenizer {
public:
  /// Reads the field `pre_tokenizer`.
  static Expected<PreTokenizer> create(const JsonCursor &field);

  /// Memory of one thread's `split`.
  struct Scratch {
    std::vector<std::optional<RegexScratch>> regexes; // one a stage
    std::string prefixed;
  };
  Scratch makeScratch() const;

  /// Calls `take` with each piece of `text`, in order. A piece may be text that
  /// `scratch` holds (a prefix space) and lives until `take` returns.
  template <typename Take>
  Status split(std::string_view text, Scratch &scratch, Take &&take) const {
    return splitFrom(0, text, scratch, take);
  }

private:
  struct Stage {
    enum Kind { Pattern, Literal, ByteLevel } kind;
    std::optional<Regex> regex; // Pattern; ByteLevel with its regex
    std::string literal;        // Literal, not empty
    bool addPrefixSpace = false;
  };

  Status addStages(const JsonCursor &field, unsigned depth);
  Status addSplit(const JsonCursor &field);
  Status addByteLevel(const JsonCursor &field);
  Status addDigits(const JsonCursor &field);

  template <typename Take>
  Status splitFrom(size_t index, std::string_view text, Scratch &scratch,
                   Take &&take) const;

  std::vector<Stage> stages;
};

template <typename Take>
Status PreTokenizer::splitFrom(size_t index, std::string_view text,
                               Scratch &scratch, Take &&take) const {
  if (text.empty())
    return Status::success();
  if (index == stages.size()) {
    take(text);
    return Status::success();
  }
  const Stage &stage = stages[index];
  auto pass = [&](size_t begin, size_t end) {
    return splitFrom(index + 1, text.substr(begin, end - begin), scratch, take);
  };

  size_t done = 0;
  if (stage.kind == Stage::Literal) {
    size_t found;
    while ((found = text.find(stage.literal, done)) != text.npos) {
      if (Status status = pass(done, found); !status.ok())
        return status;
      done = found + stage.literal.size();
      if (Status status = pass(found, done); !status.ok())
        return status;
    }
    return pass(done, text.size());
  }

  if (stage.addPrefixSpace && text.front() != ' ') {
    scratch.prefixed = " ";
    scratch.prefixed += text;
    text = scratch.prefixed;
  }
  if (!stage.regex)
    return pass(0, text.size());
  RegexMatches matches(*stage.regex, *scratch.regexes[index], text);
  while (matches.next()) {
    if (Status status = pass(done, matches.begin()); !status.ok())
      return status;
    if (Status status = pass(matches.begin(), matches.end()); !status.ok())
      return status;
    done = matches.end();
  }
  if (!matches.status().ok())
    return matches.status();
  return pass(done, text.size());
}

} // namespace dsv2

#endif // RUNTIME_TEXT_PRETOKENIZER_H
