//===- Profile.cpp - Time of each op, measured beside predicted -----------===//
//
// All figures are those of one step.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Profile.h"

#include <algorithm>
#include <cstdio>
#include <optional>

namespace dsv2::launcher {

namespace {
/// A segment with what the compiler says of it; figures of one step.
struct Row {
  int64_t from, to;
  const bundle::SegmentTableEntry *entry; // null: not in the table
  double executions, seconds;
  std::optional<bundle::OpPrediction> predicted; // of all its ops
};
} // namespace

/// The place of the workload in the table; nothing where it has none.
static std::optional<size_t> findWorkload(const bundle::SegmentTable &table,
                                          const ProfiledSteps &steps) {
  auto found = std::find(table.workloads.begin(), table.workloads.end(),
                         steps.workload);
  if (!steps.predictable || found == table.workloads.end())
    return std::nullopt;
  return static_cast<size_t>(found - table.workloads.begin());
}

/// Sum over the ops of a segment; nothing when one has no prediction.
static std::optional<bundle::OpPrediction>
predictionOf(const bundle::SegmentTableEntry &entry, size_t workload) {
  bundle::OpPrediction sum;
  double longest = 0;
  for (const bundle::SegmentTableOp &op : entry.ops) {
    if (workload >= op.predictions.size())
      return std::nullopt;
    const bundle::OpPrediction &one = op.predictions[workload];
    double times = double(op.executions);
    sum.bytes += times * one.bytes;
    sum.flops += times * one.flops;
    sum.seconds += times * one.seconds;
    if (times * one.seconds >= longest) {
      longest = times * one.seconds;
      sum.bound = one.bound;
    }
  }
  return sum;
}

/// The longest first.
static std::vector<Row> rowsOf(const bundle::SegmentTable &table,
                               const ProfiledSteps &steps) {
  std::optional<size_t> workload = findWorkload(table, steps);
  double count = std::max(1.0, double(steps.profile->steps()));
  std::vector<Row> rows;
  for (const engine::StepProfile::Segment &segment :
       steps.profile->segments()) {
    Row row = {segment.from,
               segment.to,
               table.find(segment.from, segment.to),
               double(segment.executions) / count,
               segment.seconds / count,
               std::nullopt};
    if (row.entry && workload)
      row.predicted = predictionOf(*row.entry, *workload);
    rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) {
    return a.seconds > b.seconds;
  });
  return rows;
}

static std::string nameOf(const Row &row) {
  if (!row.entry)
    return "unknown";
  if (row.entry->ops.empty())
    return "nothing";
  std::string name;
  for (const bundle::SegmentTableOp &op : row.entry->ops)
    name += (name.empty() ? "" : " + ") + op.name;
  return name;
}

void writeProfile(JsonWriter &json, const bundle::SegmentTable &table,
                  const ProfiledSteps &steps) {
  std::vector<Row> rows = rowsOf(table, steps);
  double count = std::max(1.0, double(steps.profile->steps()));
  double total = steps.profile->seconds() / count;
  json.beginObject();
  json.member("kind", steps.workload.prefill ? "prefill" : "decode");
  json.member("tokens", steps.workload.tokens);
  json.member("depth", steps.workload.depth);
  json.member("batch", steps.workload.batch);
  json.member("threads", steps.threads);
  json.member("steps", steps.profile->steps());
  json.member("step_seconds", steps.seconds / count);
  json.member("segment_seconds", total);
  bool predicted = !rows.empty();
  double predictedSeconds = 0;
  for (const Row &row : rows) {
    predicted &= row.predicted.has_value();
    predictedSeconds += row.predicted ? row.predicted->seconds : 0;
  }
  auto optional = [&](const char *name, bool given, double value) {
    json.key(name);
    if (given)
      json.value(value);
    else
      json.null();
  };
  optional("predicted_seconds", predicted, predictedSeconds);
  json.key("segments").beginArray();
  for (const Row &row : rows) {
    json.beginObject();
    json.member("name", nameOf(row));
    json.member("from", row.from);
    json.member("to", row.to);
    json.member("executions", row.executions);
    json.member("seconds", row.seconds);
    json.member("share", row.seconds / total);
    const bundle::OpPrediction p = row.predicted.value_or(bundle::OpPrediction());
    bool given = row.predicted.has_value();
    optional("predicted_seconds", given, p.seconds);
    optional("gbps", given, p.bytes / row.seconds / 1e9);
    optional("gflops", given, p.flops / row.seconds / 1e9);
    optional("of_bandwidth", given, p.bytes / row.seconds / 1e9 / steps.readGbps);
    optional("of_peak", given, p.flops / row.seconds / 1e9 / steps.peakGflops);
    json.key("bound");
    if (given)
      json.value(p.bound);
    else
      json.null();
    json.key("ops").beginArray();
    if (row.entry)
      for (const bundle::SegmentTableOp &op : row.entry->ops) {
        json.beginObject();
        json.member("name", op.name);
        json.member("function", op.function);
        json.member("executions", op.executions);
        json.endObject();
      }
    json.endArray();
    json.endObject();
  }
  json.endArray();
  json.endObject();
}

std::string profileTable(const bundle::SegmentTable &table,
                         const ProfiledSteps &steps) {
  std::vector<Row> rows = rowsOf(table, steps);
  double count = std::max(1.0, double(steps.profile->steps()));
  double total = steps.profile->seconds() / count;
  char line[512];
  snprintf(line, sizeof(line),
           "\n%s of %lld × %lld tokens after %lld, %d threads: %.3f ms a step, "
           "%.3f ms between its barriers\n",
           steps.workload.prefill ? "prefill" : "decode",
           (long long)steps.workload.batch, (long long)steps.workload.tokens,
           (long long)steps.workload.depth, steps.threads,
           steps.seconds / count * 1e3, total * 1e3);
  std::string text = line;
  text += "  share   times  measured ms  predicted ms    GB/s  GFLOP/s  ops [function]\n";
  for (const Row &row : rows) {
    snprintf(line, sizeof(line), "%6.1f%% %7.4g %12.4f ",
             row.seconds / total * 100, row.executions, row.seconds * 1e3);
    text += line;
    if (row.predicted)
      snprintf(line, sizeof(line), "%13.4f %7.1f %8.0f  ",
               row.predicted->seconds * 1e3,
               row.predicted->bytes / row.seconds / 1e9,
               row.predicted->flops / row.seconds / 1e9);
    else
      snprintf(line, sizeof(line), "%13s %7s %8s  ", "-", "-", "-");
    text += line + nameOf(row);
    if (row.entry && !row.entry->ops.empty())
      text += " [" + row.entry->ops.back().function + "]";
    text += "\n";
  }
  return text;
}

} // namespace dsv2::launcher
