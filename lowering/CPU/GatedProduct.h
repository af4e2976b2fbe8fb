//===- GatedProduct.h - SwiGLU of two packed products -----------*- C++ -*-===//
//
// The two products of gated_linear and grouped_gated_linear for one block of
// columns: the gate's sums wait in scratch, in f32, until those of up meet them.
// One thread makes both, so that nothing is written but the result, and no
// barrier is needed.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_GATEDPRODUCT_H
#define LOWERING_CPU_GATEDPRODUCT_H

#include "lowering/CPU/PackedProduct.h"

namespace mlir::dsv2 {

/// y[row, n] = silu(sum_k x[row, k] * gate[n, k]) * sum_k x[row, k] * up[n, k]
/// in f32, rounded once to y's type.
class GatedProduct {
public:
  /// Operands as those of PackedProduct.
  GatedProduct(KernelBuilder &k, Value x, Value gate, Value up, Value y, int64_t columns,
               int64_t depth);

  /// Scratch that a thread needs while it emits blocks.
  int64_t scratchBytes() const;
  /// Uses the first `scratchBytes` of `scratch`.
  void setScratch(Value scratch);

  int64_t blocks() const { return gate.blocks(); }
  int64_t rowsOfPiece() const { return gate.rowsOfPiece(); }

  /// Computes rows `[lower, upper)` of block `block`, as PackedProduct.
  void emit(ValueRange leading, Value block, Value lower, Value upper, PackedProduct::Rows rows);

private:
  KernelBuilder &k;
  PackedProduct gate, up;
  Value y;
  Value waiting; // the gate's sums, [rowsOfPiece, 64]
};

} // namespace mlir::dsv2

#endif // LOWERING_CPU_GATEDPRODUCT_H
