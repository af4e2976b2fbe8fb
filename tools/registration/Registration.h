//===- Registration.h - The one list of dialects and passes -----*- C++ -*-===//
//
// Every MLIR tool of the project registers through here.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_REGISTRATION_REGISTRATION_H
#define TOOLS_REGISTRATION_REGISTRATION_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::dsv2 {

/// Registers the dialects that appear at any stage and their extensions.
void registerDialects(DialectRegistry &registry);

/// Registers dialects, and passes and pipelines by name.
void registerAll(DialectRegistry &registry);

} // namespace mlir::dsv2

#endif // TOOLS_REGISTRATION_REGISTRATION_H
