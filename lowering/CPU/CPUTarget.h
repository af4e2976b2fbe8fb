//===- CPUTarget.h - What a CPU variant offers ------------------*- C++ -*-===//
//
// The variants of a compiled file, as data: what LLVM is told, and what the
// emitters may use.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_CPUTARGET_H
#define LOWERING_CPU_CPUTARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::dsv2 {

struct CPUTarget {
  llvm::StringRef name;     // of the variant, as `--target` and DSV2_CPU say it
  llvm::StringRef cpu;      // LLVM's -mcpu
  llvm::StringRef features; // LLVM's -mattr
  bool avx512;              // 32 registers of 16 f32; else 16 registers of 8
  bool bf16Dot;             // vdpbf16ps

  int64_t registers() const { return avx512 ? 32 : 16; }
  int64_t lanes() const { return avx512 ? 16 : 8; } // f32 of one register
};

/// All variants, from the most portable to the best.
llvm::ArrayRef<CPUTarget> getCPUTargets();

/// The variant of this name, or null.
const CPUTarget *findCPUTarget(llvm::StringRef name);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_CPUTARGET_H
