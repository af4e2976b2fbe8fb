//===- CPUTarget.cpp - What a CPU variant offers --------------------------===//
//
// The table of variants.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/CPUTarget.h"

using namespace mlir::dsv2;

static const CPUTarget targets[] = {
    {"x86-64-v3", "x86-64-v3", "", /*avx512=*/false, /*bf16Dot=*/false},
    {"x86-64-v4", "x86-64-v4", "", /*avx512=*/true, /*bf16Dot=*/false},
    {"avx512bf16", "x86-64-v4", "+avx512bf16", /*avx512=*/true, /*bf16Dot=*/true},
};

llvm::ArrayRef<CPUTarget> mlir::dsv2::getCPUTargets() { return targets; }

const CPUTarget *mlir::dsv2::findCPUTarget(llvm::StringRef name) {
  for (const CPUTarget &target : targets)
    if (target.name == name)
      return &target;
  return nullptr;
}
