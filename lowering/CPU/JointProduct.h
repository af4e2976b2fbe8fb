//===- JointProduct.h - Rows times several packed weights -------*- C++ -*-===//
//
// The products of linear, linears and norm_linears: one set of rows with each
// of some weights, as one set of pieces, those of `forEachRowsAndBlock`.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_JOINTPRODUCT_H
#define LOWERING_CPU_JOINTPRODUCT_H

#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/PackedProduct.h"
#include <vector>

namespace mlir::dsv2 {

class JointProduct {
public:
  /// Product `i` is x `[rows, K]` times weight `i` into y `i`, `[rows, N_i]`.
  /// Fails, with an error on `op`, where a weight is not packed. `bias`, if not
  /// null, belongs to all products.
  static FailureOr<JointProduct> create(Operation *op, KernelBuilder &k, Value x,
                                        ValueRange weights, ValueRange ys, Value bias = {});

  /// As of PackedProduct.
  int64_t scratchBytes() const;
  void setScratch(Value scratch, int64_t offset = 0);

  /// Takes a block of the weights in a row, and its rows `[lower, upper)`.
  using Piece = llvm::function_ref<void(Value block, Value lower, Value upper)>;

  /// Multiplies the first `rows` rows of `x`, of the type that it was created
  /// with. `made` is told of each piece once a thread has made it.
  void emit(Value x, Value rows, Piece made = nullptr);

private:
  explicit JointProduct(KernelBuilder &k) : k(k) {}
  void emitPiece(unsigned product, Value block, Value lower, Value upper);

  KernelBuilder &k;
  std::vector<PackedProduct> products;
};

} // namespace mlir::dsv2

#endif // LOWERING_CPU_JOINTPRODUCT_H
