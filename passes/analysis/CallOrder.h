//===- CallOrder.h - Functions of a module, callees first -------*- C++ -*-===//
//
// The order in which interprocedural passes visit functions.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ANALYSIS_CALLORDER_H
#define PASSES_ANALYSIS_CALLORDER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::dsv2 {

/// Functions with a body that belong to a step (no weight program, no
/// classifier), callees before callers. Recursion does not occur: a step is a
/// straight line of calls.
SmallVector<func::FuncOp> getStepFunctions(ModuleOp module);

/// The batch argument of a step's function, or null.
Value getBatchArgument(func::FuncOp function);

} // namespace mlir::dsv2

#endif // PASSES_ANALYSIS_CALLORDER_H
