//===- OpCost.h - Bytes, FLOPs and time of one op ---------------*- C++ -*-===//
//
// What an op costs is a pure function of its shapes and a workload; how long it
// takes, of that and a target. Serves all forms of an op (value, destination,
// buffer).
//
// An op gets its cost in two lines: an overload of `getCost` in OpCosts.h (and
// its body in the .cpp of the op's theme), and its name in the list of
// OpCost.cpp. A test fails for a planned op without.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_OPCOST_H
#define PASSES_COST_OPCOST_H

#include "mlir/IR/Operation.h"
#include "passes/cost/TargetModel.h"
#include "passes/cost/Workload.h"
#include <optional>

namespace mlir::dsv2 {

/// What one execution of an op moves and computes.
struct OpCost {
  double weightBytes = 0;     // weights read, of experts the expected distinct ones
  double expertBytes = 0;     // of these, what routing decides about
  double cacheBytes = 0;      // rows of the latent cache, read or written
  double activationBytes = 0; // everything else, read or written
  double dotFlops = 0;        // of products of matrices, 2 a multiply-add
  NumberType dotType = NumberType::BF16; // of their operands
  double vectorFlops = 0;     // elementwise, in f32

  double bytes() const { return weightBytes + cacheBytes + activationBytes; }
  double flops() const { return dotFlops + vectorFlops; }
  /// Of two parts of one op; `dotType` is that of the part with products.
  OpCost &operator+=(const OpCost &other);
};

enum class Bound { Memory, Compute, Launch };
llvm::StringRef stringifyBound(Bound bound);

struct Prediction {
  double seconds = 0;
  Bound bound = Bound::Launch;
};

/// The cost of one execution of `op`; none for what is no op of the step's
/// arithmetic (views, counts, calls, barriers).
std::optional<OpCost> getOpCost(Operation *op, const Workload &workload);

/// Whether `getOpCost` knows the op.
bool hasOpCost(OperationName name);

/// `max(memory, arithmetic)`, and the launch or barrier where the op has one.
/// Weights and cache come from memory; activations from the last-level cache
/// where they fit.
Prediction predict(const OpCost &cost, const TargetModel &target, bool launches = true);

} // namespace mlir::dsv2

#endif // PASSES_COST_OPCOST_H
