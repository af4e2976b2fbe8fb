//===- HeadLinear.cpp - Each head's row times that head's weight ----------===//
//
// Pieces are a weight block of one head by a group of tokens; the columns that
// pass through are copied, or turned, row by row.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/AttentionPieces.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/PackedProduct.h"
#include "lowering/CPU/RowParts.h"

using namespace mlir;
using namespace mlir::dsv2;

LogicalResult dsv2::lowerHeadLinear(HeadLinearOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  if (!isPackedWeight(cast<ShapedType>(op.getWeight().getType()), 1))
    return op.emitOpError("needs a packed weight");
  int64_t heads = k.staticDim(x, 1), through = op.getThrough();
  int64_t depth = k.staticDim(x, 2) - through, columns = k.staticDim(y, 2) - through;

  auto [begin, end] = getTokenRange(k, op.getRange());
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
  Value table = op.getTable() ? flattenTable(k, op.getTable()) : Value();
  int64_t turned = table ? k.staticDim(table, 1) : 0, kept = through - turned;
  k.forEachPiece(k.mul(tokens, heads), [&](Value piece) {
    Value token = k.add(begin, k.div(piece, heads));
    SmallVector<Value> row{token, k.rem(piece, heads)};
    emitCopy(k, {x, row, depth}, {y, row, columns}, kept);
    if (table)
      emitRotation(k, {x, row, depth + kept}, table, token, {y, row, columns + kept});
  });
  return success();
}
