//===- RowChecks.cpp - Sizes that only show at run time -------------------===//
//
// Which operands and results have a row for each token.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/RowChecks.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

bool mlir::dsv2::reference::hasShape(const HostArray &array, ShapedType type) {
  return type.hasRank() && type.getRank() == array.rank() &&
         llvm::all_of(llvm::zip(type.getShape(), array.shape()), [](auto sizes) {
           auto [expected, actual] = sizes;
           return ShapedType::isDynamic(expected) || expected == actual;
         });
}

static SmallVector<Value> withOptional(Value value, Value optional) {
  return optional ? SmallVector<Value>{value, optional} : SmallVector<Value>{value};
}

/// Operands with a row for each token.
static SmallVector<Value> tokenOperands(Operation *op) {
  using Values = SmallVector<Value>;
  return TypeSwitch<Operation *, Values>(op)
      .Case([](EmbedOp o) { return Values{o.getIds()}; })
      .Case([](AddOp o) { return Values{o.getLhs(), o.getRhs()}; })
      .Case([](SwigluOp o) { return Values{o.getGate(), o.getUp()}; })
      .Case([](RopeOp o) { return Values{o.getX(), o.getTable()}; })
      .Case<RmsNormOp, LinearOp, LinearsOp, GatedLinearOp, SelectOutputsOp, RouteOp>(
          [](auto o) { return Values{o.getX()}; })
      .Case([](AddRmsNormOp o) { return Values{o.getX(), o.getDelta()}; })
      .Case([](NormLinearsOp o) { return withOptional(o.getX(), o.getDelta()); })
      .Case([](HeadLinearOp o) { return withOptional(o.getX(), o.getTable()); })
      .Case([](AppendLatentOp o) { return withOptional(o.getRows(), o.getTable()); })
      .Case<MlaAttentionOp, LatentAttentionOp, ExpandedAttentionOp>(
          [](auto o) { return Values{o.getQuery()}; })
      .Case<ArgmaxOp, SelectExpertsOp>([](auto o) { return Values{o.getLogits()}; })
      .Case([](ExpertMlpOp o) { return Values{o.getX(), o.getWeights(), o.getExperts()}; })
      .Case([](DispatchOp o) { return Values{o.getExperts()}; })
      .Case([](GroupedLinearOp o) { return Values{o.getOrder(), o.getX()}; })
      .Case([](GroupedGatedLinearOp o) {
        Values rows{o.getX(), o.getOrder()};
        if (o.getExperts())
          rows.push_back(o.getExperts());
        return rows;
      })
      .Case([](GroupedCombineOp o) {
        Values rows{o.getX(), o.getOrder(), o.getWeights()};
        if (o.getSharedX())
          rows.push_back(o.getSharedX());
        if (o.getExperts())
          rows.push_back(o.getExperts());
        return rows;
      })
      .Case([](CombineOp o) { return Values{o.getY(), o.getPlaces(), o.getWeights()}; })
      .Default([](Operation *) { return Values(); });
}

/// Whether anything but the rows, and the pages of a cache, is dynamic.
static bool hasOtherDynamicSizes(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped)
    return false;
  if (!shaped.hasRank() || shaped.getRank() == 0)
    return true;
  unsigned dynamic = getCacheLayout(type) ? 1 : 0;
  for (auto [i, size] : llvm::enumerate(shaped.getShape()))
    if (ShapedType::isDynamic(size) && i != dynamic)
      return true;
  return false;
}

LogicalResult mlir::dsv2::reference::checkRows(PlannedOpInterface op, const Environment &env,
                                               ArrayRef<HostArray> outs) {
  for (Type type : op->getOperandTypes())
    if (hasOtherDynamicSizes(type))
      return op->emitError("interpreter: more than the rows of ") << type << " is dynamic";

  const BatchValue *batch = nullptr;
  for (Value operand : op->getOperands())
    if (isa<BatchType>(operand.getType()))
      batch = &env.batch(operand);
  SmallVector<Value> operands = tokenOperands(op);
  int64_t tokens = batch ? batch->tokens() : env.array(operands.front()).size(0);
  auto check = [&](const HostArray &array, int64_t rows, StringRef what) -> LogicalResult {
    if (array.size(0) == rows)
      return success();
    return op->emitError("interpreter: ")
           << what << " has " << array.size(0) << " rows, expected " << rows;
  };
  for (Value operand : operands)
    if (failed(check(env.array(operand), tokens, "an operand")))
      return failure();
  for (auto [i, out] : llvm::enumerate(outs)) {
    if (isa<AppendLatentOp>(op) || (isa<DispatchOp>(op) && i == 0))
      continue;
    if (failed(check(out, isa<SelectOutputsOp>(op) ? batch->outputs() : tokens, "a result")))
      return failure();
  }
  return success();
}
