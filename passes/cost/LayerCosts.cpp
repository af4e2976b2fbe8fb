//===- LayerCosts.cpp - Costs of the ops that every transformer has -------===//
//
// Embedding, norm, linear, rotary embedding, SwiGLU, add, greedy choice, and
// their fusions.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/OpCosts.h"

using namespace mlir;
using namespace mlir::dsv2;

double cost::readBytes(const Sizes &sizes, ValueRange values) {
  double bytes = 0;
  for (Value value : values)
    bytes += sizes.bytes(value);
  return bytes;
}

OpCost cost::getProductCost(const Sizes &sizes, Value weight, double rows, double inputs,
                            double outputs) {
  OpCost cost;
  cost.weightBytes = rows ? sizes.bytes(weight) : 0;
  cost.dotFlops = 2 * rows * inputs * outputs;
  cost.dotType = getNumberType(weight);
  return cost;
}

/// An op that reads activations, writes its result, and computes `flops` for
/// each of its elements.
static OpCost getElementwiseCost(Operation *op, const Sizes &sizes, ValueRange operands,
                                 double flops) {
  OpCost cost;
  Value result = getPlannedResult(op);
  cost.activationBytes = cost::readBytes(sizes, operands) + sizes.bytes(result);
  cost.vectorFlops = flops * sizes.elements(result);
  return cost;
}

OpCost cost::getCost(ZerosOp op, const Sizes &sizes) {
  return getElementwiseCost(op, sizes, {}, 0);
}

OpCost cost::getCost(SelectOutputsOp op, const Sizes &sizes) {
  OpCost cost;
  cost.activationBytes = 2 * sizes.bytes(getPlannedResult(op)); // gathered rows alone
  return cost;
}

OpCost cost::getCost(EmbedOp op, const Sizes &sizes) {
  OpCost cost;
  Value result = getPlannedResult(op);
  cost.weightBytes = sizes.bytes(result); // one row of the table a token
  cost.activationBytes = sizes.bytes(op.getIds()) + sizes.bytes(result);
  return cost;
}

OpCost cost::getCost(AddOp op, const Sizes &sizes) {
  return getElementwiseCost(op, sizes, {op.getLhs(), op.getRhs()}, 1);
}

OpCost cost::getCost(RmsNormOp op, const Sizes &sizes) {
  OpCost cost = getElementwiseCost(op, sizes, op.getX(), kNormFlops);
  cost.weightBytes = sizes.bytes(op.getWeight());
  return cost;
}

OpCost cost::getCost(LinearOp op, const Sizes &sizes) {
  Value x = op.getX(), result = getPlannedResult(op);
  OpCost cost =
      getProductCost(sizes, op.getWeight(), sizes.rows(x), getColumns(x), getColumns(result));
  cost.activationBytes = sizes.bytes(x) + sizes.bytes(result);
  if (op.getBias()) {
    cost.weightBytes += sizes.bytes(op.getBias());
    cost.vectorFlops = sizes.elements(result);
  }
  return cost;
}

/// The norm of rows that are in a register, their sum with `delta` included.
static OpCost getNormCost(const Sizes &sizes, Value x, Value delta, Value weight) {
  OpCost cost;
  cost.activationBytes = 2 * sizes.bytes(x); // read, and normed written
  cost.vectorFlops = cost::kNormFlops * sizes.elements(x);
  cost.weightBytes = sizes.bytes(weight);
  if (delta) {
    cost.activationBytes += 2 * sizes.bytes(x); // delta read, sum written
    cost.vectorFlops += sizes.elements(x);
  }
  return cost;
}

OpCost cost::getCost(AddRmsNormOp op, const Sizes &sizes) {
  return getNormCost(sizes, op.getX(), op.getDelta(), op.getWeight());
}

/// Products of `x` with each of `weights`, results `first` and on.
static OpCost getProductCosts(Operation *op, const Sizes &sizes, Value x, ValueRange weights,
                              unsigned first) {
  OpCost cost;
  for (auto [i, weight] : llvm::enumerate(weights)) {
    Value result = getPlannedResult(op, first + i);
    cost += cost::getProductCost(sizes, weight, sizes.rows(x), getColumns(x), getColumns(result));
    cost.activationBytes += sizes.bytes(result);
  }
  return cost;
}

OpCost cost::getCost(LinearsOp op, const Sizes &sizes) {
  OpCost cost = getProductCosts(op, sizes, op.getX(), op.getWeights(), 0);
  cost.activationBytes += sizes.bytes(op.getX());
  return cost;
}

OpCost cost::getCost(NormLinearsOp op, const Sizes &sizes) {
  OpCost cost = getProductCosts(op, sizes, op.getX(), op.getWeights(), op.getFirstProduct());
  cost += getNormCost(sizes, op.getX(), op.getDelta(), op.getNorm());
  if (op.getChoose()) {
    // The product is looked at where it was made.
    unsigned first = op.getFirstProduct();
    cost.activationBytes += sizes.bytes(getPlannedResult(op, first + 1));
    cost.vectorFlops += kArgmaxFlops * sizes.elements(getPlannedResult(op, first));
  }
  return cost;
}

OpCost cost::getCost(ArgmaxOp op, const Sizes &sizes) {
  OpCost cost;
  cost.activationBytes = sizes.bytes(op.getLogits()) + sizes.bytes(getPlannedResult(op));
  cost.vectorFlops = kArgmaxFlops * sizes.elements(op.getLogits());
  return cost;
}

OpCost cost::getCost(RopeTableOp op, const Sizes &sizes) {
  return getElementwiseCost(op, sizes, {}, 10);
}

OpCost cost::getCost(RopeOp op, const Sizes &sizes) {
  Value x = op.getX();
  double share = sizes.share(op.getRange());
  OpCost cost;
  cost.activationBytes = share * (2 * sizes.bytes(x) + sizes.bytes(op.getTable()));
  double turned = 2.0 * cast<ShapedType>(op.getTable().getType()).getDimSize(1);
  cost.vectorFlops = share * kRopeFlops * turned * sizes.elements(x) / double(getColumns(x));
  return cost;
}

OpCost cost::getCost(SwigluOp op, const Sizes &sizes) {
  return getElementwiseCost(op, sizes, {op.getGate(), op.getUp()}, kSwigluFlops);
}

OpCost cost::getCost(GatedLinearOp op, const Sizes &sizes) {
  Value x = op.getX(), result = getPlannedResult(op);
  double rows = sizes.rows(x), inputs = getColumns(x), outputs = getColumns(result);
  OpCost cost = getProductCost(sizes, op.getGate(), rows, inputs, outputs);
  cost += getProductCost(sizes, op.getUp(), rows, inputs, outputs);
  cost.activationBytes = sizes.bytes(x) + sizes.bytes(result);
  cost.vectorFlops = kSwigluFlops * sizes.elements(result);
  return cost;
}
