//===- MemoryPlan.h - Offsets of temporaries in one arena -------*- C++ -*-===//
//
// Decides where every temporary of a step lies: live ranges within a function,
// frames stacked across calls. Applies nothing.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ANALYSIS_MEMORYPLAN_H
#define PASSES_ANALYSIS_MEMORYPLAN_H

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/analysis/CallOrder.h"

namespace mlir::dsv2 {

/// One temporary: live from its first to its last use (positions of ops in the
/// function's block), at `offset` of the arena.
struct PlannedBuffer {
  memref::AllocOp alloc;
  int64_t bytes; // the most that it can be, a multiple of 64
  int64_t first, last;
  int64_t offset = -1;
};

/// A function's share of the arena.
struct PlannedFrame {
  int64_t base = 0; // above all that is live across any call of the function
  int64_t end = 0;
  int64_t livePeak = 0; // the most bytes of its own that are live at one op
  /// The same with those of its callees, at the deepest: no plan needs less.
  int64_t lowerBound = 0;
  SmallVector<PlannedBuffer> buffers;
};

class MemoryPlan {
public:
  /// Fails, with a diagnostic, when a size has no constant maximum or a
  /// temporary escapes its function.
  static FailureOr<MemoryPlan> compute(ModuleOp module);

  int64_t arenaBytes = 0;
  DenseMap<Operation *, PlannedFrame> frames;
};

/// The most bytes that a contiguous memref with these dynamic sizes can have.
FailureOr<int64_t> getMaximumBytes(MemRefType type, ValueRange sizes);

} // namespace mlir::dsv2

#endif // PASSES_ANALYSIS_MEMORYPLAN_H
