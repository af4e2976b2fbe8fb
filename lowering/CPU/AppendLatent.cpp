//===- AppendLatent.cpp - Rows into the latent cache ----------------------===//
//
// One pass over each token's row, to the slot of its position: leading columns
// through the norm, trailing ones turned, where the op says so.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/RowParts.h"
#include "runtime/abi/Module.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::lowerAppendLatent(AppendLatentOp op, KernelBuilder &k) {
  Value rows = op.getRows(), cache = op.getInits()[0], norm = op.getNorm();
  Value table = op.getTable() ? flattenTable(k, op.getTable()) : Value();
  int64_t columns = k.staticDim(rows, 1), normed = norm ? k.staticDim(norm, 0) : 0;
  int64_t turned = table ? k.staticDim(table, 1) : 0;
  k.forEachPiece(k.dim(rows, 0), [&](Value token) {
    Value position = k.batchElement(BatchField::Positions, token);
    Value page = k.cachePage(k.batchElement(BatchField::Sequence, token), position);
    SmallVector<Value> slot{op.getLayer(), page, k.rem(position, DSV2_PAGE_TOKENS)};
    if (norm) {
      Value factor = emitNormFactor(k, normed, op.getEps()->convertToDouble(),
                                    [&](Value column, int64_t lanes) {
                                      return k.loadF32(rows, {token, column}, lanes);
                                    });
      emitNormScale(k, {rows, {token}}, factor, norm, {cache, slot});
    }
    emitCopy(k, {rows, {token}, normed}, {cache, slot, normed}, columns - normed - turned);
    if (table)
      emitRotation(k, {rows, {token}, columns - turned}, table, token,
                   {cache, slot, columns - turned});
  });
}
