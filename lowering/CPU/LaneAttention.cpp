//===- LaneAttention.cpp - Online softmax, queries in lanes ---------------===//
//
// The phases of a block: scores, mask, softmax, output; and the way of queries
// into lanes and of results out of them.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/LaneAttention.h"
#include "lowering/CPU/VectorMath.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "runtime/abi/Module.h"
#include <limits>

using namespace mlir;
using namespace mlir::dsv2;

//===----------------------------------------------------------------------===//
// Tiles of accumulators
//===----------------------------------------------------------------------===//

/// `sum + a * b`, where i32 lanes are two bf16 each.
static Value multiplyAdd(KernelBuilder &k, bool dot, Value a, Value b, Value sum) {
  if (!dot)
    return k.fma(a, b, sum);
  int64_t lanes = cast<VectorType>(a.getType()).getDimSize(0);
  auto pairs = VectorType::get({2 * lanes}, k.b.getBF16Type());
  return x86vector::DotBF16Op::create(k.b, sum.getType(), sum,
                                      vector::BitCastOp::create(k.b, pairs, a),
                                      vector::BitCastOp::create(k.b, pairs, b));
}

Value dsv2::loadStep(KernelBuilder &k, bool dot, Value memref, ArrayRef<Value> indices,
                     bool single) {
  if (!dot)
    return k.loadScalarF32(memref, indices);
  if (single) {
    Value bits = arith::BitcastOp::create(k.b, k.b.getI16Type(), k.load(memref, indices));
    return arith::ExtUIOp::create(k.b, k.b.getI32Type(), bits);
  }
  Value pair = vector::LoadOp::create(k.b, VectorType::get({2}, k.b.getBF16Type()), memref,
                                      indices);
  Value word = vector::BitCastOp::create(k.b, VectorType::get({1}, k.b.getI32Type()), pair);
  return vector::ExtractOp::create(k.b, word, 0);
}

Accumulators dsv2::accumulateTile(KernelBuilder &k, bool dot, Value steps,
                                  Accumulators accumulators,
                                  llvm::function_ref<Value(Value, int64_t)> a,
                                  llvm::function_ref<Value(Value, int64_t)> b) {
  int64_t rows = accumulators.size(), vectors = accumulators.front().size();
  SmallVector<Value> inits;
  for (auto &row : accumulators)
    llvm::append_range(inits, row);
  SmallVector<Value> sums = k.fold(k.index(0), steps, 1, inits, [&](Value step, ValueRange old) {
    SmallVector<Value> operands, next;
    for (int64_t j = 0; j < vectors; ++j)
      operands.push_back(b(step, j));
    for (int64_t i = 0; i < rows; ++i) {
      Value factor = a(step, i);
      for (int64_t j = 0; j < vectors; ++j)
        next.push_back(multiplyAdd(k, dot, factor, operands[j], old[i * vectors + j]));
    }
    return next;
  });
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < vectors; ++j)
      accumulators[i][j] = sums[i * vectors + j];
  return accumulators;
}

void dsv2::forEachRowTile(KernelBuilder &k, Value n, int64_t limit, int64_t rows,
                          llvm::function_ref<void(Value, int64_t)> body) {
  int64_t full = limit / rows * rows;
  if (full)
    k.forEach(k.index(0), k.min(n, k.index(full)), rows, [&](Value row) { body(row, rows); });
  if (full < limit)
    k.ifThen(k.less(k.index(full), n), [&] { body(k.index(full), limit - full); });
}

