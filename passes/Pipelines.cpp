//===- Pipelines.cpp - Stages of the compiler as pipelines ----------------===//
//
// The order of passes, and why.
//
//===----------------------------------------------------------------------===//

#include "passes/Pipelines.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::buildVerifyImportedPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createVerifyLinearCachePass());
  pm.addPass(createVerifyImportedPass());
}

void dsv2::buildImportedToOptimizedPipeline(OpPassManager &pm, AttentionForm attention) {
  // What the importer, or a file, promises.
  buildVerifyImportedPipeline(pm);
  pm.addNestedPass<func::FuncOp>(createGroupExpertsPass());
  AbsorbMLAProjectionsPassOptions absorb;
  absorb.form = attention;
  pm.addPass(createAbsorbMLAProjectionsPass(absorb));
  // After every rewrite that makes or merges weights.
  pm.addNestedPass<func::FuncOp>(createPackWeightsPass());
  pm.addPass(createHoistWeightOpsPass());
  pm.addNestedPass<func::FuncOp>(createVerifyLinearCachePass());
  pm.addPass(createVerifyOptimizedPass());
}

void dsv2::buildOptimizedToPlannedPipeline(OpPassManager &pm) {
  pm.addPass(createStripWeightProgramPass());
  pm.addNestedPass<func::FuncOp>(createVerifyLinearCachePass());
  // No CSE from here to bufferization: it would merge destinations.
  pm.addPass(createToDestinationPassingPass());
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  options.useEncodingForMemorySpace = true; // the cache's layout survives
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(bufferization::createDropEquivalentBufferResultsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPlanMemoryPass());
  // After the plan: two temporaries in one place depend on each other too.
  pm.addPass(createInsertBarriersPass());
  // Before CSE, which makes one view of two temporaries in one place.
  pm.addPass(createVerifyMemoryPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyPlannedPass());
}

void dsv2::registerDSV2Pipelines() {
  PassPipelineRegistration<>(
      "dsv2-imported-to-optimized", "grouped experts, attention's form, packed and hoisted weights",
      [](OpPassManager &pm) { buildImportedToOptimizedPipeline(pm); });
  PassPipelineRegistration<>("dsv2-optimized-to-planned",
                             "destinations, buffers, arena, barriers",
                             buildOptimizedToPlannedPipeline);
}
