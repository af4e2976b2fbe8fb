//===- SegmentTable.cpp - Names and predictions for a profile -------------===//
//
// Both directions in one file, so that the keys stay equal.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/SegmentTable.h"

#include "runtime/bundle/Format.h"
#include "runtime/io/JsonFields.h"
#include "runtime/io/JsonWriter.h"

#include <algorithm>

namespace dsv2::bundle {

static constexpr int64_t TableVersion = 1;
static constexpr size_t MaxWorkloads = 256;
static constexpr size_t MaxSegments = size_t(1) << 16;
static constexpr size_t MaxOps = 4096; // of one segment

const SegmentTableEntry *SegmentTable::find(int64_t from, int64_t to) const {
  auto found = std::find_if(segments.begin(), segments.end(),
                            [&](const SegmentTableEntry &entry) {
                              return entry.from == from && entry.to == to;
                            });
  return found == segments.end() ? nullptr : &*found;
}

static void writeOp(JsonWriter &json, const SegmentTableOp &op) {
  json.beginObject();
  json.member("name", op.name);
  json.member("function", op.function);
  json.member("executions", op.executions);
  json.key("predictions").beginArray();
  for (const OpPrediction &prediction : op.predictions) {
    json.beginObject();
    json.member("bytes", prediction.bytes);
    json.member("flops", prediction.flops);
    json.member("seconds", prediction.seconds);
    json.member("bound", prediction.bound);
    json.endObject();
  }
  json.endArray();
  json.endObject();
}

std::string writeSegmentTable(const SegmentTable &table) {
  JsonWriter json;
  json.beginObject();
  json.member("version", TableVersion);
  json.key("workloads").beginArray();
  for (const Workload &workload : table.workloads) {
    json.beginObject();
    json.member("kind", workload.prefill ? "prefill" : "decode");
    json.member("tokens", workload.tokens);
    json.member("batch", workload.batch);
    json.member("depth", workload.depth);
    json.endObject();
  }
  json.endArray();
  json.key("segments").beginArray();
  for (const SegmentTableEntry &segment : table.segments) {
    json.beginObject();
    json.member("from", segment.from);
    json.member("to", segment.to);
    json.key("ops").beginArray();
    for (const SegmentTableOp &op : segment.ops)
      writeOp(json, op);
    json.endArray();
    json.endObject();
  }
  json.endArray();
  json.endObject();
  return json.text();
}

static void readWorkload(JsonFields &fields, JsonCursor at,
                         Workload &workload) {
  std::string kind;
  fields.read(at["kind"], kind);
  if (kind != "prefill" && kind != "decode")
    fields.fail(at["kind"].expected("prefill or decode"));
  workload.prefill = kind == "prefill";
  fields.read(at["tokens"], workload.tokens, 1);
  fields.read(at["batch"], workload.batch, 1);
  fields.read(at["depth"], workload.depth);
}

static void readOp(JsonFields &fields, JsonCursor at, size_t workloads,
                   SegmentTableOp &op) {
  fields.read(at["name"], op.name);
  fields.read(at["function"], op.function);
  fields.read(at["executions"], op.executions, 1);
  fields.forEach(at["predictions"], MaxWorkloads, [&](JsonCursor entry) {
    OpPrediction &prediction = op.predictions.emplace_back();
    fields.read(entry["bytes"], prediction.bytes);
    fields.read(entry["flops"], prediction.flops);
    fields.read(entry["seconds"], prediction.seconds);
    fields.read(entry["bound"], prediction.bound);
  });
  if (!op.predictions.empty() && op.predictions.size() != workloads)
    fields.fail(at["predictions"].expected("none or " +
                                           std::to_string(workloads) +
                                           " predictions"));
}

Expected<SegmentTable> parseSegmentTable(const std::string &text) {
  Expected<JsonValue> tree = parseJson(text, SegmentsSection);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, SegmentsSection);
  JsonFields fields;
  SegmentTable table;
  int64_t version = 0;
  fields.read(root["version"], version);
  if (fields.status.ok() && version != TableVersion)
    return root["version"].expected(std::to_string(TableVersion));
  fields.forEach(root["workloads"], MaxWorkloads, [&](JsonCursor entry) {
    readWorkload(fields, entry, table.workloads.emplace_back());
  });
  fields.forEach(root["segments"], MaxSegments, [&](JsonCursor entry) {
    SegmentTableEntry &segment = table.segments.emplace_back();
    fields.read(entry["from"], segment.from);
    fields.read(entry["to"], segment.to);
    fields.forEach(entry["ops"], MaxOps, [&](JsonCursor op) {
      readOp(fields, op, table.workloads.size(), segment.ops.emplace_back());
    });
  });
  if (!fields.status.ok())
    return fields.status;
  return table;
}

} // namespace dsv2::bundle
