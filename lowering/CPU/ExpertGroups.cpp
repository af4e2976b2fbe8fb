//===- ExpertGroups.cpp - Which rows an expert has ------------------------===//
//
// Both forms give groups of one description, so that the products are emitted
// once.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/ExpertGroups.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <limits>

using namespace mlir;
using namespace mlir::dsv2;

Value dsv2::flattenPairs(KernelBuilder &k, Value memref) {
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t i = 2; i < cast<MemRefType>(memref.getType()).getRank(); ++i)
    groups.push_back({i});
  return memref::CollapseShapeOp::create(k.b, memref, groups);
}

Value dsv2::isUnsortedStep(KernelBuilder &k, Value pairs, int64_t limit) {
  return arith::CmpIOp::create(k.b, arith::CmpIPredicate::ule, k.dim(pairs, 0), k.index(limit));
}

ExpertGroups::ExpertGroups(KernelBuilder &k, Value offsets, Value order, Value experts,
                           std::optional<int64_t> unsortedTokens)
    : k(k), offsets(offsets), choices(k.staticDim(order, 1)) {
  this->order = flattenPairs(k, order);
  if (!unsortedTokens)
    return;
  this->experts = flattenPairs(k, experts);
  unsorted = isUnsortedStep(k, order, *unsortedTokens);
}

/// What `emit` gives on either side.
static SmallVector<Value> emitBranch(KernelBuilder &k, Value condition, unsigned results,
                                     llvm::function_ref<SmallVector<Value>()> yes,
                                     llvm::function_ref<SmallVector<Value>()> no) {
  SmallVector<Type> types(results, k.b.getIndexType());
  auto branch = scf::IfOp::create(k.b, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(k.b);
  k.b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(k.b, yes());
  k.b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(k.b, no());
  return llvm::to_vector_of<Value>(branch.getResults());
}

SmallVector<Value> ExpertGroups::choose(unsigned results, Emitter unsortedForm,
                                        Emitter sortedForm) {
  return unsorted ? emitBranch(k, unsorted, results, unsortedForm, sortedForm) : sortedForm();
}

Value ExpertGroups::count() {
  return choose(
      1, [&] { return SmallVector<Value>{k.dim(order, 0)}; },
      [&] { return SmallVector<Value>{k.index(k.staticDim(offsets, 0) - 1)}; })[0];
}

ExpertGroups::Group ExpertGroups::getSorted(Value g) {
  return {g, k.loadIndex(offsets, g), k.loadIndex(offsets, k.add(g, 1))};
}

ExpertGroups::Group ExpertGroups::get(Value g) {
  SmallVector<Value> group = choose(
      3, [&] { return SmallVector<Value>{k.loadIndex(experts, g), g, k.add(g, 1)}; },
      [&] {
        Group sorted = getSorted(g);
        return SmallVector<Value>{sorted.expert, sorted.lower, sorted.upper};
      });
  return {group[0], group[1], group[2]};
}

Value ExpertGroups::pairOf(Value row) {
  return choose(
      1, [&] { return SmallVector<Value>{row}; },
      [&] { return SmallVector<Value>{k.loadIndex(order, row)}; })[0];
}

Value ExpertGroups::forEachBlock(int64_t blocks,
                                 llvm::function_ref<void(const Group &, Value)> body) {
  return k.fold(k.index(0), count(), 1, {k.getThread()}, [&](Value g, ValueRange carried) {
    Group group = get(g);
    Value pieces = arith::SelectOp::create(k.b, k.less(group.lower, group.upper),
                                           k.index(blocks), k.index(0));
    Value next = k.forEachPiece(carried[0], pieces, [&](Value block) { body(group, block); });
    return SmallVector<Value>{next};
  })[0];
}

/// The least key of the token's choices above `last`. Keys ascend with experts, and
/// are distinct even where a choice is repeated; zero is below all.
Value ExpertGroups::nextKey(Value token, Value last) {
  Value none = k.index(std::numeric_limits<int64_t>::max());
  return k.fold(k.index(0), k.index(choices), 1, none, [&](Value j, ValueRange carried) {
    Value expert = k.loadIndex(experts, k.add(k.mul(token, choices), j));
    Value key = k.add(k.add(k.mul(expert, choices), j), 1);
    Value candidate = arith::SelectOp::create(k.b, k.less(last, key), key, none);
    return SmallVector<Value>{k.min(carried[0], candidate)};
  })[0];
}

void ExpertGroups::forEachAscending(llvm::function_ref<void(const Group &)> body) {
  k.fold(k.index(0), count(), 1, k.index(0), [&](Value g, ValueRange carried) {
    // The unsorted form takes a token's choices one after the other.
    SmallVector<Value> next = choose(
        4,
        [&] {
          Value token = k.div(g, choices);
          Value isFirst = arith::CmpIOp::create(k.b, arith::CmpIPredicate::eq,
                                                k.rem(g, choices), k.index(0));
          Value last = arith::SelectOp::create(k.b, isFirst, k.index(0), carried[0]);
          Value key = nextKey(token, last), place = k.sub(key, k.index(1));
          Value pair = k.add(k.mul(token, choices), k.rem(place, choices));
          return SmallVector<Value>{k.div(place, choices), pair, k.add(pair, 1), key};
        },
        [&] {
          Group group = getSorted(g);
          return SmallVector<Value>{group.expert, group.lower, group.upper, carried[0]};
        });
    body({next[0], next[1], next[2]});
    return SmallVector<Value>{next[3]};
  });
}

/// The first row of `group` whose pair is at least `pair`, by bisection.
Value ExpertGroups::lowerBound(Group group, Value pair) {
  constexpr int64_t bits = 32; // rows are numbered by i32
  return k.fold(k.index(0), k.index(bits), 1, {group.lower, group.upper},
                [&](Value, ValueRange carried) {
                  Value low = carried[0], high = carried[1];
                  return emitBranch(
                      k, k.less(low, high), 2,
                      [&] {
                        Value middle = k.div(k.add(low, high), 2);
                        Value before = k.less(pairOf(middle), pair);
                        Value newLow =
                            arith::SelectOp::create(k.b, before, k.add(middle, 1), low);
                        Value newHigh = arith::SelectOp::create(k.b, before, high, middle);
                        return SmallVector<Value>{newLow, newHigh};
                      },
                      [&] { return SmallVector<Value>{low, high}; });
                })[0];
}

ExpertGroups::Group ExpertGroups::narrow(Group group, Value first, Value last) {
  Value all = arith::CmpIOp::create(k.b, arith::CmpIPredicate::eq, k.sub(last, first),
                                    k.dim(order, 0));
  SmallVector<Value> rows = emitBranch(
      k, all, 2, [&] { return SmallVector<Value>{group.lower, group.upper}; },
      [&] {
        Value lower = lowerBound(group, first);
        return SmallVector<Value>{lower, lowerBound({group.expert, lower, group.upper}, last)};
      });
  return {group.expert, rows[0], rows[1]};
}
