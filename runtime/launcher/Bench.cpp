//===- Bench.cpp - The command bench --------------------------------------===//
//
// Measures prefill and decode in rounds, with the probes of the machine between
// them, so that results and yardsticks see the same machine. Medians count.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonWriter.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/Median.h"
#include "runtime/launcher/MemoryReport.h"
#include "runtime/launcher/Output.h"
#include "runtime/launcher/Probe.h"
#include "runtime/launcher/Profile.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>

namespace dsv2::launcher {

namespace {
/// One line of the results.
struct Measurement {
  bool prefill;
  int64_t tokens; // prompt length, or steps of decode
  int64_t depth, batch;
  int threads;
  std::vector<double> seconds = {}; // a round each
  engine::StepProfile profile = {}; // of all rounds, with --profile
};

/// Yardsticks of one number of threads.
struct Yardsticks {
  std::vector<double> read, f32, bf16;
};

class Bench {
public:
  Bench(Session &session, const Options &options)
      : session(session), options(options),
        cost(session.bundle().manifest().cost) {}
  Status run();
  Status runPaced();
  std::string asJson();
  std::string asTable();
  Status readSegments();

private:
  void plan();
  Status start(uint64_t probeBytes);
  Status measure(Measurement &measurement);
  Status prefill(engine::Sequence &sequence, int64_t tokens);
  Status decode(std::vector<engine::Sequence> &sequences, int64_t steps);
  int32_t nextToken();
  engine::Model &model() const { return session.model(); }

  double bytesOf(const Measurement &m) const;
  double flopsOf(const Measurement &m) const;
  bool usesBF16() const;
  ProfiledSteps profiled(const Measurement &m) const;

