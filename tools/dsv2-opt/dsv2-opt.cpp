//===- dsv2-opt.cpp - Pass driver -----------------------------------------===//
//
// Runs any pass or pipeline of dsv2, and upstream's, on a file.
//
//===----------------------------------------------------------------------===//

#include "tools/dsv2-opt/OptTool.h"
#include "tools/registration/Registration.h"
#include "llvm/Support/CommandLine.h"

static llvm::cl::extrahelp examples(
    "\nEXAMPLES:\n"
    "  dsv2-compile DeepSeek-V2-Lite --emit=import -o model.mlir\n"
    "  dsv2-opt model.mlir --dsv2-imported-to-optimized -o optimized.mlir\n"
    "  dsv2-opt model.mlir --dsv2-absorb-mla-projections --remarks-filter='dsv2.*' "
    "--remark-format=emitRemark -o absorbed.mlir\n");

int main(int argc, char **argv) {
  llvm::cl::SetVersionPrinter([](llvm::raw_ostream &os) { os << "dsv2-opt " DSV2_VERSION "\n"; });
  mlir::DialectRegistry registry;
  mlir::dsv2::registerAll(registry);
  return mlir::dsv2::runOptTool(argc, argv, registry);
}
