//===- Linear.cpp - Rows times one weight ---------------------------------===//
//
// Pieces are a weight block by a group of rows, the groups of a block next to
// each other. One row or a few: every block is read once, front to back. Many:
// a block stays in the cache while its rows pass.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/PackedProduct.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult dsv2::lowerLinear(LinearOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  if (!isPackedWeight(cast<ShapedType>(op.getWeight().getType())))
    return op.emitOpError("needs a packed weight");
  PackedProduct product(k, x, op.getWeight(), y, k.staticDim(y, 1), k.staticDim(x, 1),
                        op.getBias());
  if (int64_t bytes = product.scratchBytes())
    product.setScratch(k.scratch(bytes));
  Value rows = k.dim(x, 0), size = k.index(product.rowsOfPiece());
  Value groups = k.ceilDiv(rows, product.rowsOfPiece());
  k.forEachPiece(k.mul(groups, product.blocks()), [&](Value piece) {
    Value lower = k.mul(k.rem(piece, groups), size);
    product.emit({}, k.div(piece, groups), lower, k.min(k.add(lower, size), rows),
                 [&](Value row) { return PackedProduct::Row{{row}, {row}}; });
  });
  return success();
}
