//===- ExpertCosts.cpp - Costs of the mixture of experts ------------------===//
//
// Routing is taken as balanced: of an expert's weights, the expected number of
// distinct ones is read (specification §4).
//
//===----------------------------------------------------------------------===//

#include "passes/cost/OpCosts.h"

using namespace mlir;
using namespace mlir::dsv2;

OpCost cost::getExpertProductCost(const Sizes &sizes, Value weight, double tokens, double k,
                                  double inputs, double outputs) {
  double experts = double(cast<ShapedType>(weight.getType()).getDimSize(0));
  OpCost cost = getProductCost(sizes, weight, tokens * k, inputs, outputs);
  cost.weightBytes *= expectedDistinctExperts(experts, k, tokens) / experts;
  cost.expertBytes = cost.weightBytes;
  return cost;
}

/// Softmax over all experts and `k` passes over the scores.
static double getSelectionFlops(double tokens, double experts, double k) {
  return tokens * experts * (cost::kSoftmaxFlops + k);
}

OpCost cost::getCost(RouteOp op, const Sizes &sizes) {
  Value x = op.getX(), weights = getPlannedResult(op);
  double rows = sizes.rows(x), experts = sizes.rows(op.getGate());
  OpCost cost = getProductCost(sizes, op.getGate(), rows, double(getColumns(x)), experts);
  cost.vectorFlops = getSelectionFlops(rows, experts, double(getColumns(weights)));
  cost.activationBytes =
      sizes.bytes(x) + sizes.bytes(weights) + sizes.bytes(getPlannedResult(op, 1));
  return cost;
}

OpCost cost::getCost(SelectExpertsOp op, const Sizes &sizes) {
  Value logits = op.getLogits(), weights = getPlannedResult(op);
  OpCost cost;
  cost.vectorFlops = getSelectionFlops(sizes.rows(logits), double(getColumns(logits)),
                                       double(getColumns(weights)));
  cost.activationBytes =
      sizes.bytes(logits) + sizes.bytes(weights) + sizes.bytes(getPlannedResult(op, 1));
  return cost;
}

OpCost cost::getCost(ExpertMlpOp op, const Sizes &sizes) {
  Value x = op.getX(), result = getPlannedResult(op);
  double tokens = sizes.rows(x), k = double(getColumns(op.getWeights()));
  double hidden = double(getColumns(x));
  double width = double(cast<ShapedType>(op.getGate().getType()).getDimSize(1));
  OpCost cost = getExpertProductCost(sizes, op.getGate(), tokens, k, hidden, width);
  cost += getExpertProductCost(sizes, op.getUp(), tokens, k, hidden, width);
  cost += getExpertProductCost(sizes, op.getDown(), tokens, k, width, hidden);
  cost.vectorFlops = tokens * k * (kSwigluFlops * width + 2 * hidden);
  cost.activationBytes = readBytes(sizes, {x, op.getWeights(), op.getExperts(), result});
  return cost;
}

/// Whether the step leaves its pairs unsorted.
static bool isUnsorted(std::optional<int64_t> limit, const Sizes &sizes) {
  return limit && sizes.workload.tokens() <= double(*limit);
}

OpCost cost::getCost(DispatchOp op, const Sizes &sizes) {
  OpCost cost;
  if (isUnsorted(op.getUnsortedTokens(), sizes))
    return cost;
  cost.activationBytes = sizes.bytes(op.getExperts());
  for (unsigned i = 0; i < 3; ++i)
    cost.activationBytes += sizes.bytes(getPlannedResult(op, i));
  return cost;
}

OpCost cost::getCost(GroupedLinearOp op, const Sizes &sizes) {
  Value x = op.getX(), result = getPlannedResult(op);
  double tokens = sizes.rows(op.getOrder()), k = double(getColumns(op.getOrder()));
  OpCost cost = getExpertProductCost(sizes, op.getWeight(), tokens, k, double(getColumns(x)),
                                     double(getColumns(result)));
  cost.activationBytes = readBytes(sizes, {x, op.getOffsets(), op.getOrder(), result});
  return cost;
}

OpCost cost::getCost(CombineOp op, const Sizes &sizes) {
  OpCost cost;
  cost.activationBytes =
      readBytes(sizes, {op.getY(), op.getPlaces(), op.getWeights(), getPlannedResult(op)});
  cost.vectorFlops = 2 * sizes.elements(op.getY());
  return cost;
}

/// As `getExpertProductCost`; unsorted pairs each read their expert.
template <typename Op>
static OpCost getGroupedCost(Op op, Value weight, double inputs, double outputs,
                             const Sizes &sizes) {
  double tokens = sizes.rows(op.getOrder()), k = double(getColumns(op.getOrder()));
  OpCost cost = cost::getExpertProductCost(sizes, weight, tokens, k, inputs, outputs);
  if (isUnsorted(op.getUnsortedTokens(), sizes)) {
    double experts = double(cast<ShapedType>(weight.getType()).getDimSize(0));
    cost.weightBytes = sizes.bytes(weight) * tokens * k / experts;
  }
  return cost;
}

OpCost cost::getCost(GroupedGatedLinearOp op, const Sizes &sizes) {
  Value x = op.getX(), result = getPlannedResult(op);
  double inputs = double(getColumns(x)), outputs = double(getColumns(result));
  OpCost cost = getGroupedCost(op, op.getGate(), inputs, outputs, sizes);
  cost += getGroupedCost(op, op.getUp(), inputs, outputs, sizes);
  cost.activationBytes = readBytes(sizes, {x, op.getOffsets(), op.getOrder(), result});
  cost.vectorFlops = kSwigluFlops * sizes.elements(result);
  if (op.getSharedGate()) {
    Value shared = getPlannedResult(op, 1);
    for (Value weight : {op.getSharedGate(), op.getSharedUp()})
      cost += getProductCost(sizes, weight, sizes.rows(x), inputs, double(getColumns(shared)));
    cost.activationBytes += sizes.bytes(shared);
    cost.vectorFlops += kSwigluFlops * sizes.elements(shared);
  }
  return cost;
}

OpCost cost::getCost(GroupedCombineOp op, const Sizes &sizes) {
  Value x = op.getX(), result = getPlannedResult(op);
  double outputs = double(getColumns(result));
  OpCost cost = getGroupedCost(op, op.getDown(), double(getColumns(x)), outputs, sizes);
  cost.activationBytes =
      readBytes(sizes, {x, op.getOffsets(), op.getOrder(), op.getWeights(), result});
  cost.vectorFlops = 2 * sizes.rows(x) * double(getColumns(op.getOrder())) * outputs;
  if (Value shared = op.getSharedX()) {
    cost += getProductCost(sizes, op.getSharedDown(), sizes.rows(shared),
                           double(getColumns(shared)), outputs);
    cost.activationBytes += sizes.bytes(shared);
    cost.vectorFlops += sizes.elements(result);
  }
  return cost;
}