int64_t dsv2::getTileRows(const CPUTarget &target, int64_t vectors) {
  // As many accumulators as hide the latency of the multiplications, beside
  // the operands in lanes and one broadcast.
  if (target.avx512)
    return vectors == 1 ? 16 : vectors == 2 ? 8 : 6;
  return vectors == 1 ? 8 : 6;
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

LaneAttention::LaneAttention(KernelBuilder &k, const AttentionProblem &problem, int64_t vectors,
                             int64_t tiles, int64_t states, ScratchPlan &plan)
    : k(k), problem(problem), vectors(vectors), tiles(tiles), states(states),
      lanes(k.target.lanes()) {
  int64_t row = rows() * 4;
  queriesAt = plan.reserve(tiles * problem.keySteps() * row);
  outputAt = plan.reserve(states * problem.valueStride(lanes) * row);
  maximumAt = plan.reserve(states * row);
  sumAt = plan.reserve(states * row);
  limitAt = plan.reserve(tiles * row);
  factorsAt = plan.reserve(row);
  scoresAt = plan.reserve(problem.blockTokens * row);
  // In f32, weights take the place of the scores.
  weightsAt = problem.dot ? plan.reserve(problem.valueSteps() * row) : scoresAt;
}

Type LaneAttention::stepType() {
  return problem.dot ? Type(k.b.getI32Type()) : Type(k.b.getF32Type());
}

AttentionStates LaneAttention::getStates(Value scratch) {
  auto view = [&](int64_t offset, ArrayRef<int64_t> shape) {
    return k.scratchView(scratch, offset, MemRefType::get(shape, k.b.getF32Type()));
  };
  return {view(maximumAt, {states, rows()}), view(sumAt, {states, rows()}),
          view(outputAt, {states, rows(), problem.valueStride(lanes)})};
}

void LaneAttention::bind(Value scratch) {
  auto view = [&](int64_t offset, ArrayRef<int64_t> shape, Type type) {
    return k.scratchView(scratch, offset, MemRefType::get(shape, type));
  };
  Type f32 = k.b.getF32Type();
  queries = view(queriesAt, {tiles, problem.keySteps(), rows()}, stepType());
  limit = view(limitAt, {tiles, rows()}, k.b.getI32Type());
  own = getStates(scratch);
  factors = view(factorsAt, {rows()}, f32);
  scores = view(scoresAt, {problem.blockTokens, rows()}, f32);
  weights = view(weightsAt, {problem.valueSteps(), rows()}, stepType());
}

Value LaneAttention::loadLanes(Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return vector::LoadOp::create(k.b, VectorType::get({lanes}, element), memref, indices);
}

//===----------------------------------------------------------------------===//
// Into lanes and out of them
//===----------------------------------------------------------------------===//

/// Transposes `n` vectors of `n` lanes, `n` a power of two.
static SmallVector<Value> transpose(KernelBuilder &k, SmallVector<Value> rows) {
  int64_t n = rows.size();
  for (int64_t distance = 1; distance < n; distance *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < n; ++lane) {
      low.push_back(lane & distance ? n + lane - distance : lane);
      high.push_back(lane & distance ? n + lane : lane + distance);
    }
    for (int64_t i = 0; i < n; ++i) {
      if (i & distance)
        continue;
      Value upper = rows[i], lower = rows[i + distance];
      rows[i] = vector::ShuffleOp::create(k.b, upper, lower, low);
      rows[i + distance] = vector::ShuffleOp::create(k.b, upper, lower, high);
    }
  }
  return rows;
}

static SmallVector<Value> append(ArrayRef<Value> prefix, ArrayRef<Value> indices) {
  SmallVector<Value> result(prefix);
  result.append(indices.begin(), indices.end());
  return result;
}

void LaneAttention::begin(Value tile, Value query,
                          llvm::function_ref<SmallVector<Value>(Value)> place,
                          llvm::function_ref<Value(Value)> limitOf) {
  int64_t whole = problem.keyColumns / problem.pair();
  int64_t blocked = whole / lanes * lanes;
  auto words = VectorType::get({lanes}, k.b.getI32Type());
  k.forEach(0, rows(), lanes, [&](Value first) {
    SmallVector<SmallVector<Value>> places;
    for (int64_t i = 0; i < lanes; ++i)
      places.push_back(place(k.add(first, i)));
    k.forEach(0, blocked, lanes, [&](Value step) {
      SmallVector<Value> block;
      Value column = k.mul(step, problem.pair());
      for (auto &at : places) {
        if (!problem.dot) {
          block.push_back(k.loadF32(query, append(at, column), lanes));
          continue;
        }
        Value pairs = vector::LoadOp::create(
            k.b, VectorType::get({2 * lanes}, k.b.getBF16Type()), query, append(at, column));
        block.push_back(vector::BitCastOp::create(k.b, words, pairs));
      }
      block = transpose(k, block);
      for (auto [i, vector] : llvm::enumerate(block))
        vector::StoreOp::create(k.b, vector, queries,
                                ValueRange{tile, k.add(step, int64_t(i)), first});
    });
  });
  k.forEach(0, rows(), 1, [&](Value lane) {
    SmallVector<Value> at = place(lane);
    k.forEach(blocked, whole, 1, [&](Value step) {
      Value word = loadStep(k, problem.dot, query, append(at, k.mul(step, problem.pair())));
      k.store(word, queries, {tile, step, lane});
    });
    if (whole < problem.keySteps()) {
      Value last = k.index(problem.keyColumns - 1);
      Value word = loadStep(k, problem.dot, query, append(at, last), /*single=*/true);
      k.store(word, queries, {tile, k.index(whole), lane});
    }
    k.store(arith::IndexCastOp::create(k.b, k.b.getI32Type(), limitOf(lane)), limit,
            {tile, lane});
  });
}

