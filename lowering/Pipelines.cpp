//===- Pipelines.cpp - From the planned stage to LLVM as pipelines --------===//
//
// The order of passes below the planned stage.
//
//===----------------------------------------------------------------------===//

#include "lowering/Pipelines.h"
#include "lowering/CPU/LLVMPipeline.h"
#include "lowering/Passes.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::buildPlannedToCPUPipeline(OpPassManager &pm, StringRef variant) {
  pm.addPass(createOutlineKernelsPass());
  ConvertDSV2ToCPUPassOptions options;
  options.variant = variant.str();
  pm.addPass(createConvertDSV2ToCPUPass(options));
}

namespace {

struct PlannedToCPUOptions : PassPipelineOptions<PlannedToCPUOptions> {
  Option<std::string> target{*this, "target", llvm::cl::init("x86-64-v3"),
                             llvm::cl::desc("CPU variant: x86-64-v3, x86-64-v4 or avx512bf16.")};
};

} // namespace

void dsv2::registerDSV2LoweringPipelines() {
  PassPipelineRegistration<PlannedToCPUOptions>(
      "dsv2-planned-to-cpu", "loops and vectors of one CPU variant",
      [](OpPassManager &pm, const PlannedToCPUOptions &options) {
        buildPlannedToCPUPipeline(pm, options.target);
      });
  PassPipelineRegistration<>("dsv2-cpu-to-llvm", "from loops and vectors to the LLVM dialect",
                             buildCPUToLLVMPipeline);
}
