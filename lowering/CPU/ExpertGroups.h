//===- ExpertGroups.h - Which rows an expert has ----------------*- C++ -*-===//
//
// How the grouped ops find their work. In the sorted form a group is an expert
// with its rows, many or none. In the unsorted form, for few tokens, it is one
// token-expert pair: nobody had to sort.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_EXPERTGROUPS_H
#define LOWERING_CPU_EXPERTGROUPS_H

#include "lowering/CPU/KernelBuilder.h"
#include <optional>

namespace mlir::dsv2 {

/// `[tokens, k, ...]` as `[tokens * k, ...]`: pairs, or sorted rows.
Value flattenPairs(KernelBuilder &k, Value memref);

/// Whether the step has at most `limit` tokens, i1; `pairs` is `[tokens, k]`.
Value isUnsortedStep(KernelBuilder &k, Value pairs, int64_t limit);

class ExpertGroups {
public:
  /// `offsets` is `[E + 1]`, `order` `[tokens, k]`, both of dsv2.dispatch;
  /// `experts`, `[tokens, k]`, and `unsortedTokens` are null without an unsorted
  /// form.
  ExpertGroups(KernelBuilder &k, Value offsets, Value order, Value experts = {},
               std::optional<int64_t> unsortedTokens = {});

  /// Consecutive rows of one expert.
  struct Group {
    Value expert, lower, upper;
  };

  /// Number of groups. Some may have no rows.
  Value count();
  Group get(Value g);
  /// The pair whose row this is. Ascends within a group.
  Value pairOf(Value row);
  /// The token of a pair.
  Value tokenOf(Value pair) { return k.div(pair, choices); }
  /// Deals the pieces (group with rows, weight block), in that order and numbered
  /// across groups, to the threads: one region keeps all of them busy although
  /// one expert has few blocks, and an expert without rows costs little. Returns
  /// this thread's first piece of what follows (as KernelBuilder::forEachPiece).
  Value forEachBlock(int64_t blocks, llvm::function_ref<void(const Group &, Value)> body);
  /// Visits all groups so that those of one token come by ascending experts, in
  /// either form: what is summed in this order has the same bits in both.
  void forEachAscending(llvm::function_ref<void(const Group &)> body);
  /// The rows of `group` whose pairs are in `[first, last)`.
  Group narrow(Group group, Value first, Value last);

private:
  using Emitter = llvm::function_ref<SmallVector<Value>()>;
  SmallVector<Value> choose(unsigned results, Emitter unsortedForm, Emitter sortedForm);
  Group getSorted(Value g);
  Value lowerBound(Group group, Value pair);
  Value nextKey(Value token, Value last);

  KernelBuilder &k;
  Value offsets, order, experts;
  Value unsorted; // i1, or null: always sorted
  int64_t choices;
};

} // namespace mlir::dsv2

#endif // LOWERING_CPU_EXPERTGROUPS_H
