//===- DSV2PlannedForm.h - Value, destination and buffer form ---*- C++ -*-===//
//
// The rules that ops of DSV2PlannedOp share, and access to what their results
// are in any of the three forms.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2PLANNEDFORM_H
#define DIALECTS_DSV2_DSV2PLANNEDFORM_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::dsv2 {

/// Verifies that `op` is in exactly one of the three forms.
LogicalResult verifyPlannedForm(Operation *op);

/// Reads and writes of the buffer form; nothing in the others.
void getPlannedEffects(
    Operation *op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects);

/// Number of results in the value form, whatever the form.
unsigned getNumPlannedResults(Operation *op);

/// Type of the i-th result: a tensor's, or in buffer form its memref's.
ShapedType getPlannedResultType(Operation *op, unsigned i = 0);

} // namespace mlir::dsv2

#endif // DIALECTS_DSV2_DSV2PLANNEDFORM_H
