//===- DSV2ProbeOps.cpp - Values with a name ------------------------------===//
//
// Verifier and effects of probes.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult ProbeOp::verify() {
  // C1
  if (getCacheLayout(getValue().getType()))
    return emitOpError("expected a value that is no cache, got ") << getValue().getType();
  return success();
}

void ProbeOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  // What nobody reads: keeps the op where unused ops go away.
  effects.emplace_back(MemoryEffects::Write::get(), ProbeResource::get());
  if (isa<MemRefType>(getValue().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getValueMutable());
}
