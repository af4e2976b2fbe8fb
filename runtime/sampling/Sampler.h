//===- Sampler.h - Logits to a token ----------------------------*- C++ -*-===//
//
// Temperature, then top-k, then top-p (specification section 5), then a draw.
// The same logits, parameters and position give the same token, whatever else
// is computed beside it.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_SAMPLER_H
#define RUNTIME_SAMPLING_SAMPLER_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <span>

namespace dsv2::sampling {

struct SamplingParameters {
  double temperature = 0; // 0: the most likely token, nothing else matters
  int64_t topK = 0;       // keep the k most likely tokens; 0: all
  double topP = 1;        // keep the fewest tokens that reach this probability
  uint64_t seed = 0;
};

/// Whether the most likely token is taken, whatever the draw.
inline bool isGreedy(const SamplingParameters &parameters) {
  return parameters.temperature == 0 || parameters.topK == 1;
}

/// Names a parameter outside its range: temperature >= 0 and finite, topK >= 0,
/// 0 < topP <= 1.
Status validate(const SamplingParameters &parameters);

/// The draw for one position, in [0, 1): with mix the finalizer of splitmix64
/// and g = 0x9E3779B97F4A7C15, the upper 53 bits of
///   mix(mix(seed + g) + (position + 1) * g)  (mod 2^64), times 2^-53.
double uniformAt(uint64_t seed, int64_t position);

/// The token to put at `position`, given logits [vocabulary] of the position
/// before it. Tokens of equal logits rank by id, lowest first. Errors: a logit
/// is NaN, or none is finite.
Expected<int32_t> sample(std::span<const float> logits,
                         const SamplingParameters &parameters,
                         int64_t position);

} // namespace dsv2::sampling

#endif // RUNTIME_SAMPLING_SAMPLER_H
