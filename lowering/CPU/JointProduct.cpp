//===- JointProduct.cpp - Rows times several packed weights ---------------===//
//
// A piece finds its weight by its number, through branches.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/JointProduct.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::dsv2;

FailureOr<JointProduct> JointProduct::create(Operation *op, KernelBuilder &k, Value x,
                                             ValueRange weights, ValueRange ys, Value bias) {
  JointProduct result(k);
  for (auto [weight, y] : llvm::zip_equal(weights, ys)) {
    if (!isPackedWeight(cast<ShapedType>(weight.getType())))
      return op->emitOpError("needs a packed weight");
    result.products.emplace_back(k, x, weight, y, k.staticDim(y, 1), k.staticDim(x, 1), bias);
  }
  return result;
}

int64_t JointProduct::scratchBytes() const {
  int64_t bytes = 0;
  for (const PackedProduct &product : products)
    bytes = std::max(bytes, product.scratchBytes());
  return bytes;
}

void JointProduct::setScratch(Value scratch, int64_t offset) {
  // A piece belongs to one product: they share it.
  for (PackedProduct &product : products)
    product.setScratch(scratch, offset);
}

void JointProduct::emit(Value x, Value rows, Piece made) {
  int64_t blocks = 0;
  for (PackedProduct &product : products) {
    product.setRows(x);
    blocks += product.blocks();
  }
  int64_t most = products.front().rowsOfPiece();
  forEachRowsAndBlock(
      k, k.getThread(), rows, k.index(most), k.index(blocks),
      [&](Value block, Value lower, Value upper) {
        emitPiece(0, block, lower, upper);
        if (made)
          made(block, lower, upper);
      });
}

/// `block` counts from the first block of `product`.
void JointProduct::emitPiece(unsigned number, Value block, Value lower, Value upper) {
  PackedProduct &product = products[number];
  auto multiply = [&] {
    product.emit({}, block, lower, upper,
                 [&](Value row) { return PackedProduct::Row{{row}, {row}}; });
  };
  if (number + 1 == products.size())
    return multiply();
  auto branch = scf::IfOp::create(k.b, k.less(block, k.index(product.blocks())),
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  multiply();
  k.b.setInsertionPointToStart(branch.elseBlock());
  emitPiece(number + 1, k.sub(block, k.index(product.blocks())), lower, upper);
}
