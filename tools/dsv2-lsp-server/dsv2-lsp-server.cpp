//===- dsv2-lsp-server.cpp - Editors' language server ---------------------===//
//
// Diagnostics, hover, completion and definitions in files of any stage, over
// the Language Server Protocol on standard input and output. docs/Editors.md
// says how an editor starts it.
//
//===----------------------------------------------------------------------===//

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "tools/registration/Registration.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::dsv2::registerDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
