//===- Pipelines.h - Stages of the compiler as pipelines --------*- C++ -*-===//
//
// Each stage ends in its verifier. Also registered by name for dsv2-opt.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_PIPELINES_H
#define PASSES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"

namespace mlir::dsv2 {

/// The verifiers of the imported stage, for a compilation that ends there.
void buildVerifyImportedPipeline(OpPassManager &pm);

/// `dsv2-imported-to-optimized`: experts grouped, attention's form chosen,
/// weights packed and hoisted into the weight program.
void buildImportedToOptimizedPipeline(OpPassManager &pm,
                                      AttentionForm attention = AttentionForm::Auto);

/// `dsv2-optimized-to-planned`: destinations, buffers, arena, barriers.
void buildOptimizedToPlannedPipeline(OpPassManager &pm);

void registerDSV2Pipelines();

} // namespace mlir::dsv2

#endif // PASSES_PIPELINES_H
