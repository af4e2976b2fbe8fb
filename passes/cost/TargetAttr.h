//===- TargetAttr.h - The machine a module is compiled for ------*- C++ -*-===//
//
// The target of the cost model as an attribute of the module, `dsv2.target`, so
// that every pass decides by one machine and a file shows by which.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_TARGETATTR_H
#define PASSES_COST_TARGETATTR_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/cost/TargetModel.h"

namespace mlir::dsv2 {

inline constexpr llvm::StringLiteral kTargetAttr = "dsv2.target";

/// The machine of a module without the attribute.
inline constexpr llvm::StringLiteral kDefaultTarget = "x86-64-v3";

/// The attribute: a built-in machine's name, or a dictionary of all figures
/// (for machines that are given by a file).
Attribute makeTargetAttr(MLIRContext *context, const TargetModel &target);

/// The machine that passes decide by: the built-in one called `name` or, where
/// that is empty, the module's. Errors: a diagnostic for a name that is unknown
/// and for an attribute that is none.
FailureOr<TargetModel> getTarget(ModuleOp module, StringRef name = {});

} // namespace mlir::dsv2

#endif // PASSES_COST_TARGETATTR_H
