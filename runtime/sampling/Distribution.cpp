//===- Distribution.cpp - How likely tokens are ---------------------------===//
//
// The maximum is taken out of the sum, so that no exponential overflows.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/Distribution.h"

#include "runtime/sampling/Sampler.h"

#include <cmath>

namespace dsv2::sampling {

Expected<Distribution> Distribution::of(std::span<const float> logits,
                                        int64_t position) {
  Expected<int32_t> best = sample(logits, SamplingParameters(), position);
  if (!best.ok())
    return best.status();
  double top = logits[*best], sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - top);
  return Distribution(logits, std::log(sum), *best);
}

} // namespace dsv2::sampling
