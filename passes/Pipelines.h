//===- Pipelines.h - Stages of the compiler as pipelines --------*- C++ -*-===//
//
// Each stage ends in its verifier. Also registered by name for dsv2-opt.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_PIPELINES_H
#define PASSES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

namespace mlir::dsv2 {

/// `dsv2-optimized-to-planned`: destinations, buffers, arena, barriers.
void buildOptimizedToPlannedPipeline(OpPassManager &pm);

void registerDSV2Pipelines();

} // namespace mlir::dsv2

#endif // PASSES_PIPELINES_H
