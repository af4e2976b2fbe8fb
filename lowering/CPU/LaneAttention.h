//===- LaneAttention.h - Online softmax, queries in lanes -------*- C++ -*-===//
//
// What both forms of latent attention are made of. A tile of query rows lies
// in vector lanes; keys, as they lie in memory, are the broadcast operand:
// scores are S^T[token][query], and softmax is vertical. A lane computes the same bits whatever the other
// lanes hold and wherever the query's step began: blocks of cached tokens
// begin at multiples of their size, and masked tokens contribute zeros.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_LANEATTENTION_H
#define LOWERING_CPU_LANEATTENTION_H

#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/KernelBuilder.h"

namespace mlir::dsv2 {

/// What is the same for all tiles of an op.
struct AttentionProblem {
  int64_t keyColumns;   // of a query and of a key
  int64_t valueColumns; // of a value and of the result
  int64_t blockTokens;  // cached tokens between two updates of the output
  bool dot;             // pairs of bf16 through vdpbf16ps; else f32
  double scale;

  /// Elements that one multiplication takes: the step of the inner loops.
  int64_t pair() const { return dot ? 2 : 1; }
  int64_t keySteps() const { return llvm::divideCeil(keyColumns, pair()); }
  int64_t valueSteps() const { return blockTokens / pair(); }
  /// Columns of a row of values or output, whole vectors.
  int64_t valueStride(int64_t lanes) const { return llvm::alignTo(valueColumns, lanes); }
};

/// Hands out parts of one scratch allocation.
class ScratchPlan {
public:
  int64_t reserve(int64_t bytes) {
    int64_t offset = total;
    total += llvm::alignTo(bytes, 64);
    return offset;
  }
  int64_t bytes() const { return total; }

private:
  int64_t total = 0;
};

/// A rectangle of accumulators: `rows` broadcast operands times `vectors`
/// operands in lanes.
using Accumulators = SmallVector<SmallVector<Value>>;

/// Accumulates `sum over k < steps of a(k, i) * b(k, j)` onto `accumulators`;
/// with `dot`, operands are i32 lanes that hold two bf16 each.
Accumulators accumulateTile(KernelBuilder &k, bool dot, Value steps, Accumulators accumulators,
                            llvm::function_ref<Value(Value, int64_t)> a,
                            llvm::function_ref<Value(Value, int64_t)> b);

/// Covers `[0, min(n, limit))`, `limit` a constant, with rows in groups of
/// `rows`; the last group may go beyond `n`, but not beyond `limit`. The body
/// gets the first row and the number of rows of the group.
void forEachRowTile(KernelBuilder &k, Value n, int64_t limit, int64_t rows,
                    llvm::function_ref<void(Value, int64_t)> body);

/// Rows of broadcast accumulators that `vectors` vectors of lanes leave
/// registers for.
int64_t getTileRows(const CPUTarget &target, int64_t vectors);

/// The operand of one multiplication at `memref[indices...]`: an f32 (bf16 is
/// extended), or with `dot` two adjacent bf16 as i32, the second zero where
/// `single`.
Value loadStep(KernelBuilder &k, bool dot, Value memref, ArrayRef<Value> indices,
               bool single = false);

/// Keys of a page: row `i` is `memref[prefix..., first + i, :]`.
struct KeyRows {
  Value memref;
  SmallVector<Value> prefix;
  Value first;
  /// Where the page lies in `memref` that is read next, contiguous: fetched
  /// into the second-level cache meanwhile. May be empty.
  SmallVector<Value> nextPrefix;
};

/// What queries have attended to: the largest score, the sum of weights, and
/// the weighted values: [states, rows], [states, rows], [states, rows, columns].
struct AttentionStates {
  Value maximum, sum, output;
};

/// Tiles of `vectors * target.lanes()` query rows and what they attended to.
class LaneAttention {
public:
  /// Reserves memory for the queries of `tiles` tiles, and for `states`.
  LaneAttention(KernelBuilder &k, const AttentionProblem &problem, int64_t vectors, int64_t tiles,
                int64_t states, ScratchPlan &plan);

  /// Must precede what follows.
  void bind(Value scratch);

  /// The states in another thread's scratch.
  AttentionStates getStates(Value scratch);

  int64_t rows() const { return vectors * lanes; }

  /// Takes the queries of a tile. `place` gives the leading indices into `query` (whose last
  /// dimension is `keyColumns`) of a lane, `limit` the number of tokens that
  /// it sees (at least one); both get lanes in `[0, rows())` and clamp those
  /// that hold no query.
  void begin(Value tile, Value query, llvm::function_ref<SmallVector<Value>(Value)> place,
             llvm::function_ref<Value(Value)> limit);

  /// Forgets what `state` has attended to.
  void restart(Value state);

  /// Adds the first `count` lanes of state `index` of `from` to those of
  /// `state`, as if `state` had attended to both.
  void merge(Value state, Value count, const AttentionStates &from, Value index);

  /// Attends to the `n` tokens from position `start` on, a multiple of
  /// `blockTokens`; `1 <= n <= blockTokens`. Lanes from `count` on may be left
  /// out. `keys` gives the rows of a page of the block; `values[prefix...]` is
  /// `[.., >= valueStride]`: f32 rows, or i32 with the bf16 of tokens `2i` and
  /// `2i + 1`, zero beyond `n`. No lane sees more than `start + n` tokens,
  /// every lane sees at least `firstLimit`.
  void attend(Value tile, Value state, Value count, Value start, Value n, Value firstLimit,
              llvm::function_ref<KeyRows(Value)> keys, Value values,
              ArrayRef<Value> valuesPrefix = {});

  /// Writes the first `count` lanes of a state to `result[place..., :]`.
  void finish(Value state, Value count, Value result,
              llvm::function_ref<SmallVector<Value>(Value)> place);

private:
  Type stepType(); // of one multiplication's operand: f32, or i32 as two bf16
  Value loadLanes(Value memref, ValueRange indices);
  void score(Value tile, Value n, llvm::function_ref<KeyRows(Value)> keys);
  void fetch(const KeyRows &rows, Value element);
  void mask(Value tile, Value start, Value n, Value firstLimit);
  void softmax(Value state, Value n);
  void accumulate(Value state, Value count, Value n, Value values, ArrayRef<Value> valuesPrefix);

  KernelBuilder &k;
  AttentionProblem problem;
  int64_t vectors, tiles, states, lanes;
  int64_t queriesAt, outputAt, maximumAt, sumAt, limitAt, factorsAt, scoresAt, weightsAt;
  // By tile: [tiles, steps, rows], [tiles, rows].
  Value queries, limit;
  AttentionStates own;
  // Of the block: [rows], by which old output shrinks; [tokens, rows]; [steps, rows].
  Value factors, scores, weights;
};

} // namespace mlir::dsv2

#endif // LOWERING_CPU_LANEATTENTION_H
