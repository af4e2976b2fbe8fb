//===- PackedProduct.h - Rows times a packed weight -------------*- C++ -*-===//
//
// The register tile that every product with a packed weight is made of
// (linear, head_linear, grouped_linear): a few rows of x against the 64
// columns of one weight block, in one pass over the block.
//
// The sum of an element of y is one chain over k in ascending order, whatever
// the number of rows of its tile: chunking and threads change no bit.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_PACKEDPRODUCT_H
#define LOWERING_CPU_PACKEDPRODUCT_H

#include "lowering/CPU/KernelBuilder.h"

namespace mlir::dsv2 {

/// y[row, n] = sum_k x[row, k] * weight[n, k] (+ bias[n]) in f32, rounded once
/// to y's type. x, y and bias are of bf16 or f32.
class PackedProduct {
public:
  /// Where a row lies: the indices in front of the column.
  struct Row {
    SmallVector<Value> x, y;
  };
  using Rows = llvm::function_ref<Row(Value)>;

  /// `weight` is `[leading..., ceil(columns/64), ceil(depth/p), 64, p]`
  /// (`dsv2.pack`), zero beyond `columns` and `depth`; `bias`, if not null,
  /// `[columns]`. The innermost dimension of x and y is contiguous.
  PackedProduct(KernelBuilder &k, Value x, Value weight, Value y, int64_t columns,
                int64_t depth, Value bias = {});

  /// Scratch that a thread needs while it emits tiles; zero for most.
  int64_t scratchBytes() const;
  /// Uses `scratchBytes` of `scratch` (as of `KernelBuilder::scratch`).
  void setScratch(Value scratch, int64_t offset = 0);

  /// Takes its rows from another buffer, of the type of x.
  void setRows(Value buffer) { x = buffer; }

  /// Weight blocks of 64 columns.
  int64_t blocks() const;
  /// Rows that one piece of work should have: reuse of the block against
  /// balance of the threads.
  int64_t rowsOfPiece() const { return 16 * maxRows; }

  /// Computes rows `[lower, upper)` of block `block`; `leading` selects the
  /// matrix. `rows` is asked for every row before its products begin.
  void emit(ValueRange leading, Value block, Value lower, Value upper, Rows rows);

private:
  void emitTile(ValueRange leading, Value block, Value first, int64_t count, Rows rows);
  void emitColumns(ValueRange weight, Value block, Value column, int64_t vectors,
                   ArrayRef<Row> rows);
  void fillPanel(ArrayRef<Row> rows);
  SmallVector<Value> dotStep(ValueRange weight, Value step, Value column, ArrayRef<Row> rows,
                             ValueRange sums, bool half);
  SmallVector<Value> fmaStep(ValueRange weight, Value step, Value column, ArrayRef<Row> rows,
                             ValueRange sums);
  Value loadWeight(ValueRange weight, Value step, Value column, int64_t vector);
  /// Weight elements `half` of the pairs of `packed`, as f32.
  Value weightHalf(Value packed, int64_t half);
  /// Rounds and writes `width` columns from `start` on.
  void storeRows(Value start, ArrayRef<Row> rows, ValueRange sums, int64_t width);
  int64_t vectorsOfPass(int64_t rows) const;

  KernelBuilder &k;
  Value x, weight, y, bias, panel;
  int64_t columns, depth;
  int64_t pair;    // elements of 32 bits
  int64_t steps;   // ceil(depth / pair)
  bool dot;        // vdpbf16ps
  bool usesPanel;  // x is widened to f32 in scratch first
  int64_t maxRows; // of one tile
};

} // namespace mlir::dsv2

#endif // LOWERING_CPU_PACKEDPRODUCT_H
