//===- PackedProduct.h - Rows times a packed weight -------------*- C++ -*-===//
//
// The register tile that every product with a packed weight is made of
// (linear, head_linear, grouped_linear and the ops fused from them): a few rows
// of x against the 64 columns of one weight block, in one pass over the block.
// What becomes of the sums is the caller's choice.
//
// Two forms: with vdpbf16ps 24 registers hold the sums of a whole tile
// (PackedProduct.cpp); with f32 FMA they hold those of a strip of its columns, for
// a chunk of its depth (ChunkedProduct.cpp).
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
    SmallVector<Value> extra = {}; // for a sink
  };
  using Rows = llvm::function_ref<Row(Value)>;
  /// Takes finished sums of a row, vector<lanes x f32>, from column `column` of
  /// y on, which is `inBlock` of the weight block.
  using Sink = llvm::function_ref<void(Value sums, const Row &row, Value column, Value inBlock)>;

  /// `weight` is `[leading..., ceil(columns/64), ceil(depth/p), 64, p]`
  /// (`dsv2.pack`), zero beyond `columns` and `depth`; `bias`, if not null,
  /// `[columns]`. The innermost dimension of x and y is contiguous. y may be null
  /// where every `emit` has a sink.
  PackedProduct(KernelBuilder &k, Value x, Value weight, Value y, int64_t columns,
                int64_t depth, Value bias = {});

  /// Scratch that a thread needs while it emits tiles; zero with vdpbf16ps.
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
  /// matrix. `rows` is asked for every row before its products begin. Sums go to
  /// y, or to `sink` instead.
  void emit(ValueRange leading, Value block, Value lower, Value upper, Rows rows);
  void emit(ValueRange leading, Value block, Value lower, Value upper, Rows rows, Sink sink);

private:
  /// Gets the first column of a strip: as many columns of the block as a tile's sums
  /// have registers for.
  using Strip = llvm::function_ref<void(Value column)>;
  /// Gets the sums of a strip and its first column.
  using StripSums = llvm::function_ref<void(ValueRange sums, Value column)>;
  /// Returns the sums after a step.
  using StepBody =
      llvm::function_ref<SmallVector<Value>(Value step, Value offset, ValueRange sums)>;

  void emitTile(ValueRange leading, Value block, Value first, int64_t count, Rows rows,
                Sink sink);
  /// The elements of one weight block, one after the other: memref<n x ...>.
  Value weightsOf(ValueRange leading, Value block);
  /// In these, `weights` is such a block, and `offset` the place of a step (and strip) in
  /// it. Loops carry it beside the step: LLVM multiplies in every step instead where an
  /// address came from a division, as that of a piece's block does.
  void emitDotTile(Value weights, Value block, ArrayRef<Row> rows, Sink sink);
  SmallVector<Value> dotStep(Value weights, Value offset, Value step, ArrayRef<Row> rows,
                             ValueRange sums, bool half);

  void emitChunkedTile(Value weights, Value block, ArrayRef<Row> rows, Sink sink);
  void emitChunk(Value weights, Value block, ArrayRef<Row> rows, Value start, int64_t size,
                 StripSums made);
  void forEachStrip(Value block, int64_t rows, Strip strip);
  SmallVector<Value> loadSums(Value column, int64_t rows);
  void storeSums(ValueRange sums, Value column, int64_t rows);
  void fillPanel(ArrayRef<Row> rows, Value start, int64_t size);
  void prefetch(Value weights, Value offset, int64_t rows);
  SmallVector<Value> fmaStep(Value weights, Value offset, Value start, Value step,
                             ArrayRef<Row> rows, ValueRange sums);
  /// Weight elements `half` of the pairs of `packed`, as f32.
  Value weightHalf(Value packed, int64_t half);

  /// Folds the steps of `[0, steps)` over `sums`; the body also gets the step's offset, the
  /// first of which is `offset`.
  SmallVector<Value> foldSteps(int64_t steps, Value offset, ValueRange sums, StepBody body);
  Value loadWeight(Value weights, Value offset, int64_t vector);
  /// Hands the sums of a strip on to `sink`, without what lies beyond the last column.
  void finishStrip(Value block, Value column, ArrayRef<Row> rows, ValueRange sums, Sink sink);
  /// Hands `width` columns of the block from `column` on to `sink`.
  void finishRows(Value block, Value column, ArrayRef<Row> rows, ValueRange sums, int64_t width,
                  Sink sink);
  /// Registers of a row's sums in a strip.
  int64_t vectorsOfStrip(int64_t rows) const;

  KernelBuilder &k;
  Value x, weight, y, bias;
  Value panel;   // rows of x for one chunk, [maxRows, elements of a chunk]
  Value partial; // sums between chunks, [maxRows * 64]
  int64_t columns, depth;
  int64_t pair;    // elements of 32 bits
  int64_t steps;   // ceil(depth / pair)
  bool dot;        // vdpbf16ps
  bool usesPanel;  // x is widened to f32 in scratch, chunk by chunk
  int64_t maxRows; // of one tile
};

/// Deals the pieces of a product of one weight, with all of `rows` rows, to the
/// threads: a weight block by a group of at most `rowsOfPiece` rows, the groups of
/// a block next to each other. One row or a few: every block is read once, front to
/// back. Many: a block stays in the cache while its rows pass. The body gets the
/// block and the rows `[lower, upper)`. `first` as of KernelBuilder::forEachPiece.
void forEachRowsAndBlock(KernelBuilder &k, Value first, Value rows, Value rowsOfPiece,
                         Value blocks, llvm::function_ref<void(Value, Value, Value)> body);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_PACKEDPRODUCT_H
