//===- Workload.h - The step that a cost is asked for -----------*- C++ -*-===//
//
// The counts of a batch that the IR leaves dynamic, and the sizes of values at
// these counts.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_WORKLOAD_H
#define PASSES_COST_WORKLOAD_H

#include "dialects/DSV2/DSV2Dialect.h"
#include "passes/cost/TargetModel.h"
#include "mlir/IR/Value.h"
#include <string>

namespace mlir::dsv2 {

/// One step of equal sequences.
struct Workload {
  std::string name = {};  // for reports
  double sequences = 1;   //
  double newTokens = 1;   // of each sequence
  double prefix = 0;      // cached tokens of each sequence, before the step
  double outputs = 1;     // rows of logits, of all sequences
  /// Whether the sequences attend in the absorbed form, where a module holds
  /// both (`@absorbs`).
  bool absorbed = true;

  double tokens() const { return sequences * newTokens; }
  /// Causal pairs of a new token and a token it sees, of all sequences.
  double contextPairs() const;
  /// Rows of the cache that attention reads, of all sequences.
  double cachedRows() const { return sequences * (prefix + newTokens); }
};

/// Causal query-key pairs of `tokens` new tokens after `prefix` cached ones.
double contextPairs(double tokens, double prefix);

/// Expected number of distinct experts that `tokens` tokens choose, `k` of `E`
/// each, balanced and independent: E (1 - (1 - k/E)^tokens) (specification §4).
double expectedDistinctExperts(double experts, double perToken, double tokens);

/// The count behind the `?` of `value` (tokens, sequences, outputs, pages), in
/// value and buffer form; "tokens" where the IR does not tell.
StringRef getCountName(Value value);

/// Sizes of values in a workload.
class Sizes {
public:
  explicit Sizes(const Workload &workload) : workload(workload) {}

  const Workload &workload;

  /// Leading dimension: tokens, outputs, or as the type says.
  double rows(Value value) const;
  /// All elements, with `?` as its count. Not for the cache.
  double elements(Value value) const;
  double bytes(Value value) const;
  /// Bytes of some elements of `value`'s type.
  double bytes(Value value, double elements) const;
  /// Tokens that an op on `range` computes.
  double tokens(Range range) const;
  /// Sequences that an op on `range` computes, as a share of all.
  double share(Range range) const;
};

/// Last dimension, which is static.
int64_t getColumns(Value value);

/// Type of the products of which `value` is an operand.
NumberType getNumberType(Value value);

/// What the i-th result of `op` is in any form: a result or a destination.
Value getPlannedResult(Operation *op, unsigned i = 0);

} // namespace mlir::dsv2

#endif // PASSES_COST_WORKLOAD_H
