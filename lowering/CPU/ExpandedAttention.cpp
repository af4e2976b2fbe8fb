//===- ExpandedAttention.cpp - Keys and values rebuilt tile by tile -------===//
//
// A piece is one head and a run of query tokens of one sequence: long, since
// rebuilding the keys and values of a cached token costs as much as hundreds
// of queries that attend to it. Blocks of cached tokens are rebuilt once for
// all queries of the piece, rounded to the element type, in the layouts that
// LaneAttention multiplies.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/AttentionPieces.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/LaneAttention.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/abi/Module.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// Query tokens of a piece at most: what they have attended to so far must
/// stay in the second-level cache.
constexpr int64_t kPieceTokens = 512;

/// The lowering of one op.
class ExpandedAttention {
public:
  ExpandedAttention(ExpandedAttentionOp op, KernelBuilder &k);
  void emit();

private:
  /// Takes the first row, the first column, and f32 vectors by row and by
  /// vector of columns.
  using Store = llvm::function_ref<void(Value, Value, const Accumulators &)>;

  void emitPiece(const SequencePart &piece);
  void rebuildPage(Value head, Value page, Value firstToken, Value n);
  void project(Value weight, Value head, int64_t columns, Value page, Value n, Store store);
  void storeKeys(Value token, Value column, const Accumulators &rows);
  void storeValues(Value token, Value n, Value column, const Accumulators &rows);
  void copyRopeColumns(Value page, Value firstToken, Value n);

  ExpandedAttentionOp op;
  KernelBuilder &k;
  Value query, cache, result, layer;
  int64_t heads, lanes, vectors, latent, rope, nope;
  Type element;
  bool extends; // bf16 without its product: cache rows are extended to f32
  AttentionProblem problem;
  ScratchPlan plan;
  int64_t keysAt, valuesAt, extendedAt = 0;
  int64_t keyStride, valueStride; // columns, room for whole vectors
  Value keys;                     // [tokens, keyStride], bf16 or f32
  Value values;                   // [steps, valueStride], i32 pairs or f32
  Value valuesAsBF16;             // the same as [steps, 2 * valueStride]
  Value extended;                 // [64, latent] f32
};

} // namespace

ExpandedAttention::ExpandedAttention(ExpandedAttentionOp op, KernelBuilder &k)
    : op(op), k(k), query(op.getQuery()), cache(op.getCache()), result(op.getInits()[0]),
      layer(op.getLayer()), heads(k.staticDim(query, 1)), lanes(k.target.lanes()),
      vectors(k.target.avx512 ? 4 : 2),
      element(cast<MemRefType>(cache.getType()).getElementType()) {
  // The packed shape rounds the latent up to pairs; rotation needs the other
  // columns of the cache to be even in number.
  int64_t columns = k.staticDim(cache, 3);
  latent = k.staticDim(op.getKeys(), 2) * getPackedPair(element);
  if (element.isBF16() && columns % 2)
    --latent;
  rope = columns - latent;
  nope = k.staticDim(query, 2) - rope;
  problem.keyColumns = nope + rope;
  problem.valueColumns = k.staticDim(result, 2);
  problem.scale = op.getScale().convertToDouble();
  // A pair across the end of the latent would multiply what is not there.
  problem.dot = k.target.bf16Dot && element.isBF16() && latent % 2 == 0;
  problem.blockTokens = 2 * DSV2_PAGE_TOKENS;
  extends = element.isBF16() && !problem.dot;
  int64_t width = vectors * lanes;
  keyStride = std::max<int64_t>(llvm::alignTo(nope, width),
                                problem.keySteps() * problem.pair());
  valueStride = llvm::alignTo(problem.valueColumns, width);
  keysAt = plan.reserve(problem.blockTokens * keyStride * (problem.dot ? 2 : 4));
  valuesAt = plan.reserve(problem.valueSteps() * valueStride * 4);
  if (extends)
    extendedAt = plan.reserve(DSV2_PAGE_TOKENS * latent * 4);
}

void ExpandedAttention::emit() {
  auto parts = [&](Value tokens) { return k.mul(k.ceilDiv(tokens, kPieceTokens), heads); };
  k.forEachPiece(countSequenceParts(k, op.getRange(), parts), [&](Value piece) {
    emitPiece(findSequencePart(k, op.getRange(), parts, piece));
  });
}

