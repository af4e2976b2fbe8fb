//===- SeededWeights.h - Weights of a model that need no file ---*- C++ -*-===//
//
// Answers `dsv2.checkpoint` out of a seed (docs/RandomWeights.md), so that a
// module can be evaluated wherever it is.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_EQUIVALENCE_SEEDEDWEIGHTS_H
#define TOOLS_EQUIVALENCE_SEEDEDWEIGHTS_H

#include "dialects/DSV2/DSV2Dialect.h"
#include "dialects/DSV2/reference/HostArray.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::dsv2 {

/// Values are made once for each name, type and shape and then shared.
class SeededWeights {
public:
  explicit SeededWeights(uint64_t seed) : seed(seed) {}

  /// The tensor, or stack of tensors, that `op` names.
  reference::HostArray checkpoint(CheckpointOp op);

  /// Contents of a slot whose weight program is not known: a function of the
  /// slot's name and type, the same before and after a pass that keeps slots.
  reference::HostArray slot(WeightOp op);

private:
  reference::HostArray make(StringRef name, ShapedType type, int64_t count,
                            llvm::function_ref<std::string(int64_t)> nameOf);

  uint64_t seed;
  llvm::StringMap<reference::HostArray> made;
};

} // namespace mlir::dsv2

#endif // TOOLS_EQUIVALENCE_SEEDEDWEIGHTS_H
