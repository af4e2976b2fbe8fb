//===- LatentAttention.cpp - Absorbed queries over the latent cache -------===//
//
// A piece is a tile of adjacent (token, head) pairs of one sequence, so that
// few heads fill the lanes as many do. Keys are the cache as it lies; values
// are its latent columns, for the bf16 product pairs of adjacent tokens
// interleaved once a block.
//
// A context is attended to in spans that are merged in order. Where tiles are
// too few for the threads, a piece is one span of a tile instead, and a
// barrier comes before the merging: the same bits.
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

/// Tokens that are attended to before merging, a multiple of every block.
constexpr int64_t kSpanTokens = 512;
/// Spans whose states one thread's scratch holds: 2 MiB at 512 columns.
constexpr int64_t getSpanSlots(int64_t vectors) { return 64 / vectors; }

/// The lowering of one op.
class LatentAttention {
public:
  LatentAttention(LatentAttentionOp op, KernelBuilder &k);
  void emit();

private:
  /// A tile of a sequence: rows are (token, head) pairs.
  struct Tile {
    SequencePart piece;
    Value firstRow, count;
    int64_t heads;

    Value row(KernelBuilder &k, Value lane) const; // of the last where there is none
    SmallVector<Value> place(KernelBuilder &k, Value lane) const; // token, head
    Value limit(KernelBuilder &k, Value lane) const; // tokens that a lane sees
    Value context(KernelBuilder &k) const { return limit(k, k.sub(count, k.index(1))); }
  };

