//===- dsv2-test-opt.cpp - dsv2-opt with a pass that is wrong -------------===//
//
// For tests of the checks alone.
//
//===----------------------------------------------------------------------===//

#include "test/equivalence/BrokenPass.h"
#include "tools/dsv2-opt/OptTool.h"
#include "tools/registration/Registration.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::dsv2::registerAll(registry);
  dsv2::test::registerBrokenPass();
  return mlir::dsv2::runOptTool(argc, argv, registry);
}
