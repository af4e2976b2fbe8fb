//===- dsv2-lsp-server.cpp - Editors' language server ---------------------===//
//
// Diagnostics, hover, completion and definitions in files of any stage, over
// the Language Server Protocol on standard input and output. docs/Editors.md
// says how an editor starts it.
//
//===----------------------------------------------------------------------===//

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/CommandLine.h"
#include "tools/registration/Registration.h"

static llvm::cl::extrahelp examples("\nEXAMPLES:\n"
                                    "  dsv2-lsp-server --log=error\n"
                                    "\nEditors start it; docs/Editors.md says how.\n");

int main(int argc, char **argv) {
  llvm::cl::SetVersionPrinter([](llvm::raw_ostream &os) { os << "dsv2-lsp-server " DSV2_VERSION "\n"; });
  mlir::DialectRegistry registry;
  mlir::dsv2::registerDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
