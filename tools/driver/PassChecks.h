//===- PassChecks.h - dsv2-compile --check-passes ---------------*- C++ -*-===//
//
// Executes the model between passes.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_PASSCHECKS_H
#define TOOLS_DRIVER_PASSCHECKS_H

#include "tools/driver/CompileOptions.h"

namespace mlir::dsv2 {

/// Interprets the model before and after every pass of both pipelines on
/// random weights and steps (tools/equivalence). A model that is too large is
/// represented by its twin of small widths, whose passes are made to decide as
/// those that led to `optimized` did. `optimized` is the model's own optimized
/// stage, `checkpoint` may be null. A failure is a diagnostic that names the
/// pass and the first value that changed; success says on stderr how much was
/// compared.
LogicalResult checkPasses(ModuleOp optimized, const ModelConfig &config,
                          const ::dsv2::Checkpoint *checkpoint, const CompileOptions &options);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_PASSCHECKS_H
