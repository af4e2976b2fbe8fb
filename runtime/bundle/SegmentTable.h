//===- SegmentTable.h - Names and predictions for a profile -----*- C++ -*-===//
//
// The section `segments.json`: what a step does between two barriers, and what
// the compiler's cost model expects of it. Written by the compiler, read by
// `bench --profile`, which times segments by the barriers' numbers.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_SEGMENTTABLE_H
#define RUNTIME_BUNDLE_SEGMENTTABLE_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <string>
#include <vector>

namespace dsv2::bundle {

/// A step that predictions are for.
struct Workload {
  bool prefill = false;
  int64_t tokens = 1; // new tokens of each sequence
  int64_t batch = 1;  // sequences
  int64_t depth = 0;  // tokens that each has in the cache

  bool operator==(const Workload &) const = default;
};

/// What the cost model expects of one execution of an op.
struct OpPrediction {
  double bytes = 0; // read and written beyond the caches
  double flops = 0;
  double seconds = 0; // of the target with all its threads
  std::string bound;  // memory | compute | launch
};

/// An op of a segment.
struct SegmentTableOp {
  std::string name;     // for people: "linear ?x2048 -> ?x3072"
  std::string function; // that holds it in the planned module
  int64_t executions = 1; // in one step
  /// One for each workload of the table, in its order; empty: none were made.
  std::vector<OpPrediction> predictions;
};

/// What runs between barriers `from` and `to`; 0 is the step's beginning and
/// its end.
struct SegmentTableEntry {
  int64_t from = 0, to = 0;
  std::vector<SegmentTableOp> ops;
};

struct SegmentTable {
  std::vector<Workload> workloads;
  std::vector<SegmentTableEntry> segments; // in the order of a step

  /// The segment between two barriers, or null.
  const SegmentTableEntry *find(int64_t from, int64_t to) const;
};

/// JSON text of the section.
std::string writeSegmentTable(const SegmentTable &table);

/// Reads the section. Errors: JSON that is malformed, a key that is missing or
/// has the wrong type or an absurd value, predictions whose number is neither
/// zero nor that of the workloads; each names the key.
Expected<SegmentTable> parseSegmentTable(const std::string &text);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_SEGMENTTABLE_H
