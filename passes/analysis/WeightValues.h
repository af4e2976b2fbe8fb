//===- WeightValues.h - Which values are weights ----------------*- C++ -*-===//
//
// The ops that a weight program is made of, and the names of its results.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ANALYSIS_WEIGHTVALUES_H
#define PASSES_ANALYSIS_WEIGHTVALUES_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include <string>

namespace mlir::dsv2 {

/// Discardable attribute of a weight op: what its result is called beside the
/// tensor that it is made from ("uk").
inline constexpr llvm::StringLiteral kPartAttr = "dsv2.part";

/// Attribute of the function that is the weight program.
inline constexpr llvm::StringLiteral kWeightProgramAttr = "dsv2.weight_program";

/// Whether `type` may be a weight: a static float tensor without encoding.
bool isWeightType(Type type);

/// Whether `op` makes a weight when all its operands are weights. A checkpoint
/// tensor and a splat constant have none.
bool isWeightOp(Operation *op);

/// Name of a weight: that of the checkpoint tensor it comes from first, and
/// what was done to it. Not unique. `value` is made of weight ops alone.
std::string describeWeight(Value value);

/// A weight that its op's lowering streams.
struct StreamedWeight {
  OpOperand *operand;
  int64_t leading; // dimensions (heads, experts) before each matrix
};

/// The weights that `op` wants packed: those of linear, linears, norm_linears
/// (not the norm's), head_linear, grouped_linear, the ops made from these, and
/// expanded_attention.
SmallVector<StreamedWeight> getStreamedWeights(Operation *op);

/// `value` without the ops that change only its layout or element type.
Value stripLayout(Value value);

} // namespace mlir::dsv2

#endif // PASSES_ANALYSIS_WEIGHTVALUES_H
