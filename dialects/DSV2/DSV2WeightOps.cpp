//===- DSV2WeightOps.cpp - Checkpoint tensors and their packing -----------===//
//
// Verifiers and folders of the ops that weights are made of.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult CheckpointOp::verify() {
  // C1
  if (!getType().hasStaticShape())
    return emitOpError("shape must be static, got ") << getType();
  // C2
  if (getName().count("{}") > 1)
    return emitOpError("name holds {} more than once: \"") << getName() << "\"";
  if (isStacked() && getType().getRank() < 2)
    return emitOpError("a stack has rank two at least, got ") << getType();
  return success();
}

std::string CheckpointOp::getStackedName(int64_t i) {
  auto [before, after] = getName().split("{}");
  return (before + Twine(i) + after).str();
}

LogicalResult ConvertOp::verify() {
  // C1
  if (getX().getType().getShape() != getType().getShape())
    return emitOpError("shapes differ: ") << getX().getType() << " and " << getType();
  return success();
}

OpFoldResult ConvertOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? getX() : Value();
}

LogicalResult TransposeOp::verify() {
  // C1
  auto shape = llvm::to_vector(getX().getType().getShape());
  if (shape.size() < 2)
    return emitOpError("needs rank two at least, got ") << getX().getType();
  std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  auto expected = RankedTensorType::get(shape, getX().getType().getElementType());
  if (getType() != expected)
    return emitOpError("expected result ") << expected << ", got " << getType();
  return success();
}

LogicalResult MergeOp::verify() {
  // C1
  ArrayRef<int64_t> lhs = getLhs().getType().getShape(),
                    rhs = getRhs().getType().getShape(), out = getType().getShape();
  if (lhs.size() != 3 || rhs.size() != 3 || out.size() != 3 || lhs[0] != rhs[0] ||
      out[0] != lhs[0] || lhs[2] != rhs[1] || out[1] != lhs[1] || out[2] != rhs[2])
    return emitOpError("cannot merge ")
           << getLhs().getType() << " and " << getRhs().getType() << " to " << getType();
  return success();
}

RankedTensorType PackOp::getPackedType(RankedTensorType type) {
  auto shape = llvm::to_vector(type.getShape());
  int64_t pair = getPackedPair(type.getElementType());
  int64_t k = shape.pop_back_val(), n = shape.pop_back_val();
  shape.append({int64_t(llvm::divideCeil(n, kPackedColumns)),
                int64_t(llvm::divideCeil(k, pair)), kPackedColumns, pair});
  return RankedTensorType::get(shape, type.getElementType());
}

LogicalResult PackOp::verify() {
  // C1
  if (getX().getType().getRank() < 2)
    return emitOpError("needs rank two at least, got ") << getX().getType();
  RankedTensorType expected = getPackedType(getX().getType());
  if (getType() != expected)
    return emitOpError("expected result ") << expected << ", got " << getType();
  return success();
}

LogicalResult WeightOp::verify() {
  // C1
  if (!cast<ShapedType>(getType()).hasStaticShape())
    return emitOpError("shape must be static, got ") << getType();
  return success();
}
