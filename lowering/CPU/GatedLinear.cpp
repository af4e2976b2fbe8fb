//===- GatedLinear.cpp - SwiGLU of two products of one input --------------===//
//
// Pieces are those of linear; each computes both products of its block.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/GatedProduct.h"
#include "lowering/CPU/Kernels.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult dsv2::lowerGatedLinear(GatedLinearOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  if (!isPackedWeight(cast<ShapedType>(op.getGate().getType())))
    return op.emitOpError("needs packed weights");
  GatedProduct product(k, x, op.getGate(), op.getUp(), y, k.staticDim(y, 1), k.staticDim(x, 1));
  product.setScratch(k.scratch(product.scratchBytes()));
  forEachRowsAndBlock(k, k.getThread(), k.dim(x, 0), k.index(product.rowsOfPiece()),
                      k.index(product.blocks()),
                      [&](Value block, Value lower, Value upper) {
                        product.emit({}, block, lower, upper, [&](Value row) {
                          return PackedProduct::Row{{row}, {row}};
                        });
                      });
  return success();
}
