//===- WeightProgram.h - The weight program in serialized form --*- C++ -*-===//
//
// From the function that `dsv2-hoist-weight-ops` makes to the JSON that the
// runtime executes (runtime/abi/WeightTable.md).
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_WEIGHTS_WEIGHTPROGRAM_H
#define LOWERING_WEIGHTS_WEIGHTPROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace mlir::dsv2 {

/// The weight program of `module` as JSON: chains of reshapes, slices,
/// transposes, stacks and packs become strided copies from the checkpoint,
/// products become temporaries. Fails, with a diagnostic, where the module has
/// no (or more than one) weight program, where a value cannot be expressed, or
/// where its sizes overflow.
FailureOr<std::string> serializeWeightProgram(ModuleOp module);

} // namespace mlir::dsv2

#endif // LOWERING_WEIGHTS_WEIGHTPROGRAM_H
