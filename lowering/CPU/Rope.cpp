//===- Rope.cpp - Rotary embedding to loops -------------------------------===//
//
// The table of a step's cosines and sines, and the rotation by it.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/AttentionPieces.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/RowParts.h"
#include "lowering/CPU/Trigonometry.h"

using namespace mlir;
using namespace mlir::dsv2;

void dsv2::lowerRopeTable(RopeTableOp op, KernelBuilder &k) {
  Value table = op.getInits()[0];
  ArrayRef<float> frequencies = op.getFrequencies();
  double scale = op.getScale().convertToFloat();
  Value flat = flattenTable(k, table);
  k.forEachPiece(k.dim(table, 0), [&](Value t) {
    Value position = arith::SIToFPOp::create(
        k.b, k.b.getF32Type(),
        arith::IndexCastOp::create(k.b, k.b.getI32Type(),
                                   k.batchElement(BatchField::Positions, t)));
    // Straight code: the frequencies are constants of their vectors.
    for (int64_t first = 0; first < int64_t(frequencies.size());) {
      int64_t lanes = std::min<int64_t>(k.target.lanes(),
                                        llvm::bit_floor(frequencies.size() - first));
      auto f64 = VectorType::get({lanes}, k.b.getF64Type());
      Value frequency = arith::ConstantOp::create(
          k.b, DenseElementsAttr::get(k.f32Vector(lanes), frequencies.slice(first, lanes)));
      // Rounded to f32, as the reference's angle is (specification §3).
      Value angle = arith::MulFOp::create(k.b, k.broadcast(position, lanes), frequency);
      SinCos result = emitSinCos(k, arith::ExtFOp::create(k.b, f64, angle));
      Value factor = arith::ConstantOp::create(k.b, DenseElementsAttr::get(f64, APFloat(scale)));
      auto finish = [&](Value value) -> Value {
        return arith::TruncFOp::create(k.b, k.f32Vector(lanes),
                                       arith::MulFOp::create(k.b, value, factor));
      };
      Value pairs = emitShuffle(k, finish(result.cos), finish(result.sin), 2 * lanes,
                            [&](int64_t i) { return i / 2 + i % 2 * lanes; });
      k.storeF32(pairs, flat, {t, k.index(2 * first)});
      first += lanes;
    }
  });
}

void dsv2::lowerRope(RopeOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  Value table = flattenTable(k, op.getTable());
  auto type = cast<MemRefType>(y.getType());
  int64_t leading = type.getShape().back() - k.staticDim(table, 1);
  int64_t heads = type.getRank() == 3 ? type.getDimSize(1) : 1;
  TokenRange tokens{k.index(0), k.dim(y, 0)};
  if (op.getRange() != Range::All)
    tokens = getTokenRange(k, op.getRange());
  k.forEachPiece(k.mul(k.sub(tokens.end, tokens.begin), heads), [&](Value piece) {
    Value token = k.add(tokens.begin, k.div(piece, heads));
    SmallVector<Value> row{token};
    if (type.getRank() == 3)
      row.push_back(k.rem(piece, heads));
    // y may be x.
    emitRotation(k, {x, row, leading}, table, token, {y, row, leading});
    if (x != y)
      emitCopy(k, {x, row}, {y, row}, leading);
  });
}
