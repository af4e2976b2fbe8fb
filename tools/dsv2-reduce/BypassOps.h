//===- BypassOps.h - Smaller modules of the same kind -----------*- C++ -*-===//
//
// The reduction that suits dsv2 modules: layers and ops make way for what they
// take.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DSV2_REDUCE_BYPASSOPS_H
#define TOOLS_DSV2_REDUCE_BYPASSOPS_H

namespace mlir::dsv2 {

/// Registers `dsv2-bypass-ops`, with the options `test` and `test-arg` of
/// mlir-reduce's passes: replaces calls and ops in value form by operands of
/// their results' types, and drops probes, one after the other, wherever the
/// tester still finds the module interesting.
void registerBypassOpsPass();

} // namespace mlir::dsv2

#endif // TOOLS_DSV2_REDUCE_BYPASSOPS_H
