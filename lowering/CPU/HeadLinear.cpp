//===- HeadLinear.cpp - Each head's row times that head's weight ----------===//
//
// Pieces are a weight block of one head by a group of tokens; the columns that
// pass through are copied token by token.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/PackedProduct.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult dsv2::lowerHeadLinear(HeadLinearOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  if (!isPackedWeight(cast<ShapedType>(op.getWeight().getType()), 1))
    return op.emitOpError("needs a packed weight");
  int64_t heads = k.staticDim(x, 1), through = op.getThrough();
  int64_t depth = k.staticDim(x, 2) - through, columns = k.staticDim(y, 2) - through;

  Value begin = op.getRange() == Range::Expanded ? k.batchCount(BatchField::AbsorbedTokens)
                                                 : k.index(0);
  Value end = k.batchCount(op.getRange() == Range::Absorbed ? BatchField::AbsorbedTokens
                                                            : BatchField::Tokens);
  PackedProduct product(k, x, op.getWeight(), y, columns, depth);
  if (int64_t bytes = product.scratchBytes())
    product.setScratch(k.scratch(bytes));
  Value tokens = k.sub(end, begin), size = k.index(product.rowsOfPiece());
  Value groups = k.ceilDiv(tokens, product.rowsOfPiece());
  k.forEachPiece(k.mul(groups, heads * product.blocks()), [&](Value piece) {
    Value matrix = k.div(piece, groups);
    Value head = k.div(matrix, product.blocks());
    Value lower = k.add(begin, k.mul(k.rem(piece, groups), size));
    product.emit({head}, k.rem(matrix, product.blocks()), lower, k.min(k.add(lower, size), end),
                 [&](Value token) { return PackedProduct::Row{{token, head}, {token, head}}; });
  });
  if (!through)
    return success();
  Type element = cast<MemRefType>(x.getType()).getElementType();
  k.forEachPiece(tokens, [&](Value i) {
    Value token = k.add(begin, i);
    k.forEach(0, heads, 1, [&](Value head) {
      k.forEachVector(through, [&](Value column, int64_t lanes) {
        Value kept = vector::LoadOp::create(k.b, VectorType::get({lanes}, element), x,
                                            ValueRange{token, head, k.add(column, depth)});
        vector::StoreOp::create(k.b, kept, y, ValueRange{token, head, k.add(column, columns)});
      });
    });
  });
  return success();
}
