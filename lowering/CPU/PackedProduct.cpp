//===- PackedProduct.cpp - Rows times a packed weight ---------------------===//
//
// What both forms of the tile share, and the form with vdpbf16ps: six rows by 64
// columns, 24 accumulators, x broadcast in pairs of 32 bits.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/PackedProduct.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"

using namespace mlir;
using namespace mlir::dsv2;

static Type elementOf(Value memref) {
  return cast<MemRefType>(memref.getType()).getElementType();
}

PackedProduct::PackedProduct(KernelBuilder &k, Value x, Value weight, Value y,
                             int64_t columns, int64_t depth, Value bias)
    : k(k), x(x), y(y), bias(bias), columns(columns), depth(depth),
      pair(getPackedPair(elementOf(weight))), steps(llvm::divideCeil(depth, pair)),
      dot(k.target.bf16Dot && pair == 2 && elementOf(x).isBF16()),
      usesPanel(!dot && (elementOf(x).isBF16() || depth % pair != 0)),
      // Splitting bf16 weights needs registers of its own.
      maxRows(dot || pair == 1 ? 6 : 5) {
  // The steps of a block are contiguous: one dimension.
  auto type = cast<MemRefType>(weight.getType());
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i + 2 < type.getRank(); ++i)
    groups.push_back({i});
  groups.back().append({type.getRank() - 2, type.getRank() - 1});
  this->weight = memref::CollapseShapeOp::create(k.b, weight, groups);
}

int64_t PackedProduct::blocks() const {
  return llvm::divideCeil(columns, kPackedColumns);
}

void PackedProduct::emit(ValueRange leading, Value block, Value lower, Value upper, Rows rows) {
  emit(leading, block, lower, upper, rows,
       [&](Value sums, const Row &row, Value column, Value inBlock) {
         SmallVector<Value> indices(row.y);
         indices.push_back(column);
         k.storeF32(sums, y, indices);
       });
}

void PackedProduct::emit(ValueRange leading, Value block, Value lower, Value upper, Rows rows,
                         Sink sink) {
  Value whole = k.div(k.sub(upper, lower), maxRows);
  Value rest = k.add(lower, k.mul(whole, maxRows));
  k.forEach(lower, rest, maxRows,
            [&](Value first) { emitTile(leading, block, first, maxRows, rows, sink); });
  SmallVector<int64_t> counts;
  for (int64_t count = 1; count < maxRows; ++count)
    counts.push_back(count);
  auto choice = scf::IndexSwitchOp::create(k.b, TypeRange{}, k.sub(upper, rest), counts,
                                           counts.size());
  OpBuilder::InsertionGuard guard(k.b);
  for (auto [count, region] : llvm::zip_equal(counts, choice.getCaseRegions())) {
    k.b.setInsertionPointToStart(&region.emplaceBlock());
    emitTile(leading, block, rest, count, rows, sink);
    scf::YieldOp::create(k.b);
  }
  k.b.setInsertionPointToStart(&choice.getDefaultRegion().emplaceBlock());
  scf::YieldOp::create(k.b);
}

void PackedProduct::emitTile(ValueRange leading, Value block, Value first, int64_t count,
                             Rows rows, Sink sink) {
  SmallVector<Row> tile;
  for (int64_t i = 0; i < count; ++i)
    tile.push_back(rows(k.add(first, i)));
  Value weights = weightsOf(leading, block);
  if (dot)
    emitDotTile(weights, block, tile, sink);
  else
    emitChunkedTile(weights, block, tile, sink);
}

Value PackedProduct::weightsOf(ValueRange leading, Value block) {
  auto type = cast<MemRefType>(weight.getType());
  SmallVector<OpFoldResult> offsets(leading.begin(), leading.end());
  offsets.append({block, k.b.getIndexAttr(0)});
  SmallVector<OpFoldResult> sizes(offsets.size(), k.b.getIndexAttr(1));
  sizes.back() = k.b.getIndexAttr(type.getShape().back());
  SmallVector<OpFoldResult> strides(offsets.size(), k.b.getIndexAttr(1));
  auto view = memref::SubViewOp::inferRankReducedResultType({type.getShape().back()}, type,
                                                            offsets, sizes, strides);
  return memref::SubViewOp::create(k.b, view, weight, offsets, sizes, strides);
}

SmallVector<Value> PackedProduct::foldSteps(int64_t count, Value offset, ValueRange sums,
                                            StepBody body) {
  SmallVector<Value> inits(sums);
  inits.push_back(offset);
  SmallVector<Value> result =
      k.fold(k.index(0), k.index(count), 1, inits, [&](Value step, ValueRange carried) {
        SmallVector<Value> next = body(step, carried.back(), carried.drop_back());
        next.push_back(k.add(carried.back(), kPackedColumns * pair));
        return next;
      });
  result.pop_back();
  return result;
}

int64_t PackedProduct::vectorsOfStrip(int64_t rows) const {
  if (k.target.avx512)
    return 4;
  // Sixteen registers hold twelve accumulators at most.
  return rows == 1 ? 8 : rows == 2 ? 4 : 2;
}

