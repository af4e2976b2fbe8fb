//===- WeightValues.cpp - Which values are weights ------------------------===//
//
// Classification and naming of weight values.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/WeightValues.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::dsv2;

bool dsv2::isWeightType(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && !tensor.getEncoding() &&
         isa<FloatType>(tensor.getElementType());
}

bool dsv2::isWeightOp(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isWeightType(constant.getType()) &&
           isa<SplatElementsAttr>(constant.getValue());
  if (!isa<CheckpointOp, ConvertOp, TransposeOp, PackOp, MergeOp,
           tensor::ExpandShapeOp, tensor::CollapseShapeOp,
           tensor::ExtractSliceOp, tensor::ConcatOp>(op))
    return false;
  return llvm::all_of(op->getOperandTypes(), isWeightType) &&
         llvm::all_of(op->getResultTypes(), isWeightType);
}

static std::string describeOp(Operation *op) {
  if (auto checkpoint = dyn_cast<CheckpointOp>(op))
    return checkpoint.getName().str();
  if (isa<arith::ConstantOp>(op))
    return "constant";
  // A product is named after the projection that it replaces.
  if (auto merge = dyn_cast<MergeOp>(op)) {
    Value root = merge.getRhs();
    while (root.getDefiningOp()->getNumOperands())
      root = root.getDefiningOp()->getOperand(0);
    return describeWeight(root);
  }
  return describeWeight(op->getOperand(0));
}

std::string dsv2::describeWeight(Value value) {
  Operation *op = value.getDefiningOp();
  std::string name = describeOp(op);
  if (auto part = op->getAttrOfType<StringAttr>(kPartAttr))
    return name + "." + part.str();
  if (isa<MergeOp>(op))
    return name + ".merged";
  if (isa<TransposeOp>(op))
    return name + ".transposed";
  if (isa<tensor::ExtractSliceOp>(op))
    return name + ".slice";
  return name;
}

SmallVector<StreamedWeight> dsv2::getStreamedWeights(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return {{&linear.getWeightMutable(), 0}};
  auto all = [](MutableOperandRange weights) {
    return llvm::map_to_vector(weights,
                               [](OpOperand &weight) { return StreamedWeight{&weight, 0}; });
  };
  if (auto linears = dyn_cast<LinearsOp>(op))
    return all(linears.getWeightsMutable());
  if (auto linears = dyn_cast<NormLinearsOp>(op))
    return all(linears.getWeightsMutable());
  if (auto linear = dyn_cast<HeadLinearOp>(op))
    return {{&linear.getWeightMutable(), 1}};
  if (auto linear = dyn_cast<GroupedLinearOp>(op))
    return {{&linear.getWeightMutable(), 1}};
  if (auto linear = dyn_cast<GatedLinearOp>(op))
    return {{&linear.getGateMutable(), 0}, {&linear.getUpMutable(), 0}};
  if (auto linear = dyn_cast<GroupedGatedLinearOp>(op)) {
    SmallVector<StreamedWeight> weights{{&linear.getGateMutable(), 1}, {&linear.getUpMutable(), 1}};
    if (linear.getSharedGate()) {
      weights.push_back({&*linear.getSharedGateMutable().begin(), 0});
      weights.push_back({&*linear.getSharedUpMutable().begin(), 0});
    }
    return weights;
  }
  if (auto combine = dyn_cast<GroupedCombineOp>(op)) {
    SmallVector<StreamedWeight> weights{{&combine.getDownMutable(), 1}};
    if (combine.getSharedDown())
      weights.push_back({&*combine.getSharedDownMutable().begin(), 0});
    return weights;
  }
  if (auto attention = dyn_cast<ExpandedAttentionOp>(op))
    return {{&attention.getKeysMutable(), 1}, {&attention.getValuesMutable(), 1}};
  return {};
}

Value dsv2::stripLayout(Value value) {
  while (isa_and_nonnull<PackOp, TransposeOp, ConvertOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}
