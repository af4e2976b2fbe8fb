//===- RowParts.h - What several ops do with a row --------------*- C++ -*-===//
//
// Copy, norm and rotation of the columns of one row, wherever it lies: the
// bodies of the row-wise ops, and of the ops that fusion made of them. Each
// computes an element the same way in all of them, so that fusing changes no
// bit. An element is read before the one at the same place is written.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_ROWPARTS_H
#define LOWERING_CPU_ROWPARTS_H

#include "lowering/CPU/KernelBuilder.h"

namespace mlir::dsv2 {

/// The columns of one row, from `first` on.
struct RowRef {
  Value buffer;
  SmallVector<Value> row; // all indices but the last
  int64_t first = 0;

  /// Indices of a column.
  SmallVector<Value> at(KernelBuilder &k, Value column) const;
};

/// Copies `count` columns, of equal type on both sides.
void emitCopy(KernelBuilder &k, const RowRef &from, const RowRef &to, int64_t count);

/// f32 values of the columns from the given one on.
using LoadColumns = llvm::function_ref<Value(Value column, int64_t lanes)>;

/// `1 / sqrt(mean(values^2) + eps)` of `n` columns, each loaded once.
Value emitNormFactor(KernelBuilder &k, int64_t n, double eps, LoadColumns load);

/// Adds columns of two rows, rounds and stores the sums to `sum`, and gives the
/// rounded values.
Value emitRoundedSum(KernelBuilder &k, const RowRef &x, const RowRef &delta, const RowRef &sum,
                     Value column, int64_t lanes);

/// `to[i] = weight[i] * (from[i] * factor)` for all columns of `weight`.
void emitNormScale(KernelBuilder &k, const RowRef &from, Value factor, Value weight,
                   const RowRef &to);

/// A rotary table `[tokens, F, 2]` as `[tokens, 2 F]`.
Value flattenTable(KernelBuilder &k, Value table);

/// Turns pairs of adjacent columns, as many as a row of the flat `table` has,
/// by the angles of `token`.
void emitRotation(KernelBuilder &k, const RowRef &from, Value table, Value token,
                  const RowRef &to);

/// Lane i of the result is lane `lane(i)` of `x` followed by `y`.
Value emitShuffle(KernelBuilder &k, Value x, Value y, int64_t lanes,
                  llvm::function_ref<int64_t(int64_t)> lane);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_ROWPARTS_H
