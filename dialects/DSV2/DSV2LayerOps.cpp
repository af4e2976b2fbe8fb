//===- DSV2LayerOps.cpp - Ops that every transformer has ------------------===//
//
// Verifiers.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

static ShapedType shaped(Value value) {
  return cast<ShapedType>(value.getType());
}

/// Whether shape and element type agree; memory spaces and encodings may not.
static bool sameData(ShapedType a, ShapedType b) {
  return a.getShape() == b.getShape() && a.getElementType() == b.getElementType();
}

LogicalResult EmbedOp::verify() {
  ShapedType ids = shaped(getIds()), table = shaped(getTable()),
             result = getPlannedResultType(*this);
  // C1
  if (ids.getRank() != 1 || table.getRank() != 2 || result.getRank() != 2 ||
      result.getDimSize(0) != ids.getDimSize(0) ||
      result.getDimSize(1) != table.getDimSize(1) ||
      result.getElementType() != table.getElementType())
    return emitOpError("cannot look ")
           << ids << " up in " << table << " to get " << result;
  return success();
}

LogicalResult AddOp::verify() {
  ShapedType lhs = shaped(getLhs()), rhs = shaped(getRhs());
  // C1
  if (!sameData(lhs, rhs) || !sameData(lhs, getPlannedResultType(*this)))
    return emitOpError("operands and result must have one type, got ")
           << lhs << ", " << rhs << " and " << getPlannedResultType(*this);
  return success();
}

LogicalResult RmsNormOp::verify() {
  ShapedType x = shaped(getX()), weight = shaped(getWeight());
  // C1
  if (x.getRank() != 2 || weight.getRank() != 1 ||
      weight.getDimSize(0) > x.getDimSize(1))
    return emitOpError("weight ") << weight << " does not fit rows of " << x;
  // C2
  if (!sameData(x, getPlannedResultType(*this)))
    return emitOpError("result must have the type of x, got ")
           << getPlannedResultType(*this) << " and " << x;
  if (!(getEps().convertToDouble() > 0) || !getEps().isFinite())
    return emitOpError("eps must be positive");
  return success();
}

/// Checks weight and eps of a norm over whole rows of `x`.
static LogicalResult verifyWholeNorm(Operation *op, ShapedType x, ShapedType weight,
                                     const APFloat &eps) {
  if (x.getRank() != 2 || weight.getRank() != 1 || weight.getDimSize(0) != x.getDimSize(1))
    return op->emitOpError("norm ") << weight << " does not fit rows of " << x;
  if (!(eps.convertToDouble() > 0) || !eps.isFinite())
    return op->emitOpError("eps must be positive");
  return success();
}

LogicalResult AddRmsNormOp::verify() {
  ShapedType x = shaped(getX()), delta = shaped(getDelta());
  // C1
  if (getNumPlannedResults(*this) != 2)
    return emitOpError("has two results, got ") << getNumPlannedResults(*this);
  for (ShapedType other : {delta, getPlannedResultType(*this, 0), getPlannedResultType(*this, 1)})
    if (!sameData(x, other))
      return emitOpError("operands and results must have one type, got ") << x << " and " << other;
  // C2
  return verifyWholeNorm(*this, x, shaped(getWeight()), getEps());
}

/// Checks products of `x` with each of `weights`, results `first` and on, of
/// which `last` follow.
static LogicalResult verifyProducts(Operation *op, ShapedType x, OperandRange weights,
                                    unsigned first, unsigned last = 0) {
  unsigned results = getNumPlannedResults(op);
  if (weights.empty() || results != first + weights.size() + last)
    return op->emitOpError("needs a result for each weight and ")
           << first + last << " more, got " << results << " for " << weights.size();
  for (auto [i, weight] : llvm::enumerate(weights)) {
    ShapedType result = getPlannedResultType(op, first + i);
    if (x.getRank() != 2 || result.getRank() != 2 || x.getDimSize(0) != result.getDimSize(0))
      return op->emitOpError("rows of ") << x << " and " << result << " differ";
    if (!isWeightShape(shaped(weight), {}, result.getDimSize(1), x.getDimSize(1)))
      return op->emitOpError("weight ") << weight.getType() << " is neither ["
                                        << result.getDimSize(1) << ", " << x.getDimSize(1)
                                        << "] nor packed from it";
    if (result.getElementType() != x.getElementType() && !result.getElementType().isF32())
      return op->emitOpError("result type must be that of x or f32, got ")
             << result.getElementType();
  }
  return success();
}

/// Checks the choice of a column of each row of `logits`.
static LogicalResult verifyChoice(Operation *op, ShapedType logits, ShapedType choice) {
  if (logits.getRank() != 2 || logits.getDimSize(1) == 0 || !logits.getElementType().isF32() ||
      choice.getRank() != 1 || choice.getDimSize(0) != logits.getDimSize(0) ||
      !choice.getElementType().isInteger(32))
    return op->emitOpError("cannot choose from ") << logits << " to get " << choice;
  return success();
}