void ExpandedAttention::emitPiece(const SequencePart &piece) {
  int64_t most = std::min(op.getBatch().getType().getTokens(), kPieceTokens);
  int64_t tiles = llvm::divideCeil(most, vectors * lanes);
  LaneAttention attention(k, problem, vectors, tiles, /*states=*/tiles, plan);
  int64_t rows = attention.rows();
  Value scratch = k.scratch(plan.bytes());
  attention.bind(scratch);
  auto view = [&](int64_t offset, ArrayRef<int64_t> shape, Type type) {
    return k.scratchView(scratch, offset, MemRefType::get(shape, type));
  };
  Type f32 = k.b.getF32Type(), bf16 = k.b.getBF16Type();
  keys = view(keysAt, {problem.blockTokens, keyStride}, problem.dot ? bf16 : f32);
  values = view(valuesAt, {problem.valueSteps(), valueStride},
                problem.dot ? Type(k.b.getI32Type()) : f32);
  if (problem.dot)
    valuesAsBF16 = view(valuesAt, {problem.valueSteps(), 2 * valueStride}, bf16);
  if (extends)
    extended = view(extendedAt, {DSV2_PAGE_TOKENS, latent}, f32);

  Value zero = k.index(0);
  Value head = k.rem(piece.part, heads);
  Value firstQuery = k.mul(k.div(piece.part, heads), kPieceTokens);
  Value count = k.min(k.sub(piece.count, firstQuery), k.index(kPieceTokens));
  Value lastQuery = k.sub(count, k.index(1));
  // Of queries, by their number in the piece.
  auto place = [&](Value number) {
    Value token = k.add(k.add(piece.start, firstQuery), k.min(number, lastQuery));
    return SmallVector<Value>{token, head};
  };
  auto limit = [&](Value number) {
    return k.add(k.add(k.add(piece.prefix, firstQuery), k.min(number, lastQuery)), 1);
  };
  auto forEachTile = [&](llvm::function_ref<void(Value, Value)> body) {
    k.forEach(zero, k.ceilDiv(count, rows), 1,
              [&](Value tile) { body(tile, k.mul(tile, rows)); });
  };
  forEachTile([&](Value tile, Value first) {
    attention.begin(
        tile, query, [&](Value lane) { return place(k.add(first, lane)); },
        [&](Value lane) { return limit(k.add(first, lane)); });
    attention.restart(tile);
  });
  Value context = limit(lastQuery);
  k.forEach(zero, context, problem.blockTokens, [&](Value start) {
    Value n = k.min(k.sub(context, start), k.index(problem.blockTokens));
    k.forEach(zero, n, DSV2_PAGE_TOKENS, [&](Value firstToken) {
      rebuildPage(head, k.cachePage(piece.sequence, k.add(start, firstToken)), firstToken,
                  k.min(k.sub(n, firstToken), k.index(DSV2_PAGE_TOKENS)));
    });
    forEachTile([&](Value tile, Value first) {
      Value end = limit(k.add(first, rows - 1));
      k.ifThen(k.less(start, end), [&] {
        attention.attend(
            tile, tile, k.min(k.sub(count, first), k.index(rows)), start, k.min(k.sub(end, start), n), limit(first),
            [&](Value page) { return KeyRows{keys, {}, k.mul(page, DSV2_PAGE_TOKENS), {}}; }, values);
      });
    });
  });
  forEachTile([&](Value tile, Value first) {
    attention.finish(tile, k.min(k.sub(count, first), k.index(rows)), result,
                     [&](Value lane) { return place(k.add(first, lane)); });
  });
}

//===----------------------------------------------------------------------===//
// Rebuilding
//===----------------------------------------------------------------------===//

/// Keys and values of the first `n` tokens of a cache page, which are tokens
/// `firstToken` and on of the block.
void ExpandedAttention::rebuildPage(Value head, Value page, Value firstToken, Value n) {
  if (extends)
    extendRows(k, cache, {layer, page}, n, latent, extended);
  project(op.getKeys(), head, nope, page, n,
          [&](Value row, Value column, const Accumulators &rows) {
            storeKeys(k.add(firstToken, row), column, rows);
          });
  copyRopeColumns(page, firstToken, n);
  Value end = k.add(firstToken, n);
  project(op.getValues(), head, problem.valueColumns, page, n,
          [&](Value row, Value column, const Accumulators &rows) {
            storeValues(k.add(firstToken, row), end, column, rows);
          });
}

