//===- OptTool.h - mlir-opt with checks of equivalence ----------*- C++ -*-===//
//
// The whole of dsv2-opt but for its list of passes.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DSV2_OPT_OPTTOOL_H
#define TOOLS_DSV2_OPT_OPTTOOL_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::dsv2 {

/// Runs the passes that the command line names; returns the exit status.
/// Beside the options of mlir-opt:
/// `--dsv2-check-equivalence[-seed=N]` interprets before and after each pass.
int runOptTool(int argc, char **argv, DialectRegistry &registry);

} // namespace mlir::dsv2

#endif // TOOLS_DSV2_OPT_OPTTOOL_H
