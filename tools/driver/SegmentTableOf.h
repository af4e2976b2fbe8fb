//===- SegmentTableOf.h - What a profile calls its segments -----*- C++ -*-===//
//
// Fills the section `segments.json` from a planned module.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_SEGMENTTABLEOF_H
#define TOOLS_DRIVER_SEGMENTTABLEOF_H

#include "mlir/IR/BuiltinOps.h"
#include "runtime/bundle/SegmentTable.h"

namespace mlir::dsv2 {

/// What a cost model expects of one execution of a planned op.
using PredictOp = llvm::function_ref<::dsv2::bundle::OpPrediction(
    Operation *, const ::dsv2::bundle::Workload &)>;

/// The segments of `@step` of a planned module. `predict` is asked for each op
/// and each of `workloads`; without any, ops carry no predictions.
::dsv2::bundle::SegmentTable
segmentTableOf(ModuleOp planned, ArrayRef<::dsv2::bundle::Workload> workloads, PredictOp predict);

/// An op and the shapes of what it reads first and of what it writes, for
/// people: "linear ?x2048 -> ?x3072".
std::string describeOp(Operation *planned);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_SEGMENTTABLEOF_H
