//===- Argmax.h - The largest column of a row -------------------*- C++ -*-===//
//
// A row's choice is made of what its columns, in any parts and order, are found
// to hold: the largest so far with its column. What is no choice (a NaN, an
// infinity) is largest of all, in no column, so that nothing else has to be kept.
//
// Of equals the lowest column is taken, so that no bit depends on the parts.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_ARGMAX_H
#define LOWERING_CPU_ARGMAX_H

#include "lowering/CPU/RowParts.h"

namespace mlir::dsv2 {

/// The largest of the columns so far (f32), and which it is (i32; -1: none).
struct RunningChoice {
  Value largest, column;
};

/// That of all columns of a row of f32.
Value emitRowChoice(KernelBuilder &k, const RowRef &row);

/// The choice from rows that the threads make block by block, in one region: each
/// looks at what it has made, then rows are merged. Many rows are looked at once
/// they are there, each by one thread.
class ProductChoice {
public:
  /// `logits` is `[rows, N]` of f32, `choices` `[rows]`.
  ProductChoice(KernelBuilder &k, Value logits, Value choices);

  /// What a thread needs, at `offset` of an op's scratch, which is `bytes` in all.
  static int64_t scratchBytes();
  void setScratch(int64_t bytes, int64_t offset);

  /// Before this thread's first piece.
  void begin();
  /// Rows `[lower, upper)` of block `block` of 64 columns are there.
  void look(Value block, Value lower, Value upper);
  /// Behind the last piece. Waits for all threads, and leaves the scratch to the
  /// next op.
  void finish();

private:
  /// Scratch of a thread: the largest and their columns, by row.
  struct State {
    Value largest, columns;
  };
  State stateOf(Value thread = {});
  RunningChoice load(const State &state, Value row);
  void store(const RunningChoice &choice, const State &state, Value row);
  void merge();

  KernelBuilder &k;
  Value logits, choices, rows, few;
  int64_t columns, bytes = 0, offset = 0;
  State mine;
};

} // namespace mlir::dsv2

#endif // LOWERING_CPU_ARGMAX_H
