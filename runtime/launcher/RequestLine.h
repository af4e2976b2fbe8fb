//===- RequestLine.h - One request of a batch -------------------*- C++ -*-===//
//
// What a line of `generate --prompts` may say, checked: which fields there are,
// their types and ranges. What it leaves out is the command line's to decide.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_REQUESTLINE_H
#define RUNTIME_LAUNCHER_REQUESTLINE_H

#include "runtime/io/JsonCursor.h"
#include "runtime/launcher/ChatFormat.h"

#include <optional>

namespace dsv2::launcher {

struct RequestLine {
  // One of the three.
  std::optional<std::string> prompt;
  std::optional<std::vector<int32_t>> tokens;
  std::optional<std::vector<ChatMessage>> messages;

  JsonValue id; // a string or a number; null: none
  std::optional<int64_t> maxTokens, topK;
  std::optional<double> temperature, topP;
  std::optional<uint64_t> seed;
  std::optional<std::vector<std::string>> stops;
};

/// Reads {"prompt": "..."}, {"tokens": [ids]} or {"messages": [{"role",
/// "content"}]} with `id`, `max_tokens` (or `n`), `temperature`, `top_k`,
/// `top_p`, `seed` and `stop`. Errors name the place and the field: an unknown
/// one, a wrong type, a value outside its range, a token outside the vocabulary.
Expected<RequestLine> parseRequestLine(const JsonCursor &line,
                                       int64_t vocabulary);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_REQUESTLINE_H
