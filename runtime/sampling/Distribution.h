//===- Distribution.h - How likely tokens are -------------------*- C++ -*-===//
//
// The softmax of the logits of one position, in f64, without a copy of them.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_DISTRIBUTION_H
#define RUNTIME_SAMPLING_DISTRIBUTION_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <span>

namespace dsv2::sampling {

/// Borrows the logits.
class Distribution {
public:
  /// Of logits [vocabulary], which follow `position` tokens. Errors: those of
  /// `sample`.
  static Expected<Distribution> of(std::span<const float> logits,
                                   int64_t position);

  /// The natural logarithm of a token's probability.
  double logProbability(int32_t token) const {
    return double(logits[token]) - logits[mostLikely] - logSum;
  }
  /// What greedy sampling takes.
  int32_t best() const { return mostLikely; }

private:
  Distribution(std::span<const float> logits, double logSum, int32_t best)
      : logits(logits), logSum(logSum), mostLikely(best) {}

  std::span<const float> logits;
  double logSum; // log(sum(exp(logits - the largest)))
  int32_t mostLikely;
};

} // namespace dsv2::sampling

#endif // RUNTIME_SAMPLING_DISTRIBUTION_H
