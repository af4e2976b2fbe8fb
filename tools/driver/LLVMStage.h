//===- LLVMStage.h - A planned module as code for one variant ---*- C++ -*-===//
//
// Everything below the planned stage, for one CPU variant.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_LLVMSTAGE_H
#define TOOLS_DRIVER_LLVMSTAGE_H

#include "mlir/IR/OwningOpRef.h"
#include "runtime/abi/Module.h"
#include "tools/driver/Compiler.h"

namespace mlir::dsv2 {

using Configure = llvm::function_ref<LogicalResult(PassManager &)>;

/// A copy of `planned` in loops and vectors (Stage::Lowered) or, with
/// `toLLVM`, in the LLVM dialect.
FailureOr<OwningOpRef<ModuleOp>> lowerForVariant(ModuleOp planned, StringRef variant, bool toLLVM,
                                                 Configure configure);

/// Text of LLVM IR or assembly for a module in the LLVM dialect.
FailureOr<std::string> emitText(ModuleOp lowered, StringRef variant, Stage stage);

/// The linked image, with its descriptor; `description` as in
/// `addModuleDescriptor`, scratch taken from the module.
FailureOr<std::string> emitImage(ModuleOp lowered, StringRef variant,
                                 Dsv2ModuleDescriptor description);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_LLVMSTAGE_H