  Tile findTile(Value number, int64_t rows);
  void emitTile(int64_t vectors, const Tile &tile);
  void emitSpans(int64_t vectors, Value tiles, Value spans);
  Value bind(LaneAttention &attention, const ScratchPlan &own);
  void begin(LaneAttention &attention, const Tile &tile);
  void emitSpan(LaneAttention &attention, Value state, const Tile &tile, Value start);
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

Value LatentAttention::Tile::row(KernelBuilder &k, Value lane) const {
  return k.add(firstRow, k.min(lane, k.sub(count, k.index(1))));
}
SmallVector<Value> LatentAttention::Tile::place(KernelBuilder &k, Value lane) const {
  Value r = row(k, lane);
  return {k.add(piece.start, k.div(r, heads)), k.rem(r, heads)};
}
Value LatentAttention::Tile::limit(KernelBuilder &k, Value lane) const {
  return k.add(k.add(piece.prefix, k.div(row(k, lane), heads)), 1);
}

LatentAttention::Tile LatentAttention::findTile(Value number, int64_t rows) {
  auto parts = [&](Value tokens) { return k.ceilDiv(k.mul(tokens, heads), rows); };
  SequencePart piece = findSequencePart(k, op.getRange(), parts, number);
  Value firstRow = k.mul(piece.part, rows);
  return {piece, firstRow, k.min(k.sub(k.mul(piece.count, heads), firstRow), k.index(rows)), heads};
}

void LatentAttention::emit() {
  int64_t widest = k.target.avx512 ? 4 : 2, lanes = k.target.lanes();
  auto count = [&](int64_t vectors) {
    return countSequenceParts(k, op.getRange(), [&](Value tokens) {
      return k.ceilDiv(k.mul(tokens, heads), vectors * lanes);
    });
  };
  // Spans are for decoding: as wide as one token's heads need.
  int64_t narrow = 1;
  while (narrow < widest && narrow * lanes < heads)
    narrow *= 2;
  Value tiles = count(narrow), threads = k.getThreads();
  Value spans = k.ceilDiv(getLongestContext(k, op.getRange()), kSpanTokens);
  Value few = k.less(tiles, k.mul(threads, 2)), several = k.less(k.index(1), spans);
  Value fit = k.less(k.mul(tiles, spans), k.add(k.mul(threads, getSpanSlots(narrow)), 1));
  Value shared = k.less(k.index(1), threads);
  auto both = [&](Value x, Value y) -> Value { return arith::AndIOp::create(k.b, x, y); };
  Value split = both(both(few, several), both(fit, shared));
  k.ifThen(split, [&] { emitSpans(narrow, tiles, spans); });
  Value whole = arith::XOrIOp::create(
      k.b, split, arith::ConstantOp::create(k.b, k.b.getBoolAttr(true)));
  k.ifThen(whole, [&] {
    int64_t rows = widest * lanes;
    // Rows of a tile are a multiple of this: narrower tiles cannot occur.
    int64_t granule = std::gcd(heads, rows);
    k.forEachPiece(count(widest), [&](Value number) {
      Tile tile = findTile(number, rows);
      int64_t narrower = 0;
      for (int64_t vectors = 1; vectors <= widest; vectors *= 2) {
        if (vectors * lanes < granule)
          continue;
        k.ifThen(both(k.less(k.index(narrower), tile.count),
                      k.less(tile.count, k.index(vectors * lanes + 1))),
                 [&] { emitTile(vectors, tile); });
        narrower = vectors * lanes;
      }
    });
  });
}

/// One tile, span by span.
void LatentAttention::emitTile(int64_t vectors, const Tile &tile) {
  ScratchPlan own = plan;
  LaneAttention attention(k, problem, vectors, /*tiles=*/1, /*states=*/2, own);
  Value scratch = bind(attention, own);
  Value zero = k.index(0), span = zero, total = k.index(1);
  attention.restart(total);
  begin(attention, tile);
  k.forEach(zero, tile.context(k), kSpanTokens, [&](Value start) {
    attention.restart(span);
    emitSpan(attention, span, tile, start);
    attention.merge(total, tile.count, attention.getStates(scratch), span);
  });
  attention.finish(total, tile.count, result, [&](Value lane) { return tile.place(k, lane); });
}

/// All tiles: every span of each by itself, in the order of the slots of all
/// threads, then the merging.
void LatentAttention::emitSpans(int64_t vectors, Value tiles, Value spans) {
  ScratchPlan own = plan;
  int64_t most = getSpanSlots(vectors);
  LaneAttention attention(k, problem, vectors, /*tiles=*/1, /*states=*/most + 1, own);
  bind(attention, own);
  int64_t rows = attention.rows();
  Value zero = k.index(0), pieces = k.mul(tiles, spans), threads = k.getThreads();
  Value slots = k.div(k.add(pieces, k.sub(threads, k.index(1))), threads);
  k.forEach(zero, slots, 1, [&](Value slot) {
    Value piece = k.add(k.mul(slot, threads), k.getThread());
    k.ifThen(k.less(piece, pieces), [&] {
      Tile tile = findTile(k.div(piece, spans), rows);
      Value start = k.mul(k.rem(piece, spans), kSpanTokens);
      k.ifThen(k.less(start, tile.context(k)), [&] {
        attention.restart(slot);
        begin(attention, tile);
        emitSpan(attention, slot, tile, start);
      });
    });
  });
  k.barrier();
  k.forEachPiece(tiles, [&](Value number) {
    Tile tile = findTile(number, rows);
    Value total = k.index(most);
    attention.restart(total);
    k.forEach(zero, k.ceilDiv(tile.context(k), kSpanTokens), 1, [&](Value span) {
      Value piece = k.add(k.mul(number, spans), span);
      Value owner = k.scratch(own.bytes(), k.rem(piece, threads));
      attention.merge(total, tile.count, attention.getStates(owner), k.div(piece, threads));
    });
    attention.finish(total, tile.count, result, [&](Value lane) { return tile.place(k, lane); });
  });
  // The next op may write the scratch that another thread still reads.
  k.barrier();
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

/// Returns this thread's scratch.
Value LatentAttention::bind(LaneAttention &attention, const ScratchPlan &own) {
  Value scratch = k.scratch(own.bytes());
  attention.bind(scratch);
  auto view = [&](int64_t steps, int64_t width, Type type) {
    return k.scratchView(scratch, valuesAt, MemRefType::get({steps, width}, type));
  };
  if (problem.dot) {
    values = view(problem.valueSteps(), stride, k.b.getI32Type());
    valuesAsBF16 = view(problem.valueSteps(), 2 * stride, k.b.getBF16Type());
  } else if (!inPlace) {
    values = view(DSV2_PAGE_TOKENS, stride, k.b.getF32Type());
  }
  return scratch;
}

void LatentAttention::begin(LaneAttention &attention, const Tile &tile) {
  attention.begin(
      k.index(0), query, [&](Value lane) { return tile.place(k, lane); },
      [&](Value lane) { return tile.limit(k, lane); });
}

/// Attends to the tokens of one span that a tile sees.
void LatentAttention::emitSpan(LaneAttention &attention, Value state, const Tile &tile,
                               Value start) {
  Value zero = k.index(0), context = tile.context(k), first = tile.limit(k, zero);
  Value end = k.min(k.add(start, kSpanTokens), context);
  k.forEach(start, end, problem.blockTokens, [&](Value blockStart) {
    Value n = k.min(k.sub(end, blockStart), k.index(problem.blockTokens));
    auto cachePage = [&](Value page) {
      return k.cachePage(tile.piece.sequence,
                         k.add(blockStart, k.mul(page, DSV2_PAGE_TOKENS)));
    };
    // The page in the same place of the next block, or the last one.
    auto nextPage = [&](Value page) {
      Value position =
          k.add(k.add(blockStart, problem.blockTokens), k.mul(page, DSV2_PAGE_TOKENS));
      return k.cachePage(tile.piece.sequence, k.min(position, k.sub(context, k.index(1))));
    };
    auto attend = [&](llvm::function_ref<KeyRows(Value)> keys, Value from,
                      ArrayRef<Value> prefix) {
      attention.attend(zero, state, tile.count, blockStart, n, first, keys, from, prefix);
    };
    if (inPlace && !problem.dot) {
      Value page = cachePage(zero);
      attend([&](Value) { return KeyRows{cache, {layer, page}, zero, {layer, nextPage(zero)}}; },
             cache, {layer, page});
      return;
    }
    if (!inPlace) {
      extendRows(k, cache, {layer, cachePage(zero)}, n, columns, values);
      attend([&](Value) { return KeyRows{values, {}, zero, {}}; }, values, {});
      return;
    }
    k.forEach(zero, k.ceilDiv(n, DSV2_PAGE_TOKENS), 1, [&](Value page) {
      Value firstToken = k.mul(page, DSV2_PAGE_TOKENS);
      interleavePage(cachePage(page), firstToken,
                     k.min(k.sub(n, firstToken), k.index(DSV2_PAGE_TOKENS)));
    });
    attend(
        [&](Value page) {
          return KeyRows{cache, {layer, cachePage(page)}, zero, {layer, nextPage(page)}};
        },
        values, {});
  });
}

void dsv2::lowerLatentAttention(LatentAttentionOp op, KernelBuilder &k) {
  LatentAttention(op, k).emit();
}
