//===- AttentionCosts.cpp - Costs of latent attention ---------------------===//
//
// By the formulas of specification §3.1. A cached row is read once for all
// heads and new tokens of its sequence.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/OpCosts.h"

using namespace mlir;
using namespace mlir::dsv2;

/// Attention proper: `columns` of key and value for each pair of a head.
static OpCost getPairsCost(Value query, Value cache, Value result, dsv2::Range range, double columns,
                           const Sizes &sizes) {
  double heads = double(cast<ShapedType>(query.getType()).getDimSize(1));
  double share = sizes.share(range), pairs = share * sizes.workload.contextPairs() * heads;
  OpCost cost;
  cost.dotFlops = 2 * columns * pairs;
  cost.dotType = getNumberType(cache);
  cost.vectorFlops = cost::kSoftmaxFlops * pairs;
  cost.cacheBytes =
      sizes.bytes(cache, share * sizes.workload.cachedRows() * double(getColumns(cache)));
  cost.activationBytes = share * (sizes.bytes(query) + sizes.bytes(result));
  return cost;
}

OpCost cost::getCost(AppendLatentOp op, const Sizes &sizes) {
  OpCost cost;
  Value rows = op.getRows();
  cost.activationBytes = sizes.bytes(rows);
  cost.cacheBytes = sizes.bytes(rows); // written
  if (Value norm = op.getNorm()) {
    cost.weightBytes = sizes.bytes(norm);
    cost.vectorFlops += kNormFlops * sizes.rows(rows) * double(getColumns(norm));
  }
  if (Value table = op.getTable()) {
    cost.activationBytes += sizes.bytes(table);
    cost.vectorFlops += kRopeFlops * sizes.elements(table);
  }
  return cost;
}

/// Keys and values of every cached row are rebuilt, then attention is over them.
static OpCost getExpandedCost(Value query, Value cache, Value result, dsv2::Range range,
                              ValueRange weights, const Sizes &sizes) {
  auto type = cast<ShapedType>(query.getType());
  double heads = double(type.getDimSize(1)), key = double(type.getDimSize(2));
  double value = double(getColumns(result)), latent = double(getCacheLayout(cache.getType()).getLatent());
  double nope = key - double(getCacheLayout(cache.getType()).getRope());
  double share = sizes.share(range);
  OpCost cost = getPairsCost(query, cache, result, range, key + value, sizes);
  cost.dotFlops += share * 2 * latent * (nope + value) * heads * sizes.workload.cachedRows();
  for (Value weight : weights)
    cost.weightBytes += share * sizes.bytes(weight);
  return cost;
}

OpCost cost::getCost(MlaAttentionOp op, const Sizes &sizes) {
  return getExpandedCost(op.getQuery(), op.getCache(), getPlannedResult(op), dsv2::Range::All,
                         op.getKvB(), sizes);
}

OpCost cost::getCost(ExpandedAttentionOp op, const Sizes &sizes) {
  return getExpandedCost(op.getQuery(), op.getCache(), getPlannedResult(op), op.getRange(),
                         {op.getKeys(), op.getValues()}, sizes);
}

OpCost cost::getCost(LatentAttentionOp op, const Sizes &sizes) {
  double latent = double(getCacheLayout(op.getCache().getType()).getLatent());
  return getPairsCost(op.getQuery(), op.getCache(), getPlannedResult(op), op.getRange(),
                      double(getColumns(op.getQuery())) + latent, sizes);
}

OpCost cost::getCost(HeadLinearOp op, const Sizes &sizes) {
  Value x = op.getX(), result = getPlannedResult(op);
  double heads = double(cast<ShapedType>(x.getType()).getDimSize(1));
  double through = double(op.getThrough()), share = sizes.share(op.getRange());
  OpCost cost = getProductCost(sizes, op.getWeight(), heads * sizes.tokens(op.getRange()),
                               double(getColumns(x)) - through,
                               double(getColumns(result)) - through);
  cost.activationBytes = share * (sizes.bytes(x) + sizes.bytes(result));
  if (Value table = op.getTable()) {
    cost.activationBytes += share * sizes.bytes(table);
    cost.vectorFlops += kRopeFlops * share * heads * sizes.elements(table);
  }
  return cost;
}
