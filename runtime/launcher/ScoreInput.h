//===- ScoreInput.h - The requests of the command score ---------*- C++ -*-===//
//
// Lines of JSON into tokens. All are read, and checked, before one is computed.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_SCOREINPUT_H
#define RUNTIME_LAUNCHER_SCOREINPUT_H

#include "runtime/engine/ScoreWindows.h"
#include "runtime/io/JsonLines.h"
#include "runtime/launcher/Session.h"

namespace dsv2::launcher {

/// One line. Its result is the sum over its requests.
struct ScoreLine {
  JsonValue id; // a string or an integer; null: none
  std::vector<int32_t> tokens; // what the requests borrow
  std::vector<engine::ScoreRequest> requests;
  int64_t cut = 0; // tokens left out at the beginning of the context
  std::string error; // why it has no requests; empty: it has

  int64_t scored() const {
    int64_t count = 0;
    for (const engine::ScoreRequest &request : requests)
      count += request.scored();
    return count;
  }
};

/// Reads --file, or stdin. A line is one of
///   {"context": TEXT, "continuation": TEXT}
///   {"context_tokens": [IDS], "continuation_tokens": [IDS]}
///   {"text": TEXT}
///   {"text_tokens": [IDS]}
/// with an `id`, a text or an integer, if wanted. A continuation is scored after
/// its context, a text after the token that begins texts, in windows where it is
/// longer than the context. Errors: a line of another form, named by its place;
/// a continuation without tokens; a tokenizer that knows more tokens than the
/// model. A pair that is too long for the context is an error of its line alone,
/// or loses the beginning of its context with --truncate.
Expected<std::vector<ScoreLine>> readScoreLines(Session &session,
                                                const Options &options);

/// The same of lines that are at hand, and that messages call `source`.
Expected<std::vector<ScoreLine>>
parseScoreLines(Session &session, const Options &options, std::string_view text,
                const std::string &source, const JsonLinesLimits &limits = {});

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_SCOREINPUT_H
