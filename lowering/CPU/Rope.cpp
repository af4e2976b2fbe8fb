//===- Rope.cpp - Rotary embedding to loops -------------------------------===//
//
// The table of a step's cosines and sines, and the rotation by it.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/Trigonometry.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dsv2;

/// `[tokens, F, 2]` as `[tokens, 2 F]`.
static Value flattenTable(KernelBuilder &k, Value table) {
  return memref::CollapseShapeOp::create(k.b, table, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
}

/// Lane i of the result is lane `lane(i)` of `x` followed by `y`.
static Value shuffle(KernelBuilder &k, Value x, Value y, int64_t lanes,
                     llvm::function_ref<int64_t(int64_t)> lane) {
  SmallVector<int64_t> mask;
  for (int64_t i = 0; i < lanes; ++i)
    mask.push_back(lane(i));
  return vector::ShuffleOp::create(k.b, x, y, mask);
}

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
      Value pairs = shuffle(k, finish(result.cos), finish(result.sin), 2 * lanes,
                            [&](int64_t i) { return i / 2 + i % 2 * lanes; });
      k.storeF32(pairs, flat, {t, k.index(2 * first)});
      first += lanes;
    }
  });
}

void dsv2::lowerRope(RopeOp op, KernelBuilder &k) {
  Value x = op.getX(), y = op.getInits()[0];
  Value table = flattenTable(k, op.getTable());
  int64_t columns = cast<MemRefType>(y.getType()).getShape().back();
  int64_t rotated = k.staticDim(table, 1), leading = columns - rotated;
  Type element = cast<MemRefType>(y.getType()).getElementType();
  k.forEachRow(y, [&](SmallVector<Value> row) {
    auto at = [&](Value column) {
      SmallVector<Value> indices(row);
      indices.push_back(column);
      return indices;
    };
    // An even number of columns is covered by vectors of even width: whole
    // pairs. Each is read before it is written, so y may be x.
    k.forEachVector(rotated, [&](Value i, int64_t lanes) {
      Value column = k.add(i, leading);
      Value pairs = k.loadF32(x, at(column), lanes);
      Value angles = k.loadF32(table, {row[0], i}, lanes);
      Value swapped = shuffle(k, pairs, pairs, lanes, [](int64_t l) { return l ^ 1; });
      Value cosines = shuffle(k, angles, angles, lanes, [](int64_t l) { return l & ~1; });
      // (-sin, sin): adjacent pairs (a, b) become (a cos - b sin, b cos + a sin).
      Value sines = shuffle(k, arith::NegFOp::create(k.b, angles), angles, lanes,
                            [&](int64_t l) { return l % 2 ? l + lanes : l + 1; });
      Value products = arith::MulFOp::create(k.b, swapped, sines);
      k.storeF32(k.fma(pairs, cosines, products), y, at(column));
    });
    if (x == y)
      return;
    k.forEachVector(leading, [&](Value i, int64_t lanes) {
      Value bits =
          vector::LoadOp::create(k.b, VectorType::get({lanes}, element), x, at(i));
      vector::StoreOp::create(k.b, bits, y, at(i));
    });
  });
}