LogicalResult ArgmaxOp::verify() {
  // C1
  return verifyChoice(*this, shaped(getLogits()), getPlannedResultType(*this));
}

LogicalResult LinearsOp::verify() {
  // C1, C2, C3
  return verifyProducts(*this, shaped(getX()), getWeights(), 0);
}

LogicalResult NormLinearsOp::verify() {
  ShapedType x = shaped(getX());
  // C3, C4
  unsigned first = getFirstProduct();
  if (failed(verifyProducts(*this, x, getWeights(), first, getChoose() ? 1 : 0)))
    return failure();
  // C5
  if (getChoose()) {
    if (getWeights().size() != 1)
      return emitOpError("chooses from one product, got ") << getWeights().size();
    if (failed(verifyChoice(*this, getPlannedResultType(*this, first),
                            getPlannedResultType(*this, first + 1))))
      return failure();
  }
  // C1
  SmallVector<ShapedType> rows;
  if (getDelta())
    rows = {shaped(getDelta()), getPlannedResultType(*this, 1)};
  rows.push_back(getPlannedResultType(*this, 0));
  for (ShapedType other : rows)
    if (!sameData(x, other))
      return emitOpError("x, delta, sum and normed must have one type, got ")
             << x << " and " << other;
  // C2
  return verifyWholeNorm(*this, x, shaped(getNorm()), getEps());
}

LogicalResult LinearOp::verify() {
  ShapedType x = shaped(getX()), weight = shaped(getWeight()),
             result = getPlannedResultType(*this);
  // C1
  if (x.getRank() != 2 || result.getRank() != 2 ||
      x.getDimSize(0) != result.getDimSize(0))
    return emitOpError("rows of ") << x << " and " << result << " differ";
  // C2
  if (!isWeightShape(weight, {}, result.getDimSize(1), x.getDimSize(1)))
    return emitOpError("weight ") << weight << " is neither ["
                                  << result.getDimSize(1) << ", " << x.getDimSize(1)
                                  << "] nor packed from it";
  // C3
  if (getBias()) {
    ShapedType bias = shaped(getBias());
    if (bias.getRank() != 1 || bias.getDimSize(0) != result.getDimSize(1))
      return emitOpError("bias ") << bias << " does not have "
                                  << result.getDimSize(1) << " elements";
  }
  // C4
  if (result.getElementType() != x.getElementType() &&
      !result.getElementType().isF32())
    return emitOpError("result type must be that of x or f32, got ")
           << result.getElementType();
  return success();
}

LogicalResult RopeTableOp::verify() {
  ShapedType result = getPlannedResultType(*this);
  // C1
  if (result.getRank() != 3 ||
      result.getDimSize(1) != int64_t(getFrequencies().size()) ||
      result.getDimSize(2) != 2)
    return emitOpError("expected [tokens, ")
           << getFrequencies().size() << ", 2], got " << result;
  return success();
}

LogicalResult RopeOp::verify() {
  ShapedType x = shaped(getX()), table = shaped(getTable());
  // C1
  if ((x.getRank() != 2 && x.getRank() != 3) ||
      !sameData(x, getPlannedResultType(*this)))
    return emitOpError("result must have the type of x and rank two or three, got ")
           << getPlannedResultType(*this) << " and " << x;
  // C2
  if (table.getRank() != 3 || table.getDimSize(2) != 2 ||
      2 * table.getDimSize(1) > x.getShape().back())
    return emitOpError("table ") << table << " does not fit rows of " << x;
  // C3
  if (getRange() != Range::All && !getBatch())
    return emitOpError("on a range of tokens needs the batch");
  return success();
}

LogicalResult SwigluOp::verify() {
  ShapedType gate = shaped(getGate()), up = shaped(getUp());
  // C1
  if (!sameData(gate, up) || !sameData(gate, getPlannedResultType(*this)))
    return emitOpError("operands and result must have one type, got ")
           << gate << ", " << up << " and " << getPlannedResultType(*this);
  return success();
}

LogicalResult GatedLinearOp::verify() {
  ShapedType x = shaped(getX()), gate = shaped(getGate()), up = shaped(getUp()),
             result = getPlannedResultType(*this);
  // C1
  if (x.getRank() != 2 || result.getRank() != 2 || x.getDimSize(0) != result.getDimSize(0) ||
      x.getElementType() != result.getElementType())
    return emitOpError("rows of ") << x << " do not give " << result;
  // C2
  if (!sameData(gate, up) || !isWeightShape(gate, {}, result.getDimSize(1), x.getDimSize(1)))
    return emitOpError("gate ") << gate << " and up " << up << " do not take " << x << " to "
                                << result;
  return success();
}
