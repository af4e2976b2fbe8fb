//===- Pipelines.h - From the planned stage to LLVM as pipelines -*- C++ -*-===//
//
// Below the planned stage, for one CPU variant. Also registered by name for
// dsv2-opt.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_PIPELINES_H
#define LOWERING_PIPELINES_H

#include "mlir/Pass/PassManager.h"

namespace mlir::dsv2 {

/// `dsv2-planned-to-cpu`: kernels outlined, loops and vectors of `variant`
/// (lowering/CPU/CPUTarget.h). An unknown variant is an error of the pass.
void buildPlannedToCPUPipeline(OpPassManager &pm, StringRef variant);

/// Registers `dsv2-planned-to-cpu` and `dsv2-cpu-to-llvm`
/// (lowering/CPU/LLVMPipeline.h).
void registerDSV2LoweringPipelines();

} // namespace mlir::dsv2

#endif // LOWERING_PIPELINES_H
