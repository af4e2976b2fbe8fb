//===- Workload.cpp - The step that a cost is asked for -------------------===//
//
// Counts and sizes.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/Workload.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include <cmath>

using namespace mlir;
using namespace mlir::dsv2;

double mlir::dsv2::contextPairs(double tokens, double prefix) {
  return tokens * (prefix + (tokens + 1) / 2);
}

double Workload::contextPairs() const {
  return sequences * mlir::dsv2::contextPairs(newTokens, prefix);
}

double mlir::dsv2::expectedDistinctExperts(double experts, double perToken, double tokens) {
  return experts * (1 - std::pow(1 - perToken / experts, tokens));
}

/// The count that an index value is, or empty.
static StringRef getCountOfSize(Value size) {
  auto count = size.getDefiningOp<BatchCountOp>();
  return count ? count.getCount() : StringRef();
}

StringRef mlir::dsv2::getCountName(Value value) {
  const StringRef kTokens = "tokens";
  while (true) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
      if (!function)
        return kTokens;
      auto count = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "dsv2.count");
      return count ? count.getValue() : kTokens;
    }
    Operation *op = value.getDefiningOp();
    if (auto planned = dyn_cast<PlannedOpInterface>(op)) {
      StringRef count = planned.getResultCount();
      if (!count.empty())
        return count;
      value = op->getOperand(0);
      continue;
    }
    // Allocations and views of the arena say their size; reshapes have that of
    // their source, among others.
    for (Value operand : op->getOperands())
      if (StringRef count = getCountOfSize(operand); !count.empty())
        return count;
    if (op->getNumOperands() == 0 || isa<func::CallOp>(op) ||
        !isa<ShapedType>(op->getOperand(0).getType()))
      return kTokens;
    value = op->getOperand(0);
  }
}

static double getCount(const Workload &workload, StringRef name) {
  return name == "outputs"     ? workload.outputs
         : name == "sequences" ? workload.sequences
                               : workload.tokens();
}

double Sizes::rows(Value value) const {
  auto type = cast<ShapedType>(value.getType());
  return type.isDynamicDim(0) ? getCount(workload, getCountName(value))
                              : double(type.getDimSize(0));
}

double Sizes::elements(Value value) const {
  auto type = cast<ShapedType>(value.getType());
  double elements = 1;
  for (int64_t size : type.getShape())
    elements *= ShapedType::isDynamic(size) ? getCount(workload, getCountName(value)) : double(size);
  return elements;
}

double Sizes::bytes(Value value) const { return bytes(value, elements(value)); }

double Sizes::bytes(Value value, double elements) const {
  return elements * cast<ShapedType>(value.getType()).getElementTypeBitWidth() / 8;
}

double Sizes::share(dsv2::Range range) const {
  switch (range) {
  case dsv2::Range::All:
    return 1;
  case dsv2::Range::Absorbed:
    return workload.absorbed;
  case dsv2::Range::Expanded:
    return !workload.absorbed;
  }
  llvm_unreachable("all ranges are listed");
}

double Sizes::tokens(dsv2::Range range) const { return share(range) * workload.tokens(); }

int64_t mlir::dsv2::getColumns(Value value) {
  return cast<ShapedType>(value.getType()).getShape().back();
}

NumberType mlir::dsv2::getNumberType(Value value) {
  Type type = cast<ShapedType>(value.getType()).getElementType();
  if (type.isF32())
    return NumberType::F32;
  if (type.isInteger(8))
    return NumberType::Int8;
  return type.getIntOrFloatBitWidth() == 8 ? NumberType::FP8 : NumberType::BF16;
}

Value mlir::dsv2::getPlannedResult(Operation *op, unsigned i) {
  if (op->getNumResults())
    return op->getResult(i);
  MutableOperandRange inits = cast<PlannedOpInterface>(op).getInitsMutable();
  return inits[i].get();
}
