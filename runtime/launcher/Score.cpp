//===- Score.cpp - The command score --------------------------------------===//
//
// Log-likelihoods of many texts: JSON lines in, JSON lines out, in the same
// order, as soon as all before them are there.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Commands.h"
#include "runtime/launcher/Output.h"
#include "runtime/launcher/RequestFields.h"
#include "runtime/launcher/ScoreInput.h"

#include <algorithm>

namespace dsv2::launcher {

namespace {
/// Puts results in order and writes them.
class ResultWriter {
public:
  explicit ResultWriter(std::span<const ScoreLine> lines) : lines(lines) {
    results.reserve(lines.size());
    for (const ScoreLine &line : lines)
      results.push_back({{}, line.requests.size()});
  }

  void add(size_t line, const engine::Score &score) {
    Result &result = results[line];
    result.score.logLikelihood += score.logLikelihood;
    result.score.greedy &= score.greedy;
    --result.missing;
  }
  /// Writes the lines that are complete and whose predecessors are.
  Status flush();

  ProgressBar bar{"score"};

private:
  struct Result {
    engine::Score score;
    size_t missing; // requests
  };
  std::string describe(size_t index) const;

  std::span<const ScoreLine> lines;
  std::vector<Result> results;
  size_t next = 0;
};
} // namespace

Status ResultWriter::flush() {
  std::string text;
  for (; next < lines.size() && results[next].missing == 0; ++next)
    text += describe(next);
  if (text.empty())
    return Status::success();
  bar.clear();
  return writeResult(text);
}

std::string ResultWriter::describe(size_t index) const {
  const ScoreLine &line = lines[index];
  const engine::Score &score = results[index].score;
  JsonWriter json;
  json.beginObject();
  writeId(json, line.id);
  if (!line.error.empty()) {
    json.member("error", std::string_view(line.error));
  } else {
    json.member("log_likelihood", score.logLikelihood);
    json.member("is_greedy", score.greedy);
    json.member("tokens", line.scored());
    if (line.cut)
      json.member("truncated", line.cut);
  }
  json.endObject();
  return json.text() + "\n";
}

static Status scoreLines(Session &session,
                         std::span<const ScoreLine> lines,
                         ResultWriter &writer) {
  std::vector<engine::ScoreRequest> requests;
  std::vector<size_t> lineOf;
  std::vector<int64_t> lengths;
  int64_t mostScored = 0;
  for (size_t i = 0; i < lines.size(); ++i)
    for (const engine::ScoreRequest &request : lines[i].requests) {
      requests.push_back(request);
      lineOf.push_back(i);
      lengths.push_back(static_cast<int64_t>(request.input().size()));
      mostScored = std::max(mostScored, request.scored());
    }
  if (requests.empty())
    return writer.flush();
  engine::ScoreOptions scoring;
  scoring.texts = std::min(session.mostTexts(),
                           static_cast<int64_t>(requests.size()));
  scoring.shareLogits = true;
  int64_t outputs = std::min(session.bundle().manifest().maxStepTokens,
                             scoring.texts * mostScored);
  if (Status status = session.startBatch(std::move(lengths), outputs);
      !status.ok())
    return status;
  scoring.progress = [&](int64_t done, int64_t total) {
    writer.bar.update(done, total);
  };
  return engine::score(session.model(), requests, scoring,
                       [&](size_t index, const engine::Score &score) {
                         writer.add(lineOf[index], score);
                         return writer.flush();
                       })
      .status();
}

Status runScore(Session &session, const Options &options) {
  Expected<std::vector<ScoreLine>> lines = readScoreLines(session, options);
  if (!lines.ok())
    return lines.status();
  ResultWriter writer(*lines);
  if (Status status = scoreLines(session, *lines, writer); !status.ok())
    return status;
  int64_t errors = std::count_if(
      lines->begin(), lines->end(),
      [](const ScoreLine &line) { return !line.error.empty(); });
  if (errors == 0)
    return Status::success();
  return Status::error(std::to_string(errors) + " of " +
                       std::to_string(lines->size()) +
                       " requests are too long for the context, as their "
                       "lines say" +
                       (options.truncate ? "" : "; see --truncate"));
}

} // namespace dsv2::launcher
