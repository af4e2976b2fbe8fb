//===- BenchRequests.cpp - The command bench, of whole requests -----------===//
//
// The same requests through a scheduler that runs more or fewer of them at once,
// in rounds, with the probe of the machine between them. Medians count.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Scheduler.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/Median.h"
#include "runtime/launcher/Output.h"
#include "runtime/launcher/Probe.h"

#include <algorithm>
#include <chrono>

namespace dsv2::launcher {

namespace {

/// All requests, at most `batch` of them at once.
struct Run {
  int64_t batch;
  int64_t steps = 0;
  std::vector<double> seconds = {}; // a round each
};

class BenchRequests {
public:
  BenchRequests(Session &session, const Options &options)
      : session(session), options(options) {
    for (int64_t batch : options.benchBatches)
      runs.push_back({batch});
  }

  Status run();
  std::string asJson() const;
  std::string asTable() const;

private:
  Status start();
  void makeRequests();
  Status measure(Run &run);
  /// Tokens of all requests for each second of a run.
  double rate(const Run &run, int64_t tokens) const {
    return double(tokens) / median(run.seconds);
  }

  Session &session;
  const Options &options;
  std::vector<engine::GenerateRequest> requests;
  std::vector<Run> runs;
  std::vector<double> readGbps;
  int64_t promptTokens = 0, newTokens = 0;
  Probe probe;
};

} // namespace

/// Lengths from the shortest to the longest of --prompt, in no order; tokens
/// spread over the vocabulary, so that experts are hit evenly and no two prompts
/// begin alike. Nothing ends before its length.
void BenchRequests::makeRequests() {
  auto [least, most] = std::minmax_element(options.benchPrompts.begin(),
                                           options.benchPrompts.end());
  uint64_t state = 1;
  auto upTo = [&](int64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(n));
  };
  int64_t vocabulary = session.bundle().manifest().vocabulary;
  for (int64_t i = 0; i < options.benchRequests; ++i) {
    engine::GenerateRequest &request = requests.emplace_back();
    request.maxTokens = options.benchGenerated;
    for (int64_t n = *least + upTo(*most - *least + 1); n > 0; --n)
      request.prompt.push_back(static_cast<int32_t>(upTo(vocabulary)));
    promptTokens += static_cast<int64_t>(request.prompt.size());
    newTokens += request.maxTokens;
  }
}

Status BenchRequests::start() {
  Expected<uint64_t> probeBytes = Probe::bufferBytes();
  if (!probeBytes.ok())
    return probeBytes.status();
  int64_t most = *std::max_element(options.benchBatches.begin(),
                                   options.benchBatches.end());
  if (most > session.mostTexts())
    return Status::error("--batch: " + std::to_string(most) +
                         " texts are more than the " +
                         std::to_string(session.mostTexts()) +
                         " that are computed at once");
  std::vector<int64_t> lengths;
  for (const engine::GenerateRequest &request : requests)
    lengths.push_back(static_cast<int64_t>(request.prompt.size()) +
                      request.maxTokens);
  if (Status status = session.startBatch(std::move(lengths), most, *probeBytes);
      !status.ok())
    return status;
  Expected<Probe> made = Probe::create(*probeBytes);
  if (!made.ok())
    return made.status();
  probe = std::move(*made);
  return Status::success();
}

Status BenchRequests::measure(Run &run) {
  engine::Scheduler scheduler(session.model(), run.batch);
  Status failure = Status::success();
  auto begin = std::chrono::steady_clock::now();
  for (const engine::GenerateRequest &request : requests) {
    engine::ScheduledRequest scheduled;
    scheduled.generate = request;
    scheduled.finished = [&](const Expected<engine::GenerateResult> &result) {
      if (!result.ok())
        failure = result.status();
    };
    if (Status status = scheduler.submit(std::move(scheduled)); !status.ok())
      return status;
  }
  while (!scheduler.idle() && failure.ok())
    if (Status status = scheduler.step(); !status.ok())
      return status;
  run.seconds.push_back(std::chrono::duration<double>(
                            std::chrono::steady_clock::now() - begin)
                            .count());
  run.steps = scheduler.statistics().steps;
  return failure;
}

Status BenchRequests::run() {
  makeRequests();
  if (Status status = start(); !status.ok())
    return status;
  device::ThreadTeam team(session.threads());
  ProgressBar bar("bench");
  int64_t done = 0, total = options.benchRounds * int64_t(runs.size());
  // What touches weights and cache for the first time does not count.
  Run warm{runs.back().batch};
  if (Status status = measure(warm); !status.ok())
    return status;
  for (int64_t round = 0; round < options.benchRounds; ++round)
    for (Run &run : runs) {
      readGbps.push_back(probe.readBandwidth(team));
      if (Status status = measure(run); !status.ok())
        return status;
      bar.update(++done, total);
    }
  return Status::success();
}

std::string BenchRequests::asJson() const {
  JsonWriter json;
  json.beginObject();
  json.member("model", session.bundle().manifest().model);
  json.member("requests", options.benchRequests);
  json.member("prompt_tokens", promptTokens);
  json.member("new_tokens", newTokens);
  json.member("threads", session.threads());
  json.member("read_gbps", median(readGbps));
  json.key("results").beginArray();
  for (const Run &run : runs) {
    json.beginObject();
    json.member("kind", "requests");
    json.member("batch", run.batch);
    json.member("steps", run.steps);
    json.member("seconds", median(run.seconds));
    json.member("tokens_per_s", rate(run, newTokens));
    json.member("all_tokens_per_s", rate(run, promptTokens + newTokens));
    json.member("speedup", median(runs.front().seconds) / median(run.seconds));
    json.endObject();
  }
  json.endArray().endObject();
  return json.text() + "\n";
}

std::string BenchRequests::asTable() const {
  char line[256];
  snprintf(line, sizeof(line),
           "%s, %lld requests, %lld prompt tokens, %lld new ones, %d threads, "
           "read %.1f GB/s, medians of %lld\n"
           "batch  steps  seconds  new tokens/s  all tokens/s  speedup\n",
           session.bundle().manifest().model.c_str(),
           (long long)options.benchRequests, (long long)promptTokens,
           (long long)newTokens, session.threads(), median(readGbps),
           (long long)options.benchRounds);
  std::string text = line;
  for (const Run &run : runs) {
    snprintf(line, sizeof(line), "%5lld %6lld %8.2f %13.2f %13.2f %8.2f\n",
             (long long)run.batch, (long long)run.steps, median(run.seconds),
             rate(run, newTokens), rate(run, promptTokens + newTokens),
             median(runs.front().seconds) / median(run.seconds));
    text += line;
  }
  return text;
}

Status runBenchRequests(Session &session, const Options &options) {
  BenchRequests bench(session, options);
  if (Status status = bench.run(); !status.ok())
    return status;
  return writeResult(options.json ? bench.asJson() : bench.asTable());
}

} // namespace dsv2::launcher