void PackedProduct::emitDotTile(Value weights, Value block, ArrayRef<Row> rows, Sink sink) {
  int64_t whole = depth / 2;
  SmallVector<Value> zeros(rows.size() * vectorsOfStrip(rows.size()),
                           k.splat(0, k.target.lanes()));
  SmallVector<Value> sums =
      foldSteps(whole, k.index(0), zeros, [&](Value step, Value offset, ValueRange sums) {
        return dotStep(weights, offset, step, rows, sums, /*half=*/false);
      });
  if (whole < steps)
    sums = dotStep(weights, k.index(whole * kPackedColumns * pair), k.index(whole), rows, sums,
                   /*half=*/true);
  finishStrip(block, k.index(0), rows, sums, sink);
}

void PackedProduct::finishStrip(Value block, Value column, ArrayRef<Row> rows, ValueRange sums,
                                Sink sink) {
  // Only the last strip can be incomplete, and what it has is known.
  int64_t width = vectorsOfStrip(rows.size()) * k.target.lanes(), rest = columns % width;
  if (rest == 0)
    return finishRows(block, column, rows, sums, width, sink);
  if (columns < width)
    return finishRows(block, column, rows, sums, rest, sink);
  Value start = k.add(k.mul(block, kPackedColumns), column);
  auto branch = scf::IfOp::create(k.b, k.less(start, k.index(columns - rest)),
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  finishRows(block, column, rows, sums, width, sink);
  k.b.setInsertionPointToStart(branch.elseBlock());
  finishRows(block, column, rows, sums, rest, sink);
}

Value PackedProduct::loadWeight(Value weights, Value offset, int64_t vector) {
  int64_t lanes = k.target.lanes();
  return vector::LoadOp::create(k.b, VectorType::get({lanes * pair}, elementOf(weight)), weights,
                                k.add(offset, vector * lanes * pair));
}

SmallVector<Value> PackedProduct::dotStep(Value weights, Value offset, Value step,
                                          ArrayRef<Row> rows, ValueRange sums, bool half) {
  ImplicitLocOpBuilder &b = k.b;
  int64_t lanes = k.target.lanes(), vectors = sums.size() / rows.size();
  SmallVector<Value> packed, result;
  for (int64_t v = 0; v < vectors; ++v)
    packed.push_back(loadWeight(weights, offset, v));
  for (auto [i, row] : llvm::enumerate(rows)) {
    SmallVector<Value> indices(row.x);
    indices.push_back(k.mul(step, 2));
    Value bits;
    if (half) {
      // The row ends here: its last element pairs with zero.
      Value last = arith::BitcastOp::create(b, b.getI16Type(), k.load(x, indices));
      bits = arith::ExtUIOp::create(b, b.getI32Type(), last);
    } else {
      Value two = vector::LoadOp::create(b, VectorType::get({2}, b.getBF16Type()), x, indices);
      Value one = vector::BitCastOp::create(b, VectorType::get({1}, b.getI32Type()), two);
      bits = vector::ExtractOp::create(b, one, 0);
    }
    auto pairs = VectorType::get({2 * lanes}, b.getBF16Type());
    Value operand = vector::BitCastOp::create(b, pairs, k.broadcast(bits, lanes));
    for (int64_t v = 0; v < vectors; ++v)
      result.push_back(x86vector::DotBF16Op::create(b, k.f32Vector(lanes), sums[i * vectors + v],
                                                    operand, packed[v]));
  }
  return result;
}

void PackedProduct::finishRows(Value block, Value column, ArrayRef<Row> rows, ValueRange sums,
                               int64_t width, Sink sink) {
  ImplicitLocOpBuilder &b = k.b;
  int64_t full = k.target.lanes(), vectors = sums.size() / rows.size();
  for (int64_t offset = 0; offset < width;) {
    int64_t lanes = std::min<int64_t>(full, llvm::bit_floor(uint64_t(width - offset)));
    Value inBlock = k.add(column, offset);
    Value first = k.add(k.mul(block, kPackedColumns), inBlock);
    Value addend = bias ? k.loadF32(bias, {first}, lanes) : Value();
    for (auto [i, row] : llvm::enumerate(rows)) {
      Value sum = sums[i * vectors + offset / full];
      if (lanes < full)
        sum = vector::ExtractStridedSliceOp::create(b, sum, {offset % full}, {lanes}, {1});
      if (addend)
        sum = arith::AddFOp::create(b, sum, addend);
      sink(sum, row, first, inBlock);
    }
    offset += lanes;
  }
}

void dsv2::forEachRowsAndBlock(KernelBuilder &k, Value first, Value rows, Value rowsOfPiece,
                               Value blocks,
                               llvm::function_ref<void(Value, Value, Value)> body) {
  Value groups = k.div(k.add(rows, k.sub(rowsOfPiece, k.index(1))), rowsOfPiece);
  k.forEachPiece(first, k.mul(groups, blocks), [&](Value piece) {
    Value lower = k.mul(k.rem(piece, groups), rowsOfPiece);
    body(k.div(piece, groups), lower, k.min(k.add(lower, rowsOfPiece), rows));
  });
}
