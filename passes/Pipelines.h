//===- Pipelines.h - Stages of the compiler as pipelines --------*- C++ -*-===//
//
// Each stage ends in its verifier. Also registered by name for dsv2-opt.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_PIPELINES_H
#define PASSES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include <string>
#include <vector>

namespace mlir::dsv2 {

/// The verifiers of the imported stage, for a compilation that ends there.
void buildVerifyImportedPipeline(OpPassManager &pm);

/// What a person may decide instead of the compiler.
struct OptimizeOptions {
  /// Those of `dsv2-absorb-mla-projections`.
  AttentionForm attention = AttentionForm::Auto;
  ProjectionForm query = ProjectionForm::Auto;
  ProjectionForm output = ProjectionForm::Auto;
  int64_t threshold = -1;
  /// That of `dsv2-skip-dispatch`.
  int64_t unsortedTokens = -1;
  /// Optimizations that are left out, by their pass arguments.
  std::vector<std::string> disabled;
};

/// Pass arguments of all optimizations, in the order in which they run: passes
/// that a module is correct without. (Legalizations always run; their forms can
/// be chosen.)
SmallVector<StringRef> getOptimizations();

/// Refuses names in `disabled` that are no optimization; the message lists
/// those that are. `emitError` is given the message.
LogicalResult verifyOptions(const OptimizeOptions &options,
                            function_ref<LogicalResult(const Twine &)> emitError);

/// `dsv2-imported-to-optimized`: experts grouped, attention's form chosen,
/// weights packed and hoisted into the weight program. Requires options that
/// `verifyOptions` accepts.
void buildImportedToOptimizedPipeline(OpPassManager &pm, const OptimizeOptions &options = {});

/// `dsv2-optimized-to-planned`: destinations, buffers, arena, barriers.
void buildOptimizedToPlannedPipeline(OpPassManager &pm);

void registerDSV2Pipelines();

} // namespace mlir::dsv2

#endif // PASSES_PIPELINES_H
