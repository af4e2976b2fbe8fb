//===- Sampler.cpp - Logits to a token ------------------------------------===//
//
// A heap gives the tokens in falling order one by one, so that a narrow top-p
// of a large vocabulary does not sort it.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/Sampler.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace dsv2::sampling {

Status validate(const SamplingParameters &parameters) {
  if (!(parameters.temperature >= 0) || !std::isfinite(parameters.temperature))
    return Status::error("temperature: expected a number of at least 0, got " +
                         std::to_string(parameters.temperature));
  if (parameters.topK < 0)
    return Status::error("top-k: expected at least 0, got " +
                         std::to_string(parameters.topK));
  if (!(parameters.topP > 0 && parameters.topP <= 1))
    return Status::error("top-p: expected a number over 0 and at most 1, got " +
                         std::to_string(parameters.topP));
  return Status::success();
}

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double uniformAt(uint64_t seed, int64_t position) {
  constexpr uint64_t Golden = 0x9E3779B97F4A7C15;
  uint64_t bits =
      mix(mix(seed + Golden) + (static_cast<uint64_t>(position) + 1) * Golden);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// The most likely token, or an error where a logit is no number.
static Expected<int32_t> mostLikely(std::span<const float> logits,
                                    int64_t position) {
  auto where = [&] {
    return "the logits for position " + std::to_string(position);
  };
  int64_t best = -1;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]))
      return Status::error(where() + " hold a NaN at token " +
                           std::to_string(i));
    if (best < 0 || logits[i] > logits[best])
      best = static_cast<int64_t>(i);
  }
  if (best < 0 || !std::isfinite(logits[best]))
    return Status::error(where() + " have no finite maximum");
  return static_cast<int32_t>(best);
}

Expected<int32_t> sample(std::span<const float> logits,
                         const SamplingParameters &parameters,
                         int64_t position) {
  Expected<int32_t> best = mostLikely(logits, position);
  if (!best.ok() || isGreedy(parameters))
    return best;

  double top = logits[*best];
  auto weight = [&](int32_t id) {
    return std::exp((double(logits[id]) - top) / parameters.temperature);
  };
  std::vector<int32_t> heap(logits.size());
  double total = 0;
  for (size_t i = 0; i < heap.size(); ++i)
    heap[i] = static_cast<int32_t>(i);
  // std heaps have their largest element first: "a is less likely than b".
  auto lessLikely = [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] < logits[b] : a > b;
  };
  size_t limit = parameters.topK == 0
                     ? heap.size()
                     : std::min<size_t>(heap.size(), parameters.topK);
  if (limit < heap.size()) {
    std::nth_element(heap.begin(), heap.begin() + limit, heap.end(),
                     [&](int32_t a, int32_t b) { return lessLikely(b, a); });
    heap.resize(limit);
    // The sum must not depend on the order that nth_element leaves.
    std::sort(heap.begin(), heap.end());
  }
  for (int32_t id : heap)
    total += weight(id);
  std::make_heap(heap.begin(), heap.end(), lessLikely);

  std::vector<int32_t> kept;
  std::vector<double> cumulative;
  double sum = 0;
  while (!heap.empty() && (kept.empty() || sum < parameters.topP * total)) {
    std::pop_heap(heap.begin(), heap.end(), lessLikely);
    kept.push_back(heap.back());
    heap.pop_back();
    sum += weight(kept.back());
    cumulative.push_back(sum);
  }
  double draw = uniformAt(parameters.seed, position) * sum;
  size_t chosen = std::upper_bound(cumulative.begin(), cumulative.end(), draw) -
                  cumulative.begin();
  return kept[std::min(chosen, kept.size() - 1)];
}

} // namespace dsv2::sampling