void LaneAttention::restart(Value state) {
  Value zero = k.splat(0, lanes);
  k.forEach(0, rows(), lanes, [&](Value lane) {
    // Below every score, but finite: the weights of tokens that a lane does
    // not see must be zero even if it sees no token.
    k.storeF32(k.splat(-1e30, lanes), own.maximum, {state, lane});
    k.storeF32(zero, own.sum, {state, lane});
  });
  k.forEach(0, rows(), 1, [&](Value row) {
    k.forEach(0, problem.valueStride(lanes), lanes,
              [&](Value column) { k.storeF32(zero, own.output, {state, row, column}); });
  });
}

void LaneAttention::finish(Value state, Value count, Value result,
                           llvm::function_ref<SmallVector<Value>(Value)> place) {
  k.forEach(k.index(0), count, 1, [&](Value row) {
    SmallVector<Value> at = place(row);
    Value inverse = arith::DivFOp::create(k.b, k.f32(1), k.load(own.sum, {state, row}));
    k.forEachVector(problem.valueColumns, [&](Value column, int64_t width) {
      Value values = arith::MulFOp::create(k.b, k.loadF32(own.output, {state, row, column}, width),
                                           k.broadcast(inverse, width));
      k.storeF32(values, result, append(at, column));
    });
  });
}

static Value maximumOf(KernelBuilder &k, Value x, Value y) {
  // One instruction, unlike the maxima that define what becomes of NaN.
  Value greater = arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(k.b, greater, x, y);
}

void LaneAttention::merge(Value state, Value count, const AttentionStates &from, Value index) {
  k.forEach(k.index(0), count, 1, [&](Value row) {
    Value x = k.load(own.maximum, {state, row}), y = k.load(from.maximum, {index, row});
    Value top = maximumOf(k, x, y), scale = k.f32(problem.scale);
    auto factor = [&](Value maximum) {
      Value lowered = arith::SubFOp::create(k.b, maximum, top);
      return emitExpNonPositive(k, arith::MulFOp::create(k.b, lowered, scale));
    };
    Value old = factor(x), added = factor(y);
    Value sum = arith::MulFOp::create(k.b, old, k.load(own.sum, {state, row}));
    sum = k.fma(added, k.load(from.sum, {index, row}), sum);
    k.store(top, own.maximum, {state, row});
    k.store(sum, own.sum, {state, row});
    k.forEach(0, problem.valueStride(lanes), lanes, [&](Value column) {
      Value output = arith::MulFOp::create(k.b, k.broadcast(old, lanes),
                                           loadLanes(own.output, {state, row, column}));
      output = k.fma(k.broadcast(added, lanes), loadLanes(from.output, {index, row, column}),
                     output);
      k.storeF32(output, own.output, {state, row, column});
    });
  });
}

//===----------------------------------------------------------------------===//
// A block of cached tokens
//===----------------------------------------------------------------------===//

/// Prefetches an element of the next page, counted through its rows. A step
/// covers its share of the rows of a group, about a cache line.
void LaneAttention::fetch(const KeyRows &rows, Value element) {
  SmallVector<Value> at = append(rows.nextPrefix, {k.index(0), element});
  memref::PrefetchOp::create(k.b, rows.memref, at, /*isWrite=*/false, /*localityHint=*/2,
                             /*isDataCache=*/true);
}

