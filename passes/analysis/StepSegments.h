//===- StepSegments.h - What lies between two barriers ----------*- C++ -*-===//
//
// Threads of a step meet at numbered barriers. What they do between two of them
// is a segment: the smallest part of a step that can be timed without touching
// generated code.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ANALYSIS_STEPSEGMENTS_H
#define PASSES_ANALYSIS_STEPSEGMENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::dsv2 {

/// A planned op of a segment.
struct SegmentOp {
  Operation *op;
  int64_t executions; // in one step, within this segment
};

/// All that runs between an execution of barrier `from` and the next numbered
/// barrier, which is `to`; 0 stands for the step's beginning and its end. Ops
/// without a barrier between them may belong to different functions.
struct StepSegment {
  int64_t from, to;
  SmallVector<SegmentOp> ops; // in the order of their first execution
};

/// The segments of one step of a planned module, in the order of their first
/// execution: follows `step` through all calls. Barriers of number 0 end
/// nothing.
std::vector<StepSegment> getStepSegments(func::FuncOp step);

} // namespace mlir::dsv2

#endif // PASSES_ANALYSIS_STEPSEGMENTS_H
