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

  LatentAttentionOp op;
  KernelBuilder &k;
  Value query, cache, result, layer;
  int64_t heads, columns, latent;
  Type element;
  bool inPlace; // the cache itself is what the inner loops multiply
  AttentionProblem problem;
  ScratchPlan plan;
  int64_t valuesAt = 0;
  Value values;      // interleaved [steps, latent] i32, or extended [64, columns] f32
  Value valuesAsBF16; // the same [steps, 2 * latent] bf16
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
  // Long blocks so that the output is seldom read and written; without
  // interleaving, the page is the block.
  problem.blockTokens = problem.dot ? 4 * DSV2_PAGE_TOKENS : DSV2_PAGE_TOKENS;
  inPlace = problem.dot || element.isF32();
  if (problem.dot)
    valuesAt = plan.reserve(problem.valueSteps() * latent * 4);
  else if (!inPlace)
    valuesAt = plan.reserve(DSV2_PAGE_TOKENS * columns * 4);
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
  Type bf16 = k.b.getBF16Type();
  Value last = k.sub(n, k.index(1));
  k.forEach(k.index(0), n, 2, [&](Value token) {
    Value paired = k.less(token, last);
    Value step = k.div(k.add(firstToken, token), 2);
    // Two registers of pairs at a time.
    auto interleave = [&](Value column, int64_t width) {
      auto type = VectorType::get({width}, bf16);
      Value even = vector::LoadOp::create(k.b, type, cache, ValueRange{layer, page, token, column});
      Value odd = vector::LoadOp::create(k.b, type, cache,
                                         ValueRange{layer, page, k.add(token, 1), column});
      Value zero = arith::ConstantOp::create(k.b, k.b.getZeroAttr(type));
      odd = arith::SelectOp::create(k.b, paired, odd, zero);
      SmallVector<int64_t> order;
      for (int64_t i = 0; i < width; ++i)
        order.append({i, width + i});
      vector::StoreOp::create(k.b, vector::ShuffleOp::create(k.b, even, odd, order), valuesAsBF16,
                              ValueRange{step, k.mul(column, 2)});
    };
    int64_t full = latent / 32 * 32;
    if (full)
      k.forEach(0, full, 32, [&](Value column) { interleave(column, 32); });
    for (int64_t column = full; column < latent;) {
      int64_t width = llvm::bit_floor(uint64_t(latent - column));
      interleave(k.index(column), width);
      column += width;
    }
  });
}

void LatentAttention::emitTile(const SequencePart &piece, Value firstRow, Value count,
                               int64_t vectors) {
  LaneAttention attention(k, problem, vectors, /*tiles=*/1, plan);
  Value scratch = k.scratch(plan.bytes());
  attention.bind(scratch);
  if (problem.dot) {
    values = k.scratchView(scratch, valuesAt,
                           MemRefType::get({problem.valueSteps(), latent}, k.b.getI32Type()));
    valuesAsBF16 = k.scratchView(
        scratch, valuesAt, MemRefType::get({problem.valueSteps(), 2 * latent}, k.b.getBF16Type()));
  } else if (!inPlace) {
    values = k.scratchView(scratch, valuesAt,
                           MemRefType::get({DSV2_PAGE_TOKENS, columns}, k.b.getF32Type()));
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
    if (inPlace && !problem.dot) {
      Value page = cachePage(zero);
      attention.attend(
          zero, start, n, first, [&](Value) { return KeyRows{cache, {layer, page}, zero}; }, cache,
          {layer, page});
      return;
    }
    if (!inPlace) {
      extendRows(k, cache, {layer, cachePage(zero)}, n, columns, values);
      attention.attend(
          zero, start, n, first, [&](Value) { return KeyRows{values, {}, zero}; }, values);
      return;
    }
    k.forEach(zero, k.ceilDiv(n, DSV2_PAGE_TOKENS), 1, [&](Value page) {
      Value firstToken = k.mul(page, DSV2_PAGE_TOKENS);
      interleavePage(cachePage(page), firstToken,
                     k.min(k.sub(n, firstToken), k.index(DSV2_PAGE_TOKENS)));
    });
    attention.attend(
        zero, start, n, first,
        [&](Value page) { return KeyRows{cache, {layer, cachePage(page)}, zero}; }, values);
  });
  attention.finish(zero, count, result, place);
}

void dsv2::lowerLatentAttention(LatentAttentionOp op, KernelBuilder &k) {
  LatentAttention(op, k).emit();
}
