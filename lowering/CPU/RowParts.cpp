//===- RowParts.cpp - What several ops do with a row ----------------------===//
//
// Values are f32 in registers and rounded once, when stored.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/RowParts.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dsv2;

SmallVector<Value> RowRef::at(KernelBuilder &k, Value column) const {
  SmallVector<Value> indices(row);
  indices.push_back(k.add(column, first));
  return indices;
}

void dsv2::emitCopy(KernelBuilder &k, const RowRef &from, const RowRef &to, int64_t count) {
  Type element = cast<MemRefType>(to.buffer.getType()).getElementType();
  k.forEachVector(count, [&](Value column, int64_t lanes) {
    Value bits = vector::LoadOp::create(k.b, VectorType::get({lanes}, element), from.buffer,
                                        from.at(k, column));
    vector::StoreOp::create(k.b, bits, to.buffer, to.at(k, column));
  });
}

//===----------------------------------------------------------------------===//
// Norm
//===----------------------------------------------------------------------===//

/// The sum of the lanes, added as a tree.
static Value sumLanes(KernelBuilder &k, Value vector) {
  return vector::ReductionOp::create(k.b, vector::CombiningKind::ADD, vector,
                                     arith::FastMathFlags::reassoc);
}

/// The sum of the squares of `n` columns.
static Value sumOfSquares(KernelBuilder &k, int64_t n, LoadColumns load) {
  // Hides the latency of an addition; more partial sums also round less.
  constexpr int64_t accumulators = 4;
  int64_t lanes = k.target.lanes(), step = accumulators * lanes, full = n / step * step;
  auto addSquares = [&](Value column, int64_t width, Value sum) {
    Value values = load(column, width);
    return sum ? k.fma(values, values, sum) : arith::MulFOp::create(k.b, values, values);
  };
  SmallVector<Value> sums(accumulators, k.splat(0, lanes));
  if (full)
    sums = k.fold(k.index(0), k.index(full), step, sums, [&](Value column, ValueRange carried) {
      SmallVector<Value> next;
      for (auto [j, sum] : llvm::enumerate(carried))
        next.push_back(addSquares(k.add(column, j * lanes), lanes, sum));
      return next;
    });
  int64_t column = full;
  for (; column + lanes <= n; column += lanes) {
    Value &sum = sums[(column - full) / lanes];
    sum = addSquares(k.index(column), lanes, sum);
  }
  Value total = sumLanes(k, arith::AddFOp::create(
                                k.b, arith::AddFOp::create(k.b, sums[0], sums[1]),
                                arith::AddFOp::create(k.b, sums[2], sums[3])));
  while (column < n) {
    int64_t width = llvm::bit_floor(uint64_t(n - column));
    total = arith::AddFOp::create(k.b, total,
                                  sumLanes(k, addSquares(k.index(column), width, {})));
    column += width;
  }
  return total;
}

Value dsv2::emitNormFactor(KernelBuilder &k, int64_t n, double eps, LoadColumns load) {
  Value mean = arith::DivFOp::create(k.b, sumOfSquares(k, n, load), k.f32(n));
  Value shifted = arith::AddFOp::create(k.b, mean, k.f32(eps));
  return arith::DivFOp::create(k.b, k.f32(1), math::SqrtOp::create(k.b, shifted));
}

Value dsv2::emitRoundedSum(KernelBuilder &k, const RowRef &x, const RowRef &delta,
                           const RowRef &sum, Value column, int64_t lanes) {
  Value total = arith::AddFOp::create(k.b, k.loadF32(x.buffer, x.at(k, column), lanes),
                                      k.loadF32(delta.buffer, delta.at(k, column), lanes));
  k.storeF32(total, sum.buffer, sum.at(k, column));
  return k.roundTo(cast<MemRefType>(sum.buffer.getType()).getElementType(), total);
}

void dsv2::emitNormScale(KernelBuilder &k, const RowRef &from, Value factor, Value weight,
                         const RowRef &to) {
  k.forEachVector(k.staticDim(weight, 0), [&](Value column, int64_t lanes) {
    Value scaled =
        arith::MulFOp::create(k.b, k.loadF32(from.buffer, from.at(k, column), lanes),
                              k.broadcast(factor, lanes));
    k.storeF32(arith::MulFOp::create(k.b, scaled, k.loadF32(weight, column, lanes)), to.buffer,
               to.at(k, column));
  });
}

//===----------------------------------------------------------------------===//
// Rotation
//===----------------------------------------------------------------------===//

Value dsv2::flattenTable(KernelBuilder &k, Value table) {
  return memref::CollapseShapeOp::create(k.b, table, ArrayRef<ReassociationIndices>{{0}, {1, 2}});
}

Value dsv2::emitShuffle(KernelBuilder &k, Value x, Value y, int64_t lanes,
                        llvm::function_ref<int64_t(int64_t)> lane) {
  SmallVector<int64_t> mask;
  for (int64_t i = 0; i < lanes; ++i)
    mask.push_back(lane(i));
  return vector::ShuffleOp::create(k.b, x, y, mask);
}

void dsv2::emitRotation(KernelBuilder &k, const RowRef &from, Value table, Value token,
                        const RowRef &to) {
  // An even number of columns is covered by vectors of even width: whole pairs.
  k.forEachVector(k.staticDim(table, 1), [&](Value column, int64_t lanes) {
    Value pairs = k.loadF32(from.buffer, from.at(k, column), lanes);
    Value angles = k.loadF32(table, {token, column}, lanes);
    Value swapped = emitShuffle(k, pairs, pairs, lanes, [](int64_t l) { return l ^ 1; });
    Value cosines = emitShuffle(k, angles, angles, lanes, [](int64_t l) { return l & ~1; });
    // (-sin, sin): adjacent pairs (a, b) become (a cos - b sin, b cos + a sin).
    Value sines = emitShuffle(k, arith::NegFOp::create(k.b, angles), angles, lanes,
                              [&](int64_t l) { return l % 2 ? l + lanes : l + 1; });
    Value products = arith::MulFOp::create(k.b, swapped, sines);
    k.storeF32(k.fma(pairs, cosines, products), to.buffer, to.at(k, column));
  });
}
