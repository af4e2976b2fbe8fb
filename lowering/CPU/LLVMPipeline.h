//===- LLVMPipeline.h - From loops and vectors to LLVM ----------*- C++ -*-===//
//
// Upstream conversions in the order that works (no computation is decided
// here).
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_LLVMPIPELINE_H
#define LOWERING_CPU_LLVMPIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace mlir::dsv2 {

/// Everything after `convert-dsv2-to-cpu`, ending in the LLVM dialect alone.
void buildCPUToLLVMPipeline(OpPassManager &pm);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_LLVMPIPELINE_H
