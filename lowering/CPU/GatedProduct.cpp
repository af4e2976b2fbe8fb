//===- GatedProduct.cpp - SwiGLU of two packed products -------------------===//
//
// As many rows at a time as a piece of work has: the gate's block stays in the
// cache while all of them pass, then that of up does.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/GatedProduct.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/VectorMath.h"

using namespace mlir;
using namespace mlir::dsv2;

GatedProduct::GatedProduct(KernelBuilder &k, Value x, Value gate, Value up, Value y,
                           int64_t columns, int64_t depth)
    : k(k), gate(k, x, gate, Value(), columns, depth), up(k, x, up, Value(), columns, depth),
      y(y) {}

int64_t GatedProduct::scratchBytes() const {
  return llvm::alignTo(gate.scratchBytes(), 64) + rowsOfPiece() * kPackedColumns * 4;
}

void GatedProduct::setScratch(Value scratch) {
  gate.setScratch(scratch);
  up.setScratch(scratch);
  waiting = k.scratchView(scratch, llvm::alignTo(gate.scratchBytes(), 64),
                          MemRefType::get({rowsOfPiece(), kPackedColumns}, k.b.getF32Type()));
}

void GatedProduct::emit(ValueRange leading, Value block, Value lower, Value upper,
                        PackedProduct::Rows rows) {
  using Row = PackedProduct::Row;
  k.forEach(lower, upper, rowsOfPiece(), [&](Value first) {
    Value end = k.min(k.add(first, rowsOfPiece()), upper);
    auto place = [&](Value row) {
      Row result = rows(row);
      result.extra = {k.sub(row, first)};
      return result;
    };
    gate.emit(leading, block, first, end, place,
              [&](Value sums, const Row &row, Value, Value inBlock) {
                k.storeF32(sums, waiting, {row.extra[0], inBlock});
              });
    up.emit(leading, block, first, end, place,
            [&](Value sums, const Row &row, Value column, Value inBlock) {
              int64_t lanes = cast<VectorType>(sums.getType()).getDimSize(0);
              Value gated = k.loadF32(waiting, {row.extra[0], inBlock}, lanes);
              SmallVector<Value> indices(row.y);
              indices.push_back(column);
              k.storeF32(emitSwiglu(k, gated, sums), y, indices);
            });
  });
}
