//===- Registration.cpp - The one list of dialects and passes -------------===//
//
// Every MLIR tool of the project registers through here.
//
//===----------------------------------------------------------------------===//

#include "tools/registration/Registration.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/Passes.h"
#include "lowering/Pipelines.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "passes/Bufferization.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"

void mlir::dsv2::registerDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registry.insert<DSV2Dialect>();
  registerBufferization(registry);
}

void mlir::dsv2::registerAll(DialectRegistry &registry) {
  registerDialects(registry);
  registerAllPasses();
  registerDSV2Passes();
  registerDSV2LoweringPasses();
  registerDSV2Pipelines();
  registerDSV2LoweringPipelines();
}
