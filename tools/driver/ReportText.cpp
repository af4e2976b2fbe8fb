//===- ReportText.cpp - A report as JSON and for reading ------------------===//
//
// Both show the same figures; shares are those of the step's predicted time.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonWriter.h"
#include "tools/driver/CostTarget.h"
#include "tools/driver/Report.h"
#include "llvm/Support/FormatVariadic.h"
#include <cstdio>

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;
namespace engine = ::dsv2::engine;

static constexpr int64_t kReportVersion = 1;

static const char *kindOf(const bundle::Workload &workload) {
  return workload.prefill ? "prefill" : "decode";
}

/// A text of usual length, as in `info` of the compiled file.
static engine::MemoryRequest plannedRequest(const engine::MemoryFacts &facts) {
  engine::MemoryRequest request;
  request.tokens = std::min<int64_t>(4096, facts.maxContext);
  return request;
}

/// What the target's memory leaves for the cache beside the weights.
static uint64_t cacheBytesOf(const Report &report) {
  engine::MemoryPlan plan =
      engine::planMemory(report.memory, plannedRequest(report.memory));
  uint64_t rest = plan.privateBytes() - plan.cache + plan.mappedWeights;
  uint64_t all = std::max<int64_t>(0, report.target.memoryBytes);
  return all - std::min(all, rest);
}

static void writeOp(::dsv2::JsonWriter &json, const ReportedOp &op,
                    ArrayRef<double> stepSeconds) {
  json.beginObject();
  json.member("name", op.name);
  if (!op.weight.empty())
    json.member("weight", op.weight);
  json.member("function", op.function);
  json.member("executions", op.executions);
  json.member("barrier", op.barrier);
  json.key("predictions").beginArray();
  for (auto [cost, prediction, step] : llvm::zip(op.costs, op.predictions, stepSeconds)) {
    json.beginObject();
    json.member("bytes", cost.bytes());
    json.member("weight_bytes", cost.weightBytes);
    json.member("cache_bytes", cost.cacheBytes);
    json.member("flops", cost.flops());
    json.member("seconds", prediction.seconds);
    json.member("bound", std::string_view(stringifyBound(prediction.bound)));
    json.member("share", double(op.executions) * prediction.seconds / step);
    json.endObject();
  }
  json.endArray();
  json.endObject();
}

/// Bytes and FLOPs of a whole step of the i-th workload.
static OpCost sumOf(const Report &report, size_t workload) {
  OpCost total;
  for (const ReportedOp &op : report.ops)
    for (int64_t i = 0; i < op.executions; ++i)
      total += op.costs[workload];
  return total;
}

std::string mlir::dsv2::writeReport(const Report &report) {
  ::dsv2::JsonWriter json;
  json.beginObject();
  json.member("version", kReportVersion);
  json.member("model", report.model);
  json.key("target");
  bundle::writeTargetFigures(json, figuresOf(report.target));
  std::vector<double> seconds;
  json.key("workloads").beginArray();
  for (auto [i, workload] : llvm::enumerate(report.workloads)) {
    OpCost total = sumOf(report, i);
    seconds.push_back(report.seconds(i));
    json.beginObject();
    json.member("kind", kindOf(workload));
    json.member("tokens", workload.tokens);
    json.member("batch", workload.batch);
    json.member("depth", workload.depth);
    json.member("bytes", total.bytes());
    json.member("flops", total.flops());
    json.member("seconds", seconds.back());
    json.member("tokens_per_s", double(workload.tokens * workload.batch) / seconds.back());
    json.endObject();
  }
  json.endArray();
  json.key("ops").beginArray();
  for (const ReportedOp &op : report.ops)
    writeOp(json, op, seconds);
  json.endArray();
  json.key("memory").beginObject();
  json.member("weight_bytes", report.weightBytes);
  json.member("cache_bytes_per_token", report.cacheBytesPerToken);
  json.member("arena_bytes", report.arenaBytes);
  engine::MemoryRequest request = plannedRequest(report.memory);
  json.key("plan").beginObject();
  writeMemoryPlan(json, request, engine::planMemory(report.memory, request));
  json.endObject();
  uint64_t cacheBytes = cacheBytesOf(report);
  writeCacheFits(json, cacheBytes, engine::largestFits(report.memory, cacheBytes));
  json.endObject();
  json.member("barriers", report.barriers);
  json.key("decisions").beginArray();
  for (const Decision &decision : report.decisions) {
    json.beginObject();
    json.member("pass", decision.pass);
    json.member("name", decision.name);
    json.member("kind", decision.kind);
    json.member("text", decision.text);
    json.endObject();
  }
  json.endArray();
  json.endObject();
  return json.text() + "\n";
}

