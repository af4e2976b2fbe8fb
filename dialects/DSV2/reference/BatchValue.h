//===- BatchValue.h - What one step works on --------------------*- C++ -*-===//
//
// The value of a `!dsv2.batch` in the interpreter.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_BATCHVALUE_H
#define DIALECTS_DSV2_REFERENCE_BATCHVALUE_H

#include "dialects/DSV2/DSV2Dialect.h"

#include <vector>

namespace mlir::dsv2::reference {

/// As `dsv2.make_batch` names the parts.
struct BatchValue {
  std::vector<int64_t> positions;              // [tokens]
  std::vector<int64_t> sequence;               // [tokens]
  std::vector<int64_t> starts;                 // [sequences + 1]
  std::vector<int64_t> prefix;                 // [sequences]
  std::vector<std::vector<int64_t>> pageTable; // [sequences][pages of it]
  std::vector<int64_t> outputRows;             // [outputs]
  int64_t absorbed = 0;                        // leading sequences

  int64_t tokens() const { return positions.size(); }
  int64_t sequences() const { return prefix.size(); }
  int64_t outputs() const { return outputRows.size(); }
  /// Whether ops limited to `range` compute token `t`.
  bool covers(Range range, int64_t t) const {
    return range == Range::All ||
           (sequence[t] < absorbed) == (range == Range::Absorbed);
  }
  /// Why the parts contradict each other or `type`; empty when they do not.
  /// Pages are checked where they are used.
  std::string inconsistency(BatchType type) const;
};

/// The new tokens of sequences that are `prefixes` long so far: sequence `s`
/// gets `lengths[s]` tokens and consecutive pages of its own for `span`
/// positions; every token is an output.
BatchValue makeBatch(ArrayRef<int64_t> prefixes, ArrayRef<int64_t> lengths,
                     int64_t span, int64_t absorbed = 0);

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_BATCHVALUE_H
