//===- ChunkedProduct.cpp - The product's tile with f32 FMA ---------------===//
//
// A few rows need more sums than sixteen registers hold: the tile is made strip by
// strip of its columns. A strip takes a part of every line of the weight block, so
// that strips over the whole depth would read the block with gaps, several times.
// The depth is therefore cut into chunks whose weights stay in the first-level cache
// for all strips; between chunks the sums wait in scratch, in f32, as they are.
//
// bf16 weights are split by shift and mask. Rows of bf16 are widened into a panel of
// scratch, a chunk at a time, so that the loop broadcasts them from memory.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/PackedProduct.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::dsv2;

/// Steps of a chunk: 8 KiB of weights, beside as much that is on its way and the
/// panel in a first-level cache of 32 KiB.
static constexpr int64_t kChunkSteps = 32;
/// Steps from a weight to the one that is fetched meanwhile.
static constexpr int64_t kPrefetchSteps = 2 * kChunkSteps;

int64_t PackedProduct::scratchBytes() const {
  if (dot)
    return 0;
  return maxRows * (kPackedColumns + (usesPanel ? kChunkSteps * pair : 0)) * 4;
}

void PackedProduct::setScratch(Value scratch, int64_t offset) {
  if (dot)
    return;
  auto view = [&](ArrayRef<int64_t> shape) {
    auto type = MemRefType::get(shape, k.b.getF32Type());
    Value result = k.scratchView(scratch, offset, type);
    offset += type.getNumElements() * 4;
    return result;
  };
  partial = view({maxRows * kPackedColumns});
  if (usesPanel)
    panel = view({maxRows, kChunkSteps * pair});
}

/// The body gets the first column of each strip that a tile of `rows` rows has.
void PackedProduct::forEachStrip(Value block, int64_t rows, Strip strip) {
  int64_t width = vectorsOfStrip(rows) * k.target.lanes();
  if (width == kPackedColumns)
    return strip(k.index(0));
  Value end = k.index(kPackedColumns);
  if (columns % kPackedColumns != 0)
    end = k.min(end, k.sub(k.index(columns), k.mul(block, kPackedColumns)));
  k.forEach(k.index(0), end, width, strip);
}

/// Sums of a strip lie together, row by row.
SmallVector<Value> PackedProduct::loadSums(Value column, int64_t rows) {
  int64_t lanes = k.target.lanes();
  Value first = k.mul(column, rows);
  SmallVector<Value> sums;
  for (int64_t i = 0; i < rows * vectorsOfStrip(rows); ++i)
    sums.push_back(k.loadF32(partial, {k.add(first, i * lanes)}, lanes));
  return sums;
}

void PackedProduct::storeSums(ValueRange sums, Value column, int64_t rows) {
  Value first = k.mul(column, rows);
  for (auto [i, sum] : llvm::enumerate(sums))
    k.storeF32(sum, partial, {k.add(first, int64_t(i) * k.target.lanes())});
}

