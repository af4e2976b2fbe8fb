//===- StripWeightProgram.cpp - The step without its weight program -------===//
//
// Below the optimized stage, weights are slots of a table.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_STRIPWEIGHTPROGRAMPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;

namespace {
struct StripWeightProgram : public dsv2::impl::StripWeightProgramPassBase<StripWeightProgram> {
  void runOnOperation() override {
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (function->hasAttr("dsv2.weight_program"))
        function.erase();
  }
};
} // namespace
