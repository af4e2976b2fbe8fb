//===- dsv2-opt.cpp - Pass driver -----------------------------------------===//
//
// Runs any pass or pipeline of dsv2, and upstream's, on a file.
//
//===----------------------------------------------------------------------===//

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "tools/registration/Registration.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::dsv2::registerAll(registry);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "dsv2 pass driver\n", registry));
}
