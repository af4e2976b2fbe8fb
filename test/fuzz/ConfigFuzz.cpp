//===- ConfigFuzz.cpp - Any text as config.json ---------------------------===//
//
// It is refused with a line, or what follows from it stays a number: the bytes
// of all weights in 63 bits, and everything that generated code holds in f32.
//
//===----------------------------------------------------------------------===//

#include "frontend/ModelConfig.h"
#include "frontend/Rope.h"
#include "test/fuzz/Expect.h"

#include <cmath>

using namespace mlir::dsv2;

namespace {
/// A count that must stay below 2^63.
class Count {
public:
  Count(int64_t value) : value(value) {}
  Count operator*(Count other) const {
    int64_t product;
    expect(!__builtin_mul_overflow(value, other.value, &product), "sizes multiply in 63 bits");
    return product;
  }
  Count operator+(Count other) const {
    int64_t sum;
    expect(!__builtin_add_overflow(value, other.value, &sum), "sizes add up in 63 bits");
    return sum;
  }

private:
  int64_t value;
};
} // namespace

/// Bytes of all weights in f32.
static Count weightBytes(const ModelConfig &config) {
  Count hidden = config.hiddenSize, heads = config.heads;
  Count query = heads * config.queryDim();
  Count attention = hidden * config.cacheColumns() +
                    Count(config.latentDim) * heads * (Count(config.nopeDim) + config.valueDim) +
                    heads * config.valueDim * hidden;
  attention = attention + (config.queryRank ? Count(*config.queryRank) * (query + hidden)
                                            : hidden * query);
  // No layer holds both, so this is more than there is.
  Count projections = Count(3) * hidden * config.denseWidth;
  if (config.experts)
    projections = projections + Count(3) * hidden * config.experts->width *
                                    (Count(config.experts->routed) + config.experts->shared) +
                  hidden * config.experts->routed;
  return Count(4) * (Count(config.layers) * (attention + projections) +
                     Count(2) * hidden * config.vocabSize);
}

static void checkExperts(const ExpertConfig &experts) {
  expect(experts.routed >= 1 && experts.groups >= 1 && experts.routed % experts.groups == 0,
         "groups divide the experts");
  expect(experts.keptGroups >= 1 && experts.keptGroups <= experts.groups,
         "some of the groups are kept");
  expect(experts.perToken >= 1 &&
             experts.perToken <= experts.routed / experts.groups * experts.keptGroups,
         "the kept groups hold enough experts");
  expect(float(experts.scale) > 0 && std::isfinite(float(experts.scale)), "a scale in f32");
}

static void checkRope(const ModelConfig &config) {
  expect(config.ropeDim % 2 == 0, "the rotary width is even");
  for (float frequency : rotaryFrequencies(config.rope, config.ropeDim))
    expect(frequency >= 0 && std::isfinite(frequency), "a frequency in f32");
  expect(std::isfinite(rotaryScale(config.rope)), "a rotary scale in f32");
  expect(softmaxScale(config) > 0 && std::isfinite(softmaxScale(config)),
         "a scale of logits in f32");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto json = dsv2::parseJson(text, "config.json");
  if (refused(json))
    return 0;
  auto config = readModelConfig(*json, "config.json");
  if (refused(config))
    return 0;
  weightBytes(*config);
  if (config->experts)
    checkExperts(*config->experts);
  checkRope(*config);
  expect(float(config->normEps) > 0 && std::isfinite(float(config->normEps)),
         "an epsilon in f32");
  expect(config->layers >= 1 && config->vocabSize >= 1 && config->maxPositions >= 1,
         "a model of some size");
  return 0;
}
