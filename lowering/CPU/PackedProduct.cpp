//===- PackedProduct.cpp - Rows times a packed weight ---------------------===//
//
// The register tile, emitted directly. With vdpbf16ps: six rows by 64 columns,
// 24 accumulators, x broadcast in pairs of 32 bits. Otherwise f32 FMA; bf16
// weights are split by shift and mask, and rows of bf16 are widened into a
// panel of scratch first, so that the loop broadcasts them from memory.
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
  // The pairs of a block's 64 columns are contiguous: one dimension of vectors.
  auto type = cast<MemRefType>(weight.getType());
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i + 1 < type.getRank(); ++i)
    groups.push_back({i});
  groups.back().push_back(type.getRank() - 1);
  this->weight = memref::CollapseShapeOp::create(k.b, weight, groups);
}

int64_t PackedProduct::blocks() const {
  return llvm::divideCeil(columns, kPackedColumns);
}

int64_t PackedProduct::scratchBytes() const {
  return usesPanel ? maxRows * steps * pair * 4 : 0;
}

void PackedProduct::setScratch(Value scratch, int64_t offset) {
  if (usesPanel)
    panel = k.scratchView(scratch, offset,
                          MemRefType::get({maxRows, steps * pair}, k.b.getF32Type()));
}

int64_t PackedProduct::vectorsOfPass(int64_t rows) const {
  if (k.target.avx512)
    return 4;
  // Sixteen registers hold twelve accumulators at most.
  return rows == 1 ? 8 : rows == 2 ? 4 : 2;
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
  if (usesPanel)
    fillPanel(tile);
  SmallVector<Value> matrix(leading);
  matrix.push_back(block);
  int64_t vectors = vectorsOfPass(count), width = vectors * k.target.lanes();
  if (width == kPackedColumns)
    return emitColumns(matrix, block, k.index(0), vectors, tile, sink);
  Value end = k.index(kPackedColumns);
  if (columns % kPackedColumns != 0)
    end = k.min(end, k.sub(k.index(columns), k.mul(block, kPackedColumns)));
  k.forEach(k.index(0), end, width,
            [&](Value column) { emitColumns(matrix, block, column, vectors, tile, sink); });
}

void PackedProduct::fillPanel(ArrayRef<Row> rows) {
  auto at = [](const Row &row, Value column) {
    SmallVector<Value> indices(row.x);
    indices.push_back(column);
    return indices;
  };
  for (auto [i, row] : llvm::enumerate(rows)) {
    k.forEachVector(depth, [&](Value column, int64_t lanes) {
      k.storeF32(k.loadF32(x, at(row, column), lanes), panel, {k.index(i), column});
    });
    // The weight's padding is zero, but scratch may hold a NaN.
    if (steps * pair != depth)
      k.store(k.f32(0), panel, {k.index(i), k.index(depth)});
  }
}

void PackedProduct::emitColumns(ValueRange matrix, Value block, Value column, int64_t vectors,
                                ArrayRef<Row> rows, Sink sink) {
  SmallVector<Value> zeros(rows.size() * vectors, k.splat(0, k.target.lanes()));
  int64_t whole = dot ? depth / 2 : steps;
  SmallVector<Value> sums =
      k.fold(k.index(0), k.index(whole), 1, zeros, [&](Value step, ValueRange sums) {
        return dot ? dotStep(matrix, step, column, rows, sums, /*half=*/false)
                   : fmaStep(matrix, step, column, rows, sums);
      });
  if (whole < steps)
    sums = dotStep(matrix, k.index(whole), column, rows, sums, /*half=*/true);

  // Only the last pass can be incomplete, and what it has is known.
  int64_t width = vectors * k.target.lanes(), rest = columns % width;
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

Value PackedProduct::loadWeight(ValueRange matrix, Value step, Value column, int64_t vector) {
  int64_t lanes = k.target.lanes();
  SmallVector<Value> indices(matrix);
  indices.append({step, k.mul(k.add(column, vector * lanes), pair)});
  return vector::LoadOp::create(k.b, VectorType::get({lanes * pair}, elementOf(weight)), weight,
                                indices);
}

SmallVector<Value> PackedProduct::dotStep(ValueRange matrix, Value step, Value column,
                                          ArrayRef<Row> rows, ValueRange sums, bool half) {
  ImplicitLocOpBuilder &b = k.b;
  int64_t lanes = k.target.lanes(), vectors = sums.size() / rows.size();
  SmallVector<Value> weights, result;
  for (int64_t v = 0; v < vectors; ++v)
    weights.push_back(loadWeight(matrix, step, column, v));
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
                                                    operand, weights[v]));
  }
  return result;
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

SmallVector<Value> PackedProduct::fmaStep(ValueRange matrix, Value step, Value column,
                                          ArrayRef<Row> rows, ValueRange sums) {
  int64_t lanes = k.target.lanes(), vectors = sums.size() / rows.size();
  SmallVector<Value> result(sums);
  // Few rows keep their operands and take one vector of weights after the
  // other; many keep the weights and take one operand after the other.
  int64_t together = rows.size() <= 2 ? 1 : vectors;
  for (int64_t first = 0; first < vectors; first += together) {
    SmallVector<Value> packed;
    for (int64_t v = first; v < first + together; ++v)
      packed.push_back(loadWeight(matrix, step, column, v));
    for (int64_t half = 0; half < pair; ++half) {
      SmallVector<Value> weights;
      for (Value value : packed)
        weights.push_back(weightHalf(value, half));
      Value position = k.add(k.mul(step, pair), half);
      for (auto [i, row] : llvm::enumerate(rows)) {
        SmallVector<Value> indices{k.index(i)};
        if (!usesPanel)
          indices.assign(row.x.begin(), row.x.end());
        indices.push_back(position);
        Value operand = k.broadcast(k.load(usesPanel ? panel : x, indices), lanes);
        for (int64_t v = 0; v < together; ++v) {
          Value &sum = result[i * vectors + first + v];
          sum = k.fma(weights[v], operand, sum);
        }
      }
    }
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
