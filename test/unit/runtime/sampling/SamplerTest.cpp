//===- SamplerTest.cpp - Logits to tokens ---------------------------------===//
//
// Each filter against its definition, and the draw's distribution.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/Sampler.h"

#include <cmath>
#include <gmock/gmock.h>
#include <map>
#include <vector>

using namespace dsv2::sampling;
using testing::HasSubstr;

/// How often each token is drawn at 20,000 positions.
static std::map<int32_t, double> draws(const std::vector<float> &logits,
                                       const SamplingParameters &parameters) {
  std::map<int32_t, double> counts;
  for (int64_t position = 0; position < 20000; ++position)
    counts[*sample(logits, parameters, position)] += 1 / 20000.0;
  return counts;
}

TEST(Sampler, GreedyTakesTheLowestIdOfTies) {
  EXPECT_EQ(*sample(std::vector<float>{1, 3, 3, 2}, {}, 0), 1);
  EXPECT_EQ(*sample(std::vector<float>{-INFINITY, -5}, {}, 0), 1);
}

TEST(Sampler, DrawsByProbability) {
  std::vector<float> logits = {std::log(1.f), std::log(2.f), std::log(5.f)};
  auto counts = draws(logits, {.temperature = 1});
  EXPECT_NEAR(counts[0], 0.125, 0.01);
  EXPECT_NEAR(counts[1], 0.25, 0.01);
  EXPECT_NEAR(counts[2], 0.625, 0.01);
  counts = draws(logits, {.temperature = 0.5});
  EXPECT_NEAR(counts[0], 1 / 30.0, 0.01);
  EXPECT_NEAR(counts[2], 25 / 30.0, 0.01);
}

TEST(Sampler, TopKComesBeforeTopP) {
  // Probabilities .4 .3 .2 .1.
  std::vector<float> logits = {std::log(.2f), std::log(.4f), std::log(.1f),
                               std::log(.3f)};
  auto counts = draws(logits, {.temperature = 1, .topK = 2});
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_NEAR(counts[1], 4 / 7.0, 0.015);
  // Of the whole, .4 + .3 do not reach .75; of the best three they do.
  counts = draws(logits, {.temperature = 1, .topP = 0.75});
  EXPECT_EQ(counts.size(), 3u);
  counts = draws(logits, {.temperature = 1, .topK = 3, .topP = 0.75});
  EXPECT_EQ(counts.size(), 2u);
  counts = draws(logits, {.temperature = 1, .topP = 1e-9});
  EXPECT_EQ(counts.size(), 1u);
  EXPECT_NEAR(counts[1], 1, 1e-9);
}

TEST(Sampler, EqualLogitsAreCutByLowestId) {
  auto counts = draws({0, 0, 0, 0}, {.temperature = 1, .topK = 2});
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_NEAR(counts[0], 0.5, 0.02);
  EXPECT_NEAR(counts[1], 0.5, 0.02);
}

TEST(Sampler, DependsOnSeedAndPositionAlone) {

  // The definition, computed in Python.
  EXPECT_EQ(uniformAt(42, 7), 0.7347204584623639);
  EXPECT_NE(uniformAt(0, 0), uniformAt(0, 1));
  EXPECT_NE(uniformAt(0, 0), uniformAt(1, 0));
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    double u = uniformAt(42, i);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.01);
}

TEST(Sampler, RefusesWhatIsNoNumber) {
  EXPECT_THAT(sample(std::vector<float>{1, NAN}, {}, 7).message(),
              HasSubstr("position 7 hold a NaN at token 1"));
  EXPECT_FALSE(sample(std::vector<float>{-INFINITY}, {}, 0).ok());
  EXPECT_FALSE(validate({.temperature = -1}).ok());
  EXPECT_FALSE(validate({.temperature = NAN}).ok());
  EXPECT_FALSE(validate({.topP = 0}).ok());
  EXPECT_FALSE(validate({.topK = -1}).ok());
  EXPECT_TRUE(validate({}).ok());
}
