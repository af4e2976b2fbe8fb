//===- DSV2PlannedForm.cpp - Value, destination and buffer form -----------===//
//
// Verifier and effects that ops of DSV2PlannedOp share.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult dsv2::verifyPlannedForm(Operation *op) {
  auto planned = cast<PlannedOpInterface>(op);
  MutableOperandRange inits = planned.getInitsMutable();
  bool tensors = false, memrefs = false;
  auto look = [&](Type type) {
    tensors |= isa<TensorType>(type);
    memrefs |= isa<MemRefType>(type);
  };
  llvm::for_each(op->getOperandTypes(), look);
  llvm::for_each(op->getResultTypes(), look);
  if (tensors && memrefs)
    return op->emitOpError("mixes tensors and memrefs");
  if (memrefs) {
    if (op->getNumResults())
      return op->emitOpError("on memrefs has no results");
    if (inits.empty())
      return op->emitOpError("on memrefs needs a destination");
    return success();
  }
  if (!op->getNumResults())
    return op->emitOpError("on tensors has results");
  if (planned.readsInits() && inits.empty())
    return op->emitOpError("updates a destination and needs one");
  if (inits.empty())
    return success();
  if (inits.size() != op->getNumResults())
    return op->emitOpError("needs one destination for each result, or none");
  for (auto [init, result] : llvm::zip(inits, op->getResults()))
    if (init.get().getType() != result.getType())
      return op->emitOpError("destination type ")
             << init.get().getType() << " differs from result type "
             << result.getType();
  return success();
}

void dsv2::getPlannedEffects(
    Operation *op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  auto planned = cast<PlannedOpInterface>(op);
  MutableOperandRange inits = planned.getInitsMutable();
  auto isInit = [&](OpOperand &operand) {
    return llvm::any_of(inits, [&](OpOperand &init) { return &init == &operand; });
  };
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool init = isInit(operand);
    if (!init || planned.readsInits())
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (init)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

unsigned dsv2::getNumPlannedResults(Operation *op) {
  if (op->getNumResults())
    return op->getNumResults();
  return cast<PlannedOpInterface>(op).getInitsMutable().size();
}

ShapedType dsv2::getPlannedResultType(Operation *op, unsigned i) {
  if (op->getNumResults())
    return cast<ShapedType>(op->getResult(i).getType());
  return cast<ShapedType>(
      cast<PlannedOpInterface>(op).getInitsMutable()[i].get().getType());
}
