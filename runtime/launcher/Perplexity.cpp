//===- Perplexity.cpp - The command perplexity ----------------------------===//
//
// Scores each token of a text after those before it, in windows, and prints the
// mean.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/ScoreWindows.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/MemoryReport.h"
#include "runtime/launcher/Output.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace dsv2::launcher {

/// Tokens of a window where the user does not say, if the context has as many.
/// What is read of them costs, what is read beyond them changes little.
static constexpr int64_t DefaultWindow = 4096;

namespace {
struct Windows {
  int64_t window, stride;
  std::vector<engine::ScoreRequest> requests;
};

struct Result {
  double logLikelihood = 0; // of all scored tokens
  int64_t scored = 0, computed = 0;
  std::optional<uint64_t> bytes; // that the scored tokens stand for
  double seconds = 0;

  double perToken() const { return -logLikelihood / double(scored); }
  double bitsPerByte() const {
    return -logLikelihood / std::log(2.0) / double(*bytes);
  }
  double tokensPerSecond() const {
    return seconds > 0 ? double(scored) / seconds : 0;
  }
};
} // namespace

static Expected<Windows> cutText(const Session &session, const Options &options,
                                 std::span<const int32_t> tokens) {
  if (tokens.size() < 2)
    return Status::error("perplexity needs at least two tokens, got " +
                         std::to_string(tokens.size()));
  int64_t context = session.context();
  if (context < 2)
    return Status::error("perplexity needs a context of at least two tokens, "
                         "got " +
                         std::to_string(context));
  Windows windows;
  windows.window = options.window.value_or(std::min(context, DefaultWindow));
  if (windows.window > context)
    return Status::error("--window: expected at most the context of " +
                         std::to_string(context) + " tokens, got " +
                         std::to_string(windows.window));
  windows.stride = options.stride.value_or(windows.window / 2);
  if (windows.stride > windows.window)
    return Status::error("--stride: expected at most the window of " +
                         std::to_string(windows.window) + " tokens, got " +
                         std::to_string(windows.stride));
  windows.requests =
      engine::slidingWindows(tokens, windows.window, windows.stride);
  return windows;
}

static std::string describe(const Session &session, const Windows &windows,
                            const Result &result, size_t tokens) {
  JsonWriter json;
  json.beginObject();
  json.member("tokens", tokens);
  json.member("scored_tokens", result.scored);
  json.member("negative_log_likelihood", result.perToken());
  json.member("perplexity", std::exp(result.perToken()));
  json.key("bits_per_byte");
  if (result.bytes)
    json.value(result.bitsPerByte());
  else
    json.null();
  json.member("window", windows.window);
  json.member("stride", windows.stride);
  json.member("windows", windows.requests.size());
  json.key("timing").beginObject();
  json.member("seconds", result.seconds);
  json.member("tokens_per_second", result.tokensPerSecond());
  json.member("computed_tokens", result.computed);
  json.endObject();
  writeMemoryReport(json, session);
  json.endObject();
  return json.text() + "\n";
}

static std::string table(const Windows &windows, const Result &result,
                         size_t tokens) {
  std::string text;
  auto line = [&](const char *name, const char *format, auto... values) {
    char row[200];
    snprintf(row, sizeof row, format, values...);
    text += name + std::string(row) + "\n";
  };
  line("perplexity    ", "%.6g", std::exp(result.perToken()));
  line("a token       ", "%.6f nats", result.perToken());
  if (result.bytes)
    line("a byte        ", "%.6f bits", result.bitsPerByte());
  line("tokens        ", "%lld scored of %zu, in windows of %lld, %lld apart",
       static_cast<long long>(result.scored), tokens,
       static_cast<long long>(windows.window),
       static_cast<long long>(windows.stride));
  line("speed         ", "%.1f tokens/s", result.tokensPerSecond());
  return text;
}

/// Bytes of the tokens that are scored; none where there is no tokenizer.
static Expected<std::optional<uint64_t>>
scoredBytes(Session &session, const Windows &windows) {
  Expected<const Tokenizer *> tokenizer = session.tokenizerIfAny();
  if (!tokenizer.ok())
    return tokenizer.status();
  if (!*tokenizer)
    return std::optional<uint64_t>();
  uint64_t bytes = 0;
  for (const engine::ScoreRequest &request : windows.requests)
    for (int32_t id : request.tokens.subspan(size_t(request.from)))
      bytes += (*tokenizer)->bytes(id).size();
  return bytes ? std::optional(bytes) : std::nullopt;
}

Status runPerplexity(Session &session, const Options &options) {
  Expected<std::vector<int32_t>> tokens = session.inputTokens();
  if (!tokens.ok())
    return tokens.status();
  Expected<Windows> windows = cutText(session, options, *tokens);
  if (!windows.ok())
    return windows.status();
  Expected<std::optional<uint64_t>> bytes = scoredBytes(session, *windows);
  if (!bytes.ok())
    return bytes.status();

  // As many windows at once as fill a step.
  int64_t longest =
      static_cast<int64_t>(windows->requests.front().input().size());
  int64_t stepTokens = session.bundle().manifest().maxStepTokens;
  engine::ScoreOptions scoring;
  scoring.texts = std::min({(stepTokens + longest - 1) / longest,
                            static_cast<int64_t>(windows->requests.size()),
                            session.mostTexts()});
  if (Status status = session.startBatch(
          std::vector<int64_t>(size_t(scoring.texts), longest),
          std::min(stepTokens, scoring.texts * longest));
      !status.ok())
    return status;
  ProgressBar bar("perplexity");
  scoring.progress = [&](int64_t done, int64_t total) {
    bar.update(done, total);
  };
  Result result;
  result.bytes = *bytes;
  // Sums in the text's order, whatever ends first.
  std::vector<double> parts(windows->requests.size());
  auto begin = std::chrono::steady_clock::now();
  Expected<engine::Scheduler::Statistics> statistics = engine::score(
      session.model(), windows->requests, scoring,
      [&](size_t index, const engine::Score &score) {
        parts[index] = score.logLikelihood;
        result.scored += windows->requests[index].scored();
        return Status::success();
      });
  if (!statistics.ok())
    return statistics.status();
  result.seconds = std::chrono::duration<double>(
                       std::chrono::steady_clock::now() - begin)
                       .count();
  result.computed = statistics->computed;
  for (double part : parts)
    result.logLikelihood += part;
  return writeResult(options.json
                         ? describe(session, *windows, result, tokens->size())
                         : table(*windows, result, tokens->size()));
}

} // namespace dsv2::launcher
