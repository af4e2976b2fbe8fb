//===- Experts.cpp - Mixture of experts to loops --------------------------===//
//
// The choice of experts, the sort of token-expert pairs, and the weighted sum.
// The products between them are in Linear.cpp.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/ExpertGroups.h"
#include "lowering/CPU/Kernels.h"
#include "lowering/CPU/VectorMath.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// The experts of one token, chosen in this thread's scratch. `scores` is
/// padded to whole vectors; a score of -1 marks padding and what was chosen.
struct Selection {
  KernelBuilder &k;
  int64_t experts, padded, lanes;
  Value scores; // memref<padded x f32>

  Value load(Value i) { return k.loadF32(scores, i, lanes); }

  /// The logits of token `t`, padded with minus infinity.
  void readLogits(Value logits, Value t) {
    k.storeF32(k.splat(-std::numeric_limits<double>::infinity(), lanes), scores,
               k.index(padded - lanes));
    k.forEachVector(experts, [&](Value i, int64_t width) {
      k.storeF32(k.loadF32(logits, {t, i}, width), scores, i);
    });
  }

  /// Logits to probabilities; padding to -1.
  void softmax() {
    Value end = k.index(padded), start = k.index(0);
    Value most = k.fold(start, end, lanes,
                        k.splat(-std::numeric_limits<double>::infinity(), lanes),
                        [&](Value i, ValueRange carried) -> SmallVector<Value> {
                          return {arith::MaxNumFOp::create(k.b, carried[0], load(i))};
                        })[0];
    most = vector::ReductionOp::create(k.b, vector::CombiningKind::MAXNUMF, most);
    Value shift = k.broadcast(most, lanes);
    Value sum = k.fold(start, end, lanes, k.splat(0, lanes),
                       [&](Value i, ValueRange carried) -> SmallVector<Value> {
                         Value e = emitExpNonPositive(
                             k, arith::SubFOp::create(k.b, load(i), shift));
                         k.storeF32(e, scores, i);
                         return {arith::AddFOp::create(k.b, carried[0], e)};
                       })[0];
    sum = vector::ReductionOp::create(k.b, vector::CombiningKind::ADD, sum,
                                      arith::FastMathFlags::reassoc);
    Value divisor = k.broadcast(sum, lanes);
    k.forEach(start, end, lanes, [&](Value i) {
      k.storeF32(arith::DivFOp::create(k.b, load(i), divisor), scores, i);
    });
    for (int64_t i = experts; i < padded; ++i)
      k.store(k.f32(-1), scores, k.index(i));
  }

  /// Zeroes the scores outside the `kept` groups with the best scores. `best`
  /// is memref<groups x f32> of scratch.
  void limitGroups(int64_t groups, int64_t kept, Value best) {
    int64_t size = experts / groups;
    k.forEach(0, groups, 1, [&](Value g) {
      // A NaN passes through: no group is then before another, all are kept.
      Value first = k.mul(g, size);
      Value most = k.fold(first, k.add(first, size), 1, k.f32(-1),
                          [&](Value i, ValueRange carried) -> SmallVector<Value> {
                            return {arith::MaximumFOp::create(k.b, carried[0],
                                                              k.load(scores, i))};
                          })[0];
      k.store(most, best, g);
    });
    k.forEach(0, groups, 1, [&](Value g) {
      // A group's rank is the number of groups before it: better, or as good
      // with a lower index.
      Value mine = k.load(best, g);
      Value rank = k.fold(
          k.index(0), k.index(groups), 1, k.index(0),
          [&](Value other, ValueRange carried) -> SmallVector<Value> {
            Value theirs = k.load(best, other);
            Value better =
                arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGT, theirs, mine);
            Value equal =
                arith::CmpFOp::create(k.b, arith::CmpFPredicate::OEQ, theirs, mine);
            Value before = arith::OrIOp::create(
                k.b, better, arith::AndIOp::create(k.b, equal, k.less(other, g)));
            return {arith::SelectOp::create(k.b, before, k.add(carried[0], 1), carried[0])};
          })[0];
      k.ifThen(k.less(k.index(kept - 1), rank), [&] {
        k.forEachVector(size, [&](Value i, int64_t width) {
          k.storeF32(k.splat(0, width), scores, k.add(k.mul(g, size), i));
        });
      });
    });
  }

  /// The best expert that is left, as index, of equals the lowest. Always
  /// below `experts`, even if scores are NaN: it addresses memory later.
  Value takeBest() {
    auto i32 = VectorType::get({lanes}, k.b.getI32Type());
    SmallVector<int32_t> iota(lanes);
    std::iota(iota.begin(), iota.end(), 0);
    Value numbers = arith::ConstantOp::create(
        k.b, DenseElementsAttr::get(i32, ArrayRef<int32_t>(iota)));
    SmallVector<Value> best = k.fold(
        k.index(lanes), k.index(padded), lanes, ValueRange{load(k.index(0)), numbers},
        [&](Value i, ValueRange carried) -> SmallVector<Value> {
          Value candidates = load(i);
          Value first = arith::IndexCastOp::create(k.b, k.b.getI32Type(), i);
          Value better = arith::CmpFOp::create(k.b, arith::CmpFPredicate::OGT, candidates,
                                               carried[0]);
          Value here = arith::AddIOp::create(k.b, k.broadcast(first, lanes), numbers);
          return {arith::SelectOp::create(k.b, better, candidates, carried[0]),
                  arith::SelectOp::create(k.b, better, here, carried[1])};
        });
    Value most =
        vector::ReductionOp::create(k.b, vector::CombiningKind::MAXNUMF, best[0]);
    Value isMost = arith::CmpFOp::create(k.b, arith::CmpFPredicate::OEQ, best[0],
                                         k.broadcast(most, lanes));
    Value last = arith::ConstantOp::create(
        k.b, DenseElementsAttr::get(i32, APInt(32, experts - 1)));
    Value lowest = vector::ReductionOp::create(
        k.b, vector::CombiningKind::MINUI,
        arith::SelectOp::create(k.b, isMost, arith::MinUIOp::create(k.b, best[1], last), last));
    return arith::IndexCastUIOp::create(k.b, k.b.getIndexType(), lowest);
  }
};

} // namespace