/// Scores of a block: all rows of a group of tokens, groups within a page.
void LaneAttention::score(Value tile, Value n, llvm::function_ref<KeyRows(Value)> keys) {
  Value zero = k.splat(0, lanes);
  k.forEach(k.index(0), k.ceilDiv(n, DSV2_PAGE_TOKENS), 1, [&](Value page) {
    Value first = k.mul(page, DSV2_PAGE_TOKENS);
    KeyRows source = keys(page);
    forEachRowTile(
        k, k.sub(n, first), DSV2_PAGE_TOKENS, getTileRows(k.target, vectors),
        [&](Value row, int64_t count) {
          Accumulators tileScores(count, SmallVector<Value>(vectors, zero));
          tileScores = accumulateTile(
              k, problem.dot, k.index(problem.keySteps()), std::move(tileScores),
              [&](Value step, int64_t i) {
                SmallVector<Value> at =
                    append(source.prefix, {k.add(k.add(source.first, row), i), k.mul(step, problem.pair())});
                return k.broadcast(loadStep(k, problem.dot, source.memref, at), lanes);
              },
              [&](Value step, int64_t j) {
                if (j == 0 && !source.nextPrefix.empty())
                  fetch(source, k.add(k.mul(row, problem.keyColumns),
                                      k.mul(step, count * problem.pair())));
                return loadLanes(queries, {tile, step, k.index(j * lanes)});
              });
          for (int64_t i = 0; i < count; ++i)
            for (int64_t j = 0; j < vectors; ++j)
              k.storeF32(tileScores[i][j], scores,
                         {k.add(k.add(first, row), i), k.index(j * lanes)});
        });
  });
}

/// Minus infinity where a lane does not see a token, and beyond `n` up to the
/// next multiple of four, which is what softmax takes at a time.
void LaneAttention::mask(Value tile, Value start, Value n, Value firstLimit) {
  Value hidden = k.splat(-std::numeric_limits<double>::infinity(), lanes);
  // Tokens that every lane sees need nothing.
  Value seen = k.min(k.sub(k.max(firstLimit, start), start), n);
  k.forEach(seen, n, 1, [&](Value token) {
    Value position = arith::IndexCastOp::create(k.b, k.b.getI32Type(), k.add(start, token));
    Value positions = k.broadcast(position, lanes);
    for (int64_t j = 0; j < vectors; ++j) {
      Value lane = k.index(j * lanes);
      Value visible = arith::CmpIOp::create(k.b, arith::CmpIPredicate::slt, positions,
                                            loadLanes(limit, {tile, lane}));
      k.storeF32(arith::SelectOp::create(k.b, visible, loadLanes(scores, {token, lane}), hidden),
                 scores, {token, lane});
    }
  });
  k.forEach(n, k.mul(k.ceilDiv(n, 4), 4), 1, [&](Value token) {
    for (int64_t j = 0; j < vectors; ++j)
      k.storeF32(hidden, scores, {token, k.index(j * lanes)});
  });
}

