//===- StepCost.h - What a whole step costs ---------------------*- C++ -*-===//
//
// Follows a step through its calls and sums the costs of its ops.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_STEPCOST_H
#define PASSES_COST_STEPCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/cost/OpCost.h"

namespace mlir::dsv2 {

/// An op that has a cost.
struct StepOp {
  Operation *op;
  int64_t executions; // in one step
};

/// The ops of a step, in the order of their first execution.
std::vector<StepOp> getStepOps(func::FuncOp step);

/// Whether an execution of `op` pays for a launch or a barrier of its own. In
/// buffer form of a planned module: whether a barrier stands between it and the
/// op before. Otherwise always.
bool hasLaunch(Operation *op);

/// The sum over all executions.
OpCost getStepCost(llvm::ArrayRef<StepOp> ops, const Workload &workload);

/// Seconds of a step: its ops, one after another.
double getStepSeconds(llvm::ArrayRef<StepOp> ops, const Workload &workload,
                      const TargetModel &target);

/// Sets `absorbed` as the classifier of `module` says of the sequences, each
/// asked about alone; unchanged without a classifier.
void classify(Workload &workload, ModuleOp module);

} // namespace mlir::dsv2

#endif // PASSES_COST_STEPCOST_H
