//===- LatentAttention.cpp - Absorbed queries over the latent cache -------===//
//
// A piece is a tile of adjacent (token, head) pairs of one sequence, so that
// few heads fill the lanes as many do. Keys are the cache as it lies; values
// are its latent columns, for the bf16 product pairs of adjacent tokens
// interleaved once a block.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/AttentionPieces.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/LaneAttention.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/abi/Module.h"
#include <numeric>

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// The lowering of one op.
class LatentAttention {
public:
  LatentAttention(LatentAttentionOp op, KernelBuilder &k);
  void emit();

private:
  void emitTile(const SequencePart &piece, Value firstRow, Value count, int64_t vectors);
  void interleavePage(Value page, Value firstToken, Value n);
  void interleavePair(Value page, Value token, Value step, bool single);

  LatentAttentionOp op;
  KernelBuilder &k;
  Value query, cache, result, layer;
  int64_t heads, columns, latent;
  Type element;
  bool inPlace; // the cache itself is what the inner loops multiply
  AttentionProblem problem;
  ScratchPlan plan;
  int64_t valuesAt = 0;
  int64_t stride = 0; // columns of a row of values
  Value values;       // interleaved [steps, stride] i32, or extended [64, stride] f32
  Value valuesAsBF16; // the same as [steps, 2 * stride]
};

} // namespace

LatentAttention::LatentAttention(LatentAttentionOp op, KernelBuilder &k)
    : op(op), k(k), query(op.getQuery()), cache(op.getCache()), result(op.getInits()[0]),
      layer(op.getLayer()), heads(k.staticDim(query, 1)), columns(k.staticDim(query, 2)),
      latent(k.staticDim(result, 2)),
      element(cast<MemRefType>(cache.getType()).getElementType()) {
  problem.keyColumns = columns;
  problem.valueColumns = latent;
  problem.scale = op.getScale().convertToDouble();
  // A pair across the end of a row would read what is not there.
  problem.dot = k.target.bf16Dot && element.isBF16() && columns % 2 == 0;
  // Several pages, so that the output is seldom read and written, but so few
  // that a block and the next one stay in the second-level cache; without
  // interleaving, the page is the block.
  problem.blockTokens = problem.dot ? 2 * DSV2_PAGE_TOKENS : DSV2_PAGE_TOKENS;
  // Whole vectors of a row's latent must lie within the row.
  stride = problem.valueStride(k.target.lanes());
  inPlace = problem.dot || (element.isF32() && stride == latent);
  if (!inPlace)
    stride = std::max(stride, columns);
  if (problem.dot)
    valuesAt = plan.reserve(problem.valueSteps() * stride * 4);
  else if (!inPlace)
    valuesAt = plan.reserve(DSV2_PAGE_TOKENS * stride * 4);
}

void LatentAttention::emit() {
  int64_t widest = k.target.avx512 ? 4 : 2, lanes = k.target.lanes();
  int64_t rows = widest * lanes;
  // Rows of a tile are a multiple of this: narrower tiles cannot occur.
  int64_t granule = std::gcd(heads, rows);
  auto parts = [&](Value tokens) { return k.ceilDiv(k.mul(tokens, heads), rows); };
  forEachSequencePart(k, op.getRange(), parts, [&](const SequencePart &piece) {
    Value firstRow = k.mul(piece.part, rows);
    Value count = k.min(k.sub(k.mul(piece.count, heads), firstRow), k.index(rows));
    ScratchPlan common = plan;
    int64_t narrower = 0;
    for (int64_t vectors = 1; vectors <= widest; vectors *= 2) {
      if (vectors * lanes < granule)
        continue;
      plan = common;
      Value fits = k.less(count, k.index(vectors * lanes + 1));
      Value needed = k.less(k.index(narrower), count);
      k.ifThen(arith::AndIOp::create(k.b, fits, needed),
               [&] { emitTile(piece, firstRow, count, vectors); });
      narrower = vectors * lanes;
    }
  });
}

/// Pairs of tokens of a page interleaved, zero beyond the `n` tokens.
void LatentAttention::interleavePage(Value page, Value firstToken, Value n) {
  Value even = k.mul(k.div(n, 2), 2);
  k.forEach(k.index(0), even, 2, [&](Value token) {
    interleavePair(page, token, k.div(k.add(firstToken, token), 2), /*single=*/false);
  });
  k.ifThen(k.less(even, n), [&] {
    interleavePair(page, even, k.div(k.add(firstToken, even), 2), /*single=*/true);
  });
}

