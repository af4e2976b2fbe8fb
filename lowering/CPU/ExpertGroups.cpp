//===- ExpertGroups.cpp - Which rows an expert has ------------------------===//
//
// Both forms give groups of one description, so that the products are emitted
// once.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/ExpertGroups.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

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

ExpertGroups::Group ExpertGroups::get(Value g) {
  SmallVector<Value> group = choose(
      3, [&] { return SmallVector<Value>{k.loadIndex(experts, g), g, k.add(g, 1)}; },
      [&] {
        Value lower = k.loadIndex(offsets, g), upper = k.loadIndex(offsets, k.add(g, 1));
        return SmallVector<Value>{g, lower, upper};
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