void dsv2::lowerSelectExperts(SelectExpertsOp op, KernelBuilder &k) {
  Value logits = op.getLogits(), weights = op.getInits()[0], chosen = op.getInits()[1];
  int64_t experts = k.staticDim(logits, 1), count = k.staticDim(weights, 1);
  int64_t groups = op.getGroups(), kept = op.getKeptGroups();
  double scale = op.getScale().convertToFloat();
  bool normalize = op.getNormalize() && count > 1;
  int64_t lanes = k.target.lanes(), padded = llvm::alignTo(experts, lanes);
  auto row = [&](int64_t size) { return MemRefType::get({size}, k.b.getF32Type()); };
  Value scratch = k.scratch((padded + groups) * 4);
  Selection s{k, experts, padded, lanes, k.scratchView(scratch, 0, row(padded))};
  Value groupScores = k.scratchView(scratch, padded * 4, row(groups));

  k.forEachPiece(k.dim(logits, 0), [&](Value t) {
    s.readLogits(logits, t);
    s.softmax();
    if (kept < groups)
      s.limitGroups(groups, kept, groupScores);
    Value sum = k.fold(
        k.index(0), k.index(count), 1, k.f32(0),
        [&](Value j, ValueRange carried) -> SmallVector<Value> {
          Value expert = s.takeBest();
          Value score = k.load(s.scores, expert);
          k.store(k.f32(-1), s.scores, expert);
          k.store(arith::IndexCastOp::create(k.b, k.b.getI32Type(), expert), chosen, {t, j});
          k.store(normalize ? score : arith::MulFOp::create(k.b, score, k.f32(scale)).getResult(),
                  weights, {t, j});
          return {arith::AddFOp::create(k.b, carried[0], score)};
        })[0];
    if (!normalize)
      return;
    // Normalized weights are not scaled (specification §4).
    Value divisor = arith::AddFOp::create(k.b, sum, k.f32(1e-20));
    k.forEach(0, count, 1, [&](Value j) {
      k.store(arith::DivFOp::create(k.b, k.load(weights, {t, j}), divisor), weights, {t, j});
    });
  });
}

void dsv2::lowerDispatch(DispatchOp op, KernelBuilder &k) {
  Value experts = flattenPairs(k, op.getExperts()), offsets = op.getInits()[0];
  Value order = flattenPairs(k, op.getInits()[1]), places = flattenPairs(k, op.getInits()[2]);
  int64_t count = k.staticDim(offsets, 0) - 1;
  Value pairs = k.mul(k.dim(op.getExperts(), 0), k.dim(op.getExperts(), 1));
  Value next = k.scratchView(k.scratch(count * 4), 0,
                             MemRefType::get({count}, k.b.getI32Type()));
  auto integer = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(k.b, k.b.getI32IntegerAttr(value));
  };
  /// Returns the count at `i`, and adds one there.
  auto increment = [&](Value counts, Value i) {
    Value old = k.load(counts, i);
    k.store(arith::AddIOp::create(k.b, old, integer(1)), counts, i);
    return old;
  };
  // Two short walks over the pairs; splitting them would cost a barrier.
  auto sort = [&] {
    k.forEach(0, count, 1, [&](Value e) { k.store(integer(0), next, e); });
    k.forEach(k.index(0), pairs, 1,
              [&](Value p) { increment(next, k.loadIndex(experts, p)); });
    Value total = k.fold(k.index(0), k.index(count), 1, integer(0),
                         [&](Value e, ValueRange carried) -> SmallVector<Value> {
                           Value rows = k.load(next, e);
                           k.store(carried[0], offsets, e);
                           k.store(carried[0], next, e);
                           return {arith::AddIOp::create(k.b, carried[0], rows)};
                         })[0];
    k.store(total, offsets, k.index(count));
    k.forEach(k.index(0), pairs, 1, [&](Value p) {
      Value place = increment(next, k.loadIndex(experts, p));
      k.store(place, places, p);
      k.store(arith::IndexCastOp::create(k.b, k.b.getI32Type(), p), order,
              arith::IndexCastUIOp::create(k.b, k.b.getIndexType(), place).getResult());
    });
  };
  k.onFirstThread([&] {
    std::optional<int64_t> limit = op.getUnsortedTokens();
    if (!limit)
      return sort();
    k.ifThen(k.less(k.index(*limit), k.dim(op.getExperts(), 0)), sort);
  });
}

void dsv2::lowerCombine(CombineOp op, KernelBuilder &k) {
  Value places = op.getPlaces(), weights = op.getWeights(), y = op.getInits()[0];
  Value rows = memref::CollapseShapeOp::create(k.b, op.getY(),
                                               ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  k.forEachPiece(k.dim(y, 0), [&](Value t) {
    k.forEachVector(k.staticDim(y, 1), [&](Value i, int64_t lanes) {
      Value sum = k.fold(
          k.index(0), k.dim(places, 1), 1, k.splat(0, lanes),
          [&](Value j, ValueRange carried) -> SmallVector<Value> {
            Value weight = k.broadcast(k.load(weights, {t, j}), lanes);
            Value row = k.loadF32(rows, {k.loadIndex(places, {t, j}), i}, lanes);
            return {k.fma(weight, row, carried[0])};
          })[0];
      k.storeF32(sum, y, {t, i});
    });
  });
}
