//===- ModuleLinker.h - An import-free image out of LLVM IR -----*- C++ -*-===//
//
// Adds the descriptor that the runtime looks for (runtime/abi/Module.h) and
// links an object to an image that needs nothing: no relocation, no symbol, no
// writable byte.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CODEGEN_MODULELINKER_H
#define LOWERING_CODEGEN_MODULELINKER_H

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"
#include "runtime/abi/Module.h"
#include "llvm/IR/Module.h"
#include <string>

namespace mlir::dsv2 {

/// Defines `dsv2_module`, the entry address of the image. Its entry points are
/// `dsv2_step` and, if present, `dsv2_absorbs` of `module`; `description` gives
/// everything else.
LogicalResult addModuleDescriptor(llvm::Module &module, const Dsv2ModuleDescriptor &description,
                                  Location loc);

/// Links one object with lld. A call of a library function that code generation
/// left behind is an error that names it.
FailureOr<std::string> linkModule(StringRef object, Location loc);

} // namespace mlir::dsv2

#endif // LOWERING_CODEGEN_MODULELINKER_H
