//===- TargetModel.h - A machine as the cost model sees it ------*- C++ -*-===//
//
// What decides how long a step takes, as data: nothing here is measured when
// compiling, so that builds are reproducible. Figures are those of the whole
// device (all cores, all SMs) at its nominal clock.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_TARGETMODEL_H
#define PASSES_COST_TARGETMODEL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace mlir::dsv2 {

enum class TargetKind { CPU, GPU };

/// Types of the operands of a dot product, which its peak depends on.
enum class NumberType { F32, BF16, Int8, FP8 };

struct TargetModel {
  std::string name;
  TargetKind kind = TargetKind::CPU;
  int64_t units = 1;          // cores or SMs
  double memoryBandwidth = 0; // bytes/s
  double cacheBandwidth = 0;  // bytes/s from the last-level cache
  /// FLOP/s of dot products by type of operand, 2 FLOP a multiply-add. A type
  /// for which the code uses no instruction of its own has the peak of f32.
  double peakF32 = 0, peakBF16 = 0, peakInt8 = 0, peakFP8 = 0;
  int64_t l1Bytes = 0, l2Bytes = 0; // of one unit; a GPU's L2 is its last level
  int64_t lastLevelBytes = 0;       // shared by all units
  double launchSeconds = 0; // GPU: from one kernel to the next; CPU: one barrier
  double linkBandwidth = 0; // bytes/s, one way, to all other devices; 0: none
  double linkLatency = 0;   // seconds of one message; 0: none
  int64_t memoryBytes = 0;

  bool operator==(const TargetModel &) const = default;
  double peak(NumberType type) const;
  /// FLOP of a type that take as long as one byte from memory.
  double ridge(NumberType type) const { return peak(type) / memoryBandwidth; }
};

/// Known machines.
llvm::ArrayRef<TargetModel> getBuiltinTargets();

/// The built-in machine of this name, or null.
const TargetModel *findBuiltinTarget(llvm::StringRef name);

} // namespace mlir::dsv2

#endif // PASSES_COST_TARGETMODEL_H