void LatentAttention::interleavePair(Value page, Value token, Value step, bool single) {
  // Two registers of pairs at a time.
  auto interleave = [&](Value column, int64_t width) {
    auto type = VectorType::get({width}, k.b.getBF16Type());
    auto load = [&](Value row) -> Value {
      return vector::LoadOp::create(k.b, type, cache, ValueRange{layer, page, row, column});
    };
    Value first = load(token);
    Value second = single ? arith::ConstantOp::create(k.b, k.b.getZeroAttr(type)).getResult()
                          : load(k.add(token, 1));
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < width; ++i)
      order.append({i, width + i});
    vector::StoreOp::create(k.b, vector::ShuffleOp::create(k.b, first, second, order),
                            valuesAsBF16, ValueRange{step, k.mul(column, 2)});
  };
  int64_t full = latent / 32 * 32;
  if (full)
    k.forEach(0, full, 32, [&](Value column) { interleave(column, 32); });
  for (int64_t column = full; column < latent;) {
    int64_t width = llvm::bit_floor(uint64_t(latent - column));
    interleave(k.index(column), width);
    column += width;
  }
}

void LatentAttention::emitTile(const SequencePart &piece, Value firstRow, Value count,
                               int64_t vectors) {
  LaneAttention attention(k, problem, vectors, /*tiles=*/1, plan);
  Value scratch = k.scratch(plan.bytes());
  attention.bind(scratch);
  if (problem.dot) {
    values = k.scratchView(scratch, valuesAt,
                           MemRefType::get({problem.valueSteps(), stride}, k.b.getI32Type()));
    valuesAsBF16 = k.scratchView(
        scratch, valuesAt, MemRefType::get({problem.valueSteps(), 2 * stride}, k.b.getBF16Type()));
  } else if (!inPlace) {
    values = k.scratchView(scratch, valuesAt,
                           MemRefType::get({DSV2_PAGE_TOKENS, stride}, k.b.getF32Type()));
  }

  Value zero = k.index(0), lastLane = k.sub(count, k.index(1));
  auto row = [&](Value lane) { return k.add(firstRow, k.min(lane, lastLane)); };
  auto place = [&](Value lane) {
    Value r = row(lane);
    return SmallVector<Value>{k.add(piece.start, k.div(r, heads)), k.rem(r, heads)};
  };
  auto limit = [&](Value lane) {
    return k.add(k.add(piece.prefix, k.div(row(lane), heads)), 1);
  };
  attention.begin(zero, query, place, limit);
  Value first = limit(zero), context = limit(lastLane);
  k.forEach(zero, context, problem.blockTokens, [&](Value start) {
    Value n = k.min(k.sub(context, start), k.index(problem.blockTokens));
    auto cachePage = [&](Value page) {
      return k.cachePage(piece.sequence, k.add(start, k.mul(page, DSV2_PAGE_TOKENS)));
    };
    // The page in the same place of the next block, or the last one.
    auto nextPage = [&](Value page) {
      Value position =
          k.add(k.add(start, problem.blockTokens), k.mul(page, DSV2_PAGE_TOKENS));
      return k.cachePage(piece.sequence, k.min(position, k.sub(context, k.index(1))));
    };
    if (inPlace && !problem.dot) {
      Value page = cachePage(zero);
      attention.attend(
          zero, count, start, n, first,
          [&](Value) { return KeyRows{cache, {layer, page}, zero, {layer, nextPage(zero)}}; },
          cache, {layer, page});
      return;
    }
    if (!inPlace) {
      extendRows(k, cache, {layer, cachePage(zero)}, n, columns, values);
      attention.attend(
          zero, count, start, n, first, [&](Value) { return KeyRows{values, {}, zero, {}}; }, values);
      return;
    }
    k.forEach(zero, k.ceilDiv(n, DSV2_PAGE_TOKENS), 1, [&](Value page) {
      Value firstToken = k.mul(page, DSV2_PAGE_TOKENS);
      interleavePage(cachePage(page), firstToken,
                     k.min(k.sub(n, firstToken), k.index(DSV2_PAGE_TOKENS)));
    });
    attention.attend(
        zero, count, start, n, first,
        [&](Value page) {
          return KeyRows{cache, {layer, cachePage(page)}, zero, {layer, nextPage(page)}};
        },
        values);
  });
  attention.finish(zero, count, result, place);
}

void dsv2::lowerLatentAttention(LatentAttentionOp op, KernelBuilder &k) {
  LatentAttention(op, k).emit();
}