  Session &session;
  const Options &options;
  const bundle::Cost &cost;
  std::vector<int> threadCounts;
  std::vector<Measurement> measurements;
  std::map<int, Yardsticks> yardsticks;
  uint64_t tokenState = 1;
  bundle::SegmentTable segments; // empty without --profile
  Probe probe; // alive as long as its memory is planned
};
} // namespace

/// Tokens spread over the vocabulary, so that experts are hit evenly.
int32_t Bench::nextToken() {
  tokenState = tokenState * 6364136223846793005u + 1442695040888963407u;
  return static_cast<int32_t>((tokenState >> 33) % model().module().vocabulary);
}

void Bench::plan() {
  if (options.threads.empty())
    threadCounts = {session.threads()};
  for (int64_t count : options.threads)
    threadCounts.push_back(static_cast<int>(count));
  for (int threads : threadCounts)
    for (int64_t depth : options.benchDepths) {
      for (int64_t tokens : options.benchPrompts)
        measurements.push_back({true, tokens, depth, 1, threads});
      if (options.benchGenerated > 0)
        for (int64_t batch : options.benchBatches)
          measurements.push_back(
              {false, options.benchGenerated, depth, batch, threads});
    }
}

Status Bench::start(uint64_t probeBytes) {
  std::vector<CacheNeed> needs;
  int64_t outputs = 1;
  for (const Measurement &m : measurements) {
    needs.push_back({m.batch, m.depth + m.tokens});
    outputs = std::max(outputs, m.batch);
  }
  return session.start(needs, outputs, probeBytes);
}

Status Bench::prefill(engine::Sequence &sequence, int64_t tokens) {
  std::vector<int32_t> ids(tokens);
  for (int32_t &id : ids)
    id = nextToken();
  std::span<const int32_t> rest = ids;
  while (!rest.empty()) {
    size_t count = std::min<size_t>(rest.size(), model().module().maxTokens);
    engine::StepPart part = {&sequence, rest.first(count),
                             count == rest.size() ? 1 : 0};
    if (Status status = model().step({&part, 1}).status(); !status.ok())
      return status;
    rest = rest.subspan(count);
  }
  return Status::success();
}

Status Bench::decode(std::vector<engine::Sequence> &sequences, int64_t steps) {
  std::vector<int32_t> ids(sequences.size());
  std::vector<engine::StepPart> parts;
  for (size_t i = 0; i < sequences.size(); ++i)
    parts.push_back({&sequences[i], {&ids[i], 1}, 1});
  for (int64_t step = 0; step < steps; ++step) {
    for (int32_t &id : ids)
      id = nextToken();
    if (Status status = model().step(parts).status(); !status.ok())
      return status;
  }
  return Status::success();
}

Status Bench::measure(Measurement &m) {
  std::vector<engine::Sequence> sequences(m.batch);
  Status status = Status::success();
  for (engine::Sequence &sequence : sequences)
    if (status.ok())
      status = model().pretend(sequence, m.depth);
  if (status.ok()) {
    model().setProfile(options.profile ? &m.profile : nullptr);
    auto begin = std::chrono::steady_clock::now();
    status = m.prefill ? prefill(sequences[0], m.tokens)
                       : decode(sequences, m.tokens);
    m.seconds.push_back(std::chrono::duration<double>(
                            std::chrono::steady_clock::now() - begin)
                            .count());
    model().setProfile(nullptr);
  }
  for (engine::Sequence &sequence : sequences)
    model().release(sequence);
  return status;
}

Status Bench::run() {
  plan();
  Expected<uint64_t> probeBytes = Probe::bufferBytes();
  if (!probeBytes.ok())
    return probeBytes.status();
  if (Status status = start(*probeBytes); !status.ok())
    return status;
  Expected<Probe> made = Probe::create(*probeBytes);
  if (!made.ok())
    return made.status();
  probe = std::move(*made);
  // Round 0 touches weights and cache for the first time and does not count.
  ProgressBar bar("bench");
  int64_t done = 0,
          total = (options.benchRounds + 1) * int64_t(measurements.size());
  for (int64_t round = 0; round <= options.benchRounds; ++round)
    for (int threads : threadCounts) {
      if (Status status = model().setThreads(threads); !status.ok())
        return status;
      device::ThreadTeam team(threads);
      Yardsticks &sticks = yardsticks[threads];
      for (Measurement &m : measurements) {
        if (m.threads != threads)
          continue;
        sticks.read.push_back(probe.readBandwidth(team));
        sticks.f32.push_back(probe.peakF32(team));
        sticks.bf16.push_back(probe.peakBF16(team));
        if (Status status = measure(m); !status.ok())
          return status;
        if (round == 0) {
          m.seconds.clear();
          m.profile.clear();
        }
        bar.update(++done, total);
      }
    }
  return Status::success();
}

/// Another process says what is measured and when, so that several files can
/// take turns: an index into the results for each line of stdin.
Status Bench::runPaced() {
  plan();
  if (Status status = start(/*probeBytes=*/0); !status.ok())
    return status;
  for (std::string line; std::getline(std::cin, line);) {
    size_t index = 0;
    auto [end, error] =
        std::from_chars(line.data(), line.data() + line.size(), index);
    if (error != std::errc() || end != line.data() + line.size() ||
        index >= measurements.size())
      return Status::error("stdin: \"" + line + "\" is not the index of one of " +
                           std::to_string(measurements.size()) + " results");
    Measurement &m = measurements[index];
    if (m.threads != model().threads())
      if (Status status = model().setThreads(m.threads); !status.ok())
        return status;
    if (Status status = measure(m); !status.ok())
      return status;
    if (Status status = writeResult(std::to_string(m.seconds.back()) + "\n");
        !status.ok())
      return status;
  }
  return Status::success();
}

bool Bench::usesBF16() const {
  const bundle::Manifest &manifest = session.bundle().manifest();
  if (manifest.dtype != "bf16")
    return false;
  for (const bundle::ModuleVariant &module : manifest.modules)
    if (module.name == model().variant())
      return std::find(module.features.begin(), module.features.end(),
                       "avx512bf16") != module.features.end();
  return false;
}

/// Bytes that all steps of a measurement have to read: dense weights, the
/// experts that balanced routing hits (specification section 4), the cache.
double Bench::bytesOf(const Measurement &m) const {
  auto stepBytes = [&](double tokens, double cached) {
    double distinct = 0;
    if (cost.experts > 0)
      distinct = double(cost.experts) *
                 (1 - std::pow(1 - double(cost.expertsPerToken) /
                                       double(cost.experts),
                               tokens));
    return cost.weightBytesDense +
           distinct * double(cost.moeLayers) * cost.weightBytesExpert +
           cached * cost.cacheBytesPerToken;
  };
  double bytes = 0;
  if (m.prefill) {
    int64_t most = model().module().maxTokens;
    for (int64_t at = 0; at < m.tokens; at += most) {
      int64_t count = std::min(most, m.tokens - at);
      bytes += stepBytes(double(count), double(m.depth + at + count));
    }
    return bytes;
  }
  for (int64_t step = 0; step < m.tokens; ++step)
    bytes += stepBytes(double(m.batch), double(m.batch * (m.depth + step + 1)));
  return bytes;
}

double Bench::flopsOf(const Measurement &m) const {
  double tokens = double(m.tokens * m.batch);
  double context = double(m.depth) + (double(m.tokens) + 1) / 2;
  double attention = m.prefill ? cost.flopsPerTokenPerContextPrefill
                               : cost.flopsPerTokenPerContext;
  double outputs = m.prefill ? 1 : tokens;
  return tokens * (cost.flopsPerToken + attention * context) +
         outputs * cost.flopsPerOutput;
}

/// A measurement whose steps are alike has one workload: prompts that one step
/// takes, and decode, whose steps differ by a few tokens of depth.
ProfiledSteps Bench::profiled(const Measurement &m) const {
  ProfiledSteps steps;
  steps.workload = {m.prefill, m.prefill ? m.tokens : 1, m.batch, m.depth};
  steps.predictable = !m.prefill || m.tokens <= model().module().maxTokens;
  steps.threads = m.threads;
  steps.profile = &m.profile;
  for (double seconds : m.seconds)
    steps.seconds += seconds;
  const Yardsticks &sticks = yardsticks.at(m.threads);
  steps.readGbps = median(sticks.read);
  steps.peakGflops = median(usesBF16() ? sticks.bf16 : sticks.f32);
  return steps;
}

Status Bench::readSegments() {
  const bundle::BundleReader &file = session.bundle();
  if (!options.profile || !file.find(bundle::SegmentsSection))
    return Status::success();
  Expected<std::string> text = file.read(bundle::SegmentsSection);
  if (!text.ok())
    return text.status();
  Expected<bundle::SegmentTable> table = bundle::parseSegmentTable(*text);
  if (!table.ok())
    return Status::error(file.path() + ": " + table.message());
  segments = std::move(*table);
  return Status::success();
}

std::string Bench::asJson() {
  JsonWriter json;
  json.beginObject();
  json.member("model", session.bundle().manifest().model);
  json.member("variant", model().variant());
  auto byThreads = [&](const char *name,
                       std::vector<double> Yardsticks::*values) {
    json.key(name).beginObject();
    for (const auto &[threads, sticks] : yardsticks)
      json.member(std::to_string(threads), median(sticks.*values));
    json.endObject();
  };
  json.key("probe").beginObject();
  byThreads("read_gbps", &Yardsticks::read);
  json.key("peak_gflops").beginObject();
  byThreads("f32", &Yardsticks::f32);
  byThreads("bf16", &Yardsticks::bf16);
  json.endObject();
  json.endObject();
  json.key("results").beginArray();
  for (const Measurement &m : measurements) {
    const Yardsticks &sticks = yardsticks[m.threads];
    double seconds = median(m.seconds);
    json.beginObject();
    json.member("kind", m.prefill ? "prefill" : "decode");
    json.member("tokens", m.tokens);
    json.member("depth", m.depth);
    json.member("batch", m.batch);
    json.member("threads", m.threads);
    json.member("tokens_per_s", double(m.tokens * m.batch) / seconds);
    json.member("bytes", bytesOf(m));
    json.member("flops", flopsOf(m));
    json.member("of_bandwidth",
                bytesOf(m) / seconds / 1e9 / median(sticks.read));
    json.member("of_peak", flopsOf(m) / seconds / 1e9 /
                               median(usesBF16() ? sticks.bf16 : sticks.f32));
    json.endObject();
  }
  json.endArray();
  if (options.profile) {
    json.key("profiles").beginArray();
    for (const Measurement &m : measurements)
      writeProfile(json, segments, profiled(m));
    json.endArray();
  }
  writeMemoryReport(json, session);
  json.endObject();
  return json.text() + "\n";
}

std::string Bench::asTable() {
  std::string text = session.bundle().manifest().model + ", " +
                     model().variant() + ", medians of " +
                     std::to_string(options.benchRounds) + "\n";
  char line[256];
  for (const auto &[threads, sticks] : yardsticks) {
    snprintf(line, sizeof(line),
             "%3d threads: read %.1f GB/s, f32 %.0f GFLOP/s, bf16 %.0f "
             "GFLOP/s\n",
             threads, median(sticks.read), median(sticks.f32),
             median(sticks.bf16));
    text += line;
  }
  text += "kind     tokens  depth batch threads   tokens/s  bandwidth   peak\n";
  for (const Measurement &m : measurements) {
    const Yardsticks &sticks = yardsticks[m.threads];
    double seconds = median(m.seconds);
    snprintf(line, sizeof(line),
             "%-7s %7lld %6lld %5lld %7d %10.2f %9.1f%% %5.1f%%\n",
             m.prefill ? "prefill" : "decode", (long long)m.tokens,
             (long long)m.depth, (long long)m.batch, m.threads,
             double(m.tokens * m.batch) / seconds,
             bytesOf(m) / seconds / 1e7 / median(sticks.read),
             flopsOf(m) / seconds / 1e7 /
                 median(usesBF16() ? sticks.bf16 : sticks.f32));
    text += line;
  }
  if (options.profile)
    for (const Measurement &m : measurements)
      text += profileTable(segments, profiled(m));
  return text;
}

Status runBench(Session &session, const Options &options) {
  if (!options.writeTarget.empty())
    return writeTarget(session.threads(), options);
  if (options.benchRequests > 0)
    return runBenchRequests(session, options);
  Bench bench(session, options);
  if (options.paced)
    return bench.runPaced();
  if (Status status = bench.readSegments(); !status.ok())
    return status;
  if (Status status = bench.run(); !status.ok())
    return status;
  return writeResult(options.json ? bench.asJson() : bench.asTable());
}

} // namespace dsv2::launcher