/// So many significant digits.
static std::string digits(double value, int count) {
  char text[32];
  snprintf(text, sizeof(text), "%.*g", count, value);
  return text;
}

/// A number with the unit that makes it short: "12.3 MB".
static std::string scaled(double value, StringRef unit) {
  static constexpr const char *prefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t i = 0;
  for (; value >= 999.5 && i + 1 < std::size(prefixes); ++i)
    value /= 1000;
  return llvm::formatv("{0} {1}{2}", digits(value, 3), prefixes[i], unit);
}

static std::string timeText(double seconds) {
  if (seconds >= 1)
    return llvm::formatv("{0} s", digits(seconds, 3));
  if (seconds >= 1e-3)
    return llvm::formatv("{0} ms", digits(seconds * 1e3, 3));
  if (seconds >= 1e-6)
    return llvm::formatv("{0} us", digits(seconds * 1e6, 3));
  return llvm::formatv("{0} ns", digits(seconds * 1e9, 3));
}

static void explainWorkload(llvm::raw_ostream &os, const Report &report, size_t i) {
  const bundle::Workload &workload = report.workloads[i];
  double seconds = report.seconds(i);
  OpCost total = sumOf(report, i);
  os << llvm::formatv("\n{0} of {1} x {2} tokens after {3} cached: {4}, {5} tokens/s, {6}, {7}\n",
                      kindOf(workload), workload.batch, workload.tokens, workload.depth,
                      timeText(seconds),
                      digits(double(workload.batch * workload.tokens) / seconds, 4),
                      scaled(total.bytes(), "B"), scaled(total.flops(), "FLOP"));
  os << llvm::formatv("{0,6} {1,6} {2,10} {3,10} {4,11} {5,-8} {6}\n", "share", "times", "time",
                      "bytes", "flops", "bound", "op (figures of one execution)");
  StringRef function;
  for (const ReportedOp &op : report.ops) {
    const OpCost &cost = op.costs[i];
    const Prediction &prediction = op.predictions[i];
    if (function != op.function)
      os << "@" << op.function << "\n";
    function = op.function;
    double share = double(op.executions) * prediction.seconds / seconds;
    os << llvm::formatv("{0,5}% {1,6} {2,10} {3,10} {4,11} {5,-8} {6}{7}\n",
                        llvm::formatv("{0:F1}", 100 * share).str(), op.executions,
                        timeText(prediction.seconds), scaled(cost.bytes(), "B"),
                        scaled(cost.flops(), "FLOP"), stringifyBound(prediction.bound), op.name,
                        op.weight.empty() ? "" : "  " + op.weight);
  }
}

std::string mlir::dsv2::explainReport(const Report &report) {
  std::string text;
  llvm::raw_string_ostream os(text);
  const TargetModel &target = report.target;
  os << llvm::formatv("{0}, predicted for {1}: {2} {3}, {4}/s, {5}/s in bf16, {6} a {7}\n",
                      report.model, target.name, target.units,
                      target.kind == TargetKind::GPU ? "SMs" : "cores",
                      scaled(target.memoryBandwidth, "B"),
                      scaled(target.peak(NumberType::BF16), "FLOP"),
                      timeText(target.launchSeconds),
                      target.kind == TargetKind::GPU ? "launch" : "barrier");
  os << llvm::formatv("weights {0}, cache {1} a token, arena {2}, {3} barriers a step\n",
                      scaled(double(report.weightBytes), "B"),
                      scaled(report.cacheBytesPerToken, "B"),
                      scaled(double(report.arenaBytes), "B"), report.barriers);
  uint64_t cacheBytes = cacheBytesOf(report);
  engine::CacheFits fits = engine::largestFits(report.memory, cacheBytes);
  os << llvm::formatv("{0} of cache beside the weights in its {1}:", scaled(double(cacheBytes), "B"),
                      scaled(double(report.target.memoryBytes), "B"));
  for (const engine::CacheFit &fit : fits.byTexts)
    os << llvm::formatv(" {0} x {1},", fit.texts, fit.tokens);
  for (auto [i, fit] : llvm::enumerate(fits.byTokens))
    os << llvm::formatv("{0} {1} x {2}", i ? "," : "", fit.texts, fit.tokens);
  os << " texts x tokens at most\n";
  os << "\ndecisions\n";
  for (const Decision &decision : report.decisions)
    os << "  " << decision.pass << (decision.kind == "missed" ? " (missed): " : ": ")
       << decision.text << "\n";
  for (size_t i = 0; i < report.workloads.size(); ++i)
    explainWorkload(os, report, i);
  return text;
}
