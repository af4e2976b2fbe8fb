//===- dsv2-opt.cpp - Pass driver -----------------------------------------===//
//
// Runs any pass or pipeline of dsv2, and upstream's, on a file.
//
//===----------------------------------------------------------------------===//

#include "tools/dsv2-opt/OptTool.h"
#include "tools/registration/Registration.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::dsv2::registerAll(registry);
  return mlir::dsv2::runOptTool(argc, argv, registry);
}
