//===- AppendLatent.cpp - Rows into the latent cache ----------------------===//
//
// A copy to the slot of each token's position.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/abi/Module.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::lowerAppendLatent(AppendLatentOp op, KernelBuilder &k) {
  Value rows = op.getRows(), cache = op.getInits()[0];
  Type element = cast<MemRefType>(rows.getType()).getElementType();
  k.forEachPiece(k.dim(rows, 0), [&](Value token) {
    Value position = k.batchElement(BatchField::Positions, token);
    Value page = k.cachePage(k.batchElement(BatchField::Sequence, token), position);
    Value slot = k.rem(position, DSV2_PAGE_TOKENS);
    k.forEachVector(k.staticDim(rows, 1), [&](Value column, int64_t lanes) {
      Value value = vector::LoadOp::create(k.b, VectorType::get({lanes}, element), rows,
                                           ValueRange{token, column});
      vector::StoreOp::create(k.b, value, cache, ValueRange{op.getLayer(), page, slot, column});
    });
  });
}
