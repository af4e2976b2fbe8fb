//===- OpCosts.h - The cost of each op --------------------------*- C++ -*-===//
//
// One overload for each op, in the order of the dialect's files. Bodies:
// LayerCosts.cpp, AttentionCosts.cpp, ExpertCosts.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_OPCOSTS_H
#define PASSES_COST_OPCOSTS_H

#include "passes/cost/OpCost.h"

namespace mlir::dsv2::cost {

// The batch and the layer.
OpCost getCost(ZerosOp op, const Sizes &sizes);
OpCost getCost(SelectOutputsOp op, const Sizes &sizes);
OpCost getCost(EmbedOp op, const Sizes &sizes);
OpCost getCost(AddOp op, const Sizes &sizes);
OpCost getCost(RmsNormOp op, const Sizes &sizes);
OpCost getCost(LinearOp op, const Sizes &sizes);
OpCost getCost(AddRmsNormOp op, const Sizes &sizes);
OpCost getCost(LinearsOp op, const Sizes &sizes);
OpCost getCost(NormLinearsOp op, const Sizes &sizes);
OpCost getCost(ArgmaxOp op, const Sizes &sizes);
OpCost getCost(RopeTableOp op, const Sizes &sizes);
OpCost getCost(RopeOp op, const Sizes &sizes);
OpCost getCost(SwigluOp op, const Sizes &sizes);
OpCost getCost(GatedLinearOp op, const Sizes &sizes);

// Attention.
OpCost getCost(AppendLatentOp op, const Sizes &sizes);
OpCost getCost(MlaAttentionOp op, const Sizes &sizes);
OpCost getCost(HeadLinearOp op, const Sizes &sizes);
OpCost getCost(LatentAttentionOp op, const Sizes &sizes);
OpCost getCost(ExpandedAttentionOp op, const Sizes &sizes);

// Experts.
OpCost getCost(RouteOp op, const Sizes &sizes);
OpCost getCost(SelectExpertsOp op, const Sizes &sizes);
OpCost getCost(ExpertMlpOp op, const Sizes &sizes);
OpCost getCost(DispatchOp op, const Sizes &sizes);
OpCost getCost(GroupedLinearOp op, const Sizes &sizes);
OpCost getCost(CombineOp op, const Sizes &sizes);
OpCost getCost(GroupedGatedLinearOp op, const Sizes &sizes);
OpCost getCost(GroupedCombineOp op, const Sizes &sizes);

//===----------------------------------------------------------------------===//
// Parts that ops are made of; a fused op's cost is a sum of them
//===----------------------------------------------------------------------===//

/// Operand `i` is an activation that is read, and so on.
double readBytes(const Sizes &sizes, ValueRange values);

/// `rows` rows of `inputs` columns times a weight that is read once; `outputs`
/// columns. `weight` tells type and bytes (packed or not).
OpCost getProductCost(const Sizes &sizes, Value weight, double rows, double inputs,
                      double outputs);

/// As `getProductCost` for `[E, ...]` weights of which each token takes `k`.
OpCost getExpertProductCost(const Sizes &sizes, Value weight, double tokens, double k,
                            double inputs, double outputs);

// f32 operations for one element; exponentials and the like count as ten.
inline constexpr double kNormFlops = 4;    // square, sum, scale, weight
inline constexpr double kSwigluFlops = 14; // exp, reciprocal, two products
inline constexpr double kRopeFlops = 3;    // of one turned column
inline constexpr double kArgmaxFlops = 3;  // test for NaN, two comparisons
inline constexpr double kSoftmaxFlops = 14; // scale, maximum, exp, sum of a score

} // namespace mlir::dsv2::cost

#endif // PASSES_COST_OPCOSTS_H
