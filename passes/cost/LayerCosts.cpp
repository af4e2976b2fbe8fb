//===- LayerCosts.cpp - Costs of the ops that every transformer has -------===//
//
// Embedding, norm, linear, rotary embedding, SwiGLU, add.
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

OpCost cost::getCost(RopeTableOp op, const Sizes &sizes) {
  return getElementwiseCost(op, sizes, {}, 10);
}

OpCost cost::getCost(RopeOp op, const Sizes &sizes) {
  Value x = op.getX();
  OpCost cost = getElementwiseCost(op, sizes, {x, op.getTable()}, 0);
  double turned = 2.0 * cast<ShapedType>(op.getTable().getType()).getDimSize(1);
  cost.vectorFlops = kRopeFlops * turned * sizes.elements(x) / double(getColumns(x));
  return cost;
}

OpCost cost::getCost(SwigluOp op, const Sizes &sizes) {
  return getElementwiseCost(op, sizes, {op.getGate(), op.getUp()}, kSwigluFlops);
}