void PackedProduct::emitChunkedTile(Value weights, Value block, ArrayRef<Row> rows,
                                    Sink sink) {
  int64_t count = rows.size(), chunk = kChunkSteps * pair, whole = depth / chunk;
  Value zero = k.splat(0, k.target.lanes());
  k.forEach(0, count * kPackedColumns, k.target.lanes(),
            [&](Value i) { k.storeF32(zero, partial, {i}); });
  auto emitWhole = [&](Value start) {
    Value last;
    if (whole * chunk == depth)
      last = arith::CmpIOp::create(k.b, arith::CmpIPredicate::eq, start,
                                   k.index((whole - 1) * kChunkSteps));
    emitChunk(weights, block, rows, start, chunk, [&](ValueRange sums, Value column) {
      if (!last)
        return storeSums(sums, column, count);
      auto branch = scf::IfOp::create(k.b, last, /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(k.b);
      k.b.setInsertionPointToStart(branch.thenBlock());
      finishStrip(block, column, rows, sums, sink);
      k.b.setInsertionPointToStart(branch.elseBlock());
      storeSums(sums, column, count);
    });
  };
  if (whole > 0)
    k.forEach(0, whole * kChunkSteps, kChunkSteps, emitWhole);
  if (whole * chunk < depth)
    emitChunk(weights, block, rows, k.index(whole * kChunkSteps), depth - whole * chunk,
              [&](ValueRange sums, Value column) {
                finishStrip(block, column, rows, sums, sink);
              });
}

/// Adds the products of `size` elements from step `start` on to the sums in scratch, and
/// hands each strip's to `made`.
void PackedProduct::emitChunk(Value weights, Value block, ArrayRef<Row> rows, Value start,
                              int64_t size, StripSums made) {
  int64_t count = rows.size();
  if (usesPanel)
    fillPanel(rows, start, size);
  forEachStrip(block, count, [&](Value column) {
    Value first = k.mul(k.add(k.mul(start, kPackedColumns), column), pair);
    SmallVector<Value> sums =
        foldSteps(llvm::divideCeil(size, pair), first, loadSums(column, count),
                  [&](Value step, Value offset, ValueRange sums) {
                    prefetch(weights, offset, count);
                    return fmaStep(weights, offset, start, step, rows, sums);
                  });
    made(sums, column);
  });
}

void PackedProduct::fillPanel(ArrayRef<Row> rows, Value start, int64_t size) {
  for (auto [i, row] : llvm::enumerate(rows)) {
    k.forEachVector(size, [&](Value column, int64_t lanes) {
      SmallVector<Value> indices(row.x);
      indices.push_back(k.add(k.mul(start, pair), column));
      k.storeF32(k.loadF32(x, indices, lanes), panel, {k.index(i), column});
    });
    // The weight's padding is zero, but scratch may hold a NaN.
    if (size % pair != 0)
      k.store(k.f32(0), panel, {k.index(i), k.index(size)});
  }
}

/// Fetches the strip's part of a later step. One strip of all columns reads the block
/// from front to back, which the processor foresees by itself.
void PackedProduct::prefetch(Value weights, Value offset, int64_t rows) {
  int64_t width = vectorsOfStrip(rows) * k.target.lanes();
  if (width == kPackedColumns)
    return;
  k.prefetch(weights, k.add(offset, kPrefetchSteps * kPackedColumns * pair), width * pair);
}

Value PackedProduct::weightHalf(Value packed, int64_t half) {
  if (pair == 1)
    return packed;
  ImplicitLocOpBuilder &b = k.b;
  auto type = VectorType::get({k.target.lanes()}, b.getI32Type());
  auto constant = [&](uint64_t value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, APInt(32, value)));
  };
  Value bits = vector::BitCastOp::create(b, type, packed);
  bits = half ? arith::AndIOp::create(b, bits, constant(0xffff0000)).getResult()
              : arith::ShLIOp::create(b, bits, constant(16)).getResult();
  return arith::BitcastOp::create(b, k.f32Vector(k.target.lanes()), bits);
}

/// Adds the products of step `start + step`; the panel begins at `start`.
SmallVector<Value> PackedProduct::fmaStep(Value weights, Value offset, Value start,
                                          Value step, ArrayRef<Row> rows, ValueRange sums) {
  int64_t lanes = k.target.lanes(), vectors = sums.size() / rows.size();
  Value stepOfX = usesPanel ? step : k.add(start, step);
  SmallVector<Value> result(sums);
  // Few rows keep their operands and take one vector of weights after the
  // other; many keep the weights and take one operand after the other.
  int64_t together = rows.size() <= 2 ? 1 : vectors;
  for (int64_t first = 0; first < vectors; first += together) {
    SmallVector<Value> packed;
    for (int64_t v = first; v < first + together; ++v)
      packed.push_back(loadWeight(weights, offset, v));
    for (int64_t half = 0; half < pair; ++half) {
      SmallVector<Value> halves;
      for (Value value : packed)
        halves.push_back(weightHalf(value, half));
      Value position = k.add(k.mul(stepOfX, pair), half);
      for (auto [i, row] : llvm::enumerate(rows)) {
        SmallVector<Value> indices{k.index(i)};
        if (!usesPanel)
          indices.assign(row.x.begin(), row.x.end());
        indices.push_back(position);
        Value operand = k.broadcast(k.load(usesPanel ? panel : x, indices), lanes);
        for (int64_t v = 0; v < together; ++v) {
          Value &sum = result[i * vectors + first + v];
          sum = k.fma(halves[v], operand, sum);
        }
      }
    }
  }
  return result;
}
