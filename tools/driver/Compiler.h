//===- Compiler.h - From a checkpoint to a file -----------------*- C++ -*-===//
//
// The driver library of dsv2-compile.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_COMPILER_H
#define TOOLS_DRIVER_COMPILER_H

#include "mlir/Pass/PassManager.h"
#include "tools/driver/CompileOptions.h"

namespace mlir::dsv2 {

/// Compiles; every failure has been reported as a diagnostic, and nothing is
/// left under the output's name then. `configure` is applied to each pass
/// manager (timing, printing).
LogicalResult compile(MLIRContext &context, const CompileOptions &options,
                      llvm::function_ref<LogicalResult(PassManager &)> configure);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_COMPILER_H