void LaneAttention::softmax(Value state, Value n) {
  ImplicitLocOpBuilder &b = k.b;
  auto add = [&](Value x, Value y) -> Value { return arith::AddFOp::create(b, x, y); };
  SmallVector<Value> old, lane;
  for (int64_t j = 0; j < vectors; ++j) {
    lane.push_back(k.index(j * lanes));
    old.push_back(loadLanes(own.maximum, {state, lane[j]}));
  }
  SmallVector<Value> top = k.fold(k.index(0), n, 4, old, [&](Value token, ValueRange carried) {
    SmallVector<Value> next;
    for (int64_t j = 0; j < vectors; ++j) {
      Value s[4];
      for (int64_t i = 0; i < 4; ++i)
        s[i] = loadLanes(scores, {k.add(token, i), lane[j]});
      Value four = maximumOf(k, maximumOf(k, s[0], s[1]), maximumOf(k, s[2], s[3]));
      next.push_back(maximumOf(k, four, carried[j]));
    }
    return next;
  });
  // exp(scale * s - scale * top)
  Value scale = k.splat(problem.scale, lanes);
  SmallVector<Value> shift, sums;
  for (int64_t j = 0; j < vectors; ++j) {
    k.storeF32(top[j], own.maximum, {state, lane[j]});
    shift.push_back(arith::NegFOp::create(b, arith::MulFOp::create(b, top[j], scale)));
    // Exactly one where the maximum stays: a block whose tokens a lane does
    // not see must leave it as it is.
    Value lowered = arith::SubFOp::create(b, old[j], top[j]);
    Value factor = emitExpNonPositive(k, arith::MulFOp::create(b, lowered, scale));
    k.storeF32(factor, factors, {lane[j]});
    sums.push_back(arith::MulFOp::create(b, factor, loadLanes(own.sum, {state, lane[j]})));
  }
  sums = k.fold(k.index(0), n, 4, sums, [&](Value token, ValueRange carried) {
    SmallVector<Value> next;
    for (int64_t j = 0; j < vectors; ++j) {
      Value p[4];
      for (int64_t i = 0; i < 4; ++i)
        p[i] = emitExpNonPositive(
            k, k.fma(loadLanes(scores, {k.add(token, i), lane[j]}), scale, shift[j]));
      next.push_back(add(carried[j], add(add(p[0], p[1]), add(p[2], p[3]))));
      if (!problem.dot) {
        for (int64_t i = 0; i < 4; ++i)
          k.storeF32(p[i], weights, {k.add(token, i), lane[j]});
        continue;
      }
      SmallVector<int64_t> interleave;
      for (int64_t i = 0; i < lanes; ++i)
        interleave.append({i, lanes + i});
      for (int64_t i = 0; i < 4; i += 2) {
        Value pairs = vector::ShuffleOp::create(b, k.toBF16(p[i]), k.toBF16(p[i + 1]), interleave);
        Value words =
            vector::BitCastOp::create(b, VectorType::get({lanes}, b.getI32Type()), pairs);
        vector::StoreOp::create(b, words, weights,
                                ValueRange{k.add(k.div(token, 2), i / 2), lane[j]});
      }
    }
    return next;
  });
  for (int64_t j = 0; j < vectors; ++j)
    k.storeF32(sums[j], own.sum, {state, lane[j]});
}

/// The output changes sides: rows of queries are broadcast against columns of
/// values in lanes, so that few queries need few broadcasts. All queries go
/// over a few columns while those stay in the first-level cache.
void LaneAttention::accumulate(Value state, Value count, Value n, Value values,
                               ArrayRef<Value> valuesPrefix) {
  Value steps = k.ceilDiv(n, problem.pair());
  int64_t widest = k.target.avx512 ? 4 : 2;
  int64_t all = problem.valueStride(lanes) / lanes, wide = all / widest * widest;
  auto columns = [&](Value column, int64_t width) {
    forEachRowTile(k, count, rows(), getTileRows(k.target, width), [&](Value row, int64_t group) {
      auto at = [&](int64_t i, int64_t j) {
        return SmallVector<Value>{state, k.add(row, i), k.add(column, j * lanes)};
      };
      Accumulators outputs(group);
      for (int64_t i = 0; i < group; ++i) {
        Value factor = k.broadcast(k.load(factors, {k.add(row, i)}), lanes);
        for (int64_t j = 0; j < width; ++j)
          outputs[i].push_back(
              arith::MulFOp::create(k.b, loadLanes(own.output, at(i, j)), factor));
      }
      outputs = accumulateTile(
          k, problem.dot, steps, std::move(outputs),
          [&](Value step, int64_t i) {
            return k.broadcast(k.load(weights, {step, k.add(row, i)}), lanes);
          },
          [&](Value step, int64_t j) {
            return loadLanes(values, append(valuesPrefix, {step, k.add(column, j * lanes)}));
          });
      for (int64_t i = 0; i < group; ++i)
        for (int64_t j = 0; j < width; ++j)
          k.storeF32(outputs[i][j], own.output, at(i, j));
    });
  };
  if (wide)
    k.forEach(0, wide * lanes, widest * lanes, [&](Value column) { columns(column, widest); });
  if (wide < all)
    columns(k.index(wide * lanes), all - wide);
}

void LaneAttention::attend(Value tile, Value state, Value count, Value start, Value n, Value firstLimit,
                           llvm::function_ref<KeyRows(Value)> keys, Value values,
                           ArrayRef<Value> valuesPrefix) {
  score(tile, n, keys);
  mask(tile, start, n, firstLimit);
  softmax(state, n);
  accumulate(state, count, n, values, valuesPrefix);
}