/// Multiplies cache rows with a head's packed weight `[columns, latent]`.
void ExpandedAttention::project(Value weight, Value head, int64_t columns, Value page, Value n,
                                Store store) {
  int64_t width = vectors * lanes, pair = getPackedPair(element);
  Value zero = k.splat(0, lanes);
  auto words = VectorType::get({lanes}, k.b.getI32Type());
  k.forEach(0, columns, width, [&](Value column) {
    Value block = k.div(column, kPackedColumns), within = k.rem(column, kPackedColumns);
    auto load = [&](Value step, int64_t j) -> Value {
      Value lane = k.add(within, j * lanes);
      Value loaded = vector::LoadOp::create(k.b, VectorType::get({pair * lanes}, element), weight,
                                            ValueRange{head, block, step, lane, k.index(0)});
      return pair == 1 ? loaded : vector::BitCastOp::create(k.b, words, loaded);
    };
    forEachRowTile(k, n, DSV2_PAGE_TOKENS, getTileRows(k.target, vectors), [&](Value row,
                                                                               int64_t count) {
      Accumulators sums(count, SmallVector<Value>(vectors, zero));
      if (!extends) {
        sums = accumulateTile(
            k, problem.dot, k.index(latent / problem.pair()), std::move(sums),
            [&](Value step, int64_t i) {
              return k.broadcast(loadStep(k, problem.dot, cache,
                                          {layer, page, k.add(row, i),
                                           k.mul(step, problem.pair())}),
                                 lanes);
            },
            load);
        return store(row, column, sums);
      }
      // Even columns of the latent, then odd ones: the halves of a word.
      for (int64_t half = 0; half < 2; ++half)
        sums = accumulateTile(
            k, /*dot=*/false, k.index((latent + 1 - half) / 2), std::move(sums),
            [&](Value step, int64_t i) {
              Value at = k.add(k.mul(step, 2), half);
              return k.broadcast(k.load(extended, {k.add(row, i), at}), lanes);
            },
            [&](Value step, int64_t j) -> Value {
              auto constant = [&](int32_t value) -> Value {
                return arith::ConstantOp::create(k.b, DenseElementsAttr::get(words, value));
              };
              Value word = load(step, j);
              if (half)
                word = arith::AndIOp::create(k.b, word, constant(int32_t(0xffff0000)));
              else
                word = arith::ShLIOp::create(k.b, word, constant(16));
              return arith::BitcastOp::create(k.b, k.f32Vector(lanes), word);
            });
      store(row, column, sums);
    });
  });
}

void ExpandedAttention::storeKeys(Value token, Value column, const Accumulators &rows) {
  for (auto [i, row] : llvm::enumerate(rows))
    for (auto [j, sum] : llvm::enumerate(row)) {
      Value value = extends ? k.roundTo(element, sum) : sum;
      k.storeF32(value, keys, {k.add(token, int64_t(i)), k.add(column, int64_t(j) * lanes)});
    }
}

/// Values of tokens before `end`; for the bf16 product two tokens a word, zero
/// from `end` on.
void ExpandedAttention::storeValues(Value token, Value end, Value column,
                                    const Accumulators &rows) {
  if (!problem.dot) {
    for (auto [i, row] : llvm::enumerate(rows))
      for (auto [j, sum] : llvm::enumerate(row)) {
        Value value = extends ? k.roundTo(element, sum) : sum;
        k.storeF32(value, values, {k.add(token, int64_t(i)), k.add(column, int64_t(j) * lanes)});
      }
    return;
  }
  SmallVector<int64_t> interleave;
  for (int64_t lane = 0; lane < lanes; ++lane)
    interleave.append({lane, lanes + lane});
  Value zero = k.splat(0, lanes);
  for (int64_t i = 0; i < int64_t(rows.size()); i += 2) {
    Value paired = k.less(k.add(token, i + 1), end);
    for (int64_t j = 0; j < vectors; ++j) {
      Value odd = arith::SelectOp::create(k.b, paired, rows[i + 1][j], zero);
      Value pairs = vector::ShuffleOp::create(k.b, k.toBF16(rows[i][j]), k.toBF16(odd), interleave);
      vector::StoreOp::create(
          k.b, pairs, valuesAsBF16,
          ValueRange{k.div(k.add(token, i), 2), k.mul(k.add(column, j * lanes), 2)});
    }
  }
}

/// The rotary part of the keys, behind the part that was rebuilt.
void ExpandedAttention::copyRopeColumns(Value page, Value firstToken, Value n) {
  k.forEach(k.index(0), n, 1, [&](Value row) {
    Value token = k.add(firstToken, row);
    k.forEachVector(rope, [&](Value column, int64_t width) {
      k.storeF32(k.loadF32(cache, {layer, page, row, k.add(column, latent)}, width), keys,
                 {token, k.add(column, nope)});
    });
    // The other half of the last pair.
    if (problem.keyColumns < problem.keySteps() * problem.pair())
      k.storeScalarF32(k.f32(0), keys, {token, k.index(problem.keyColumns)});
  });
}

LogicalResult dsv2::lowerExpandedAttention(ExpandedAttentionOp op, KernelBuilder &k) {
  if (!isPackedWeight(cast<ShapedType>(op.getKeys().getType()), 1) ||
      !isPackedWeight(cast<ShapedType>(op.getValues().getType()), 1))
    return op.emitOpError("needs packed keys and values");
  ExpandedAttention(op, k).emit();
  return success();
}
