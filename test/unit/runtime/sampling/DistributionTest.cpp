//===- DistributionTest.cpp - How likely tokens are -----------------------===//
//
// Sums to one, survives logits of any size, and finds the best token as greedy
// sampling does.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/Distribution.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace dsv2;
using namespace dsv2::sampling;
using testing::HasSubstr;

static Distribution distributionOf(const std::vector<float> &logits) {
  Expected<Distribution> found = Distribution::of(logits, 1);
  EXPECT_TRUE(found.ok()) << found.message();
  return *found;
}

TEST(DistributionTest, IsTheLogarithmOfSoftmax) {
  std::vector<float> logits = {1, 2, 3, -4};
  double sum = std::exp(1) + std::exp(2) + std::exp(3) + std::exp(-4);
  Distribution found = distributionOf(logits);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(found.logProbability(i), logits[i] - std::log(sum), 1e-14);
  EXPECT_EQ(found.best(), 2);
}

TEST(DistributionTest, KeepsWhatF32Loses) {
  // Each of the small ones is below half an ulp of f32 beside the first.
  std::vector<float> logits(1 << 20, -18.0f);
  logits[0] = 0;
  double sum = 1 + ((1 << 20) - 1) * std::exp(-18.0);
  EXPECT_NEAR(distributionOf(logits).logProbability(0), -std::log(sum), 1e-10);
}

TEST(DistributionTest, LargeLogitsDoNotOverflow) {
  float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> logits = {1e38f, 1e38f, -1e38f, -infinity};
  Distribution found = distributionOf(logits);
  EXPECT_DOUBLE_EQ(found.logProbability(0), -std::log(2.0));
  EXPECT_EQ(found.best(), 0);
  EXPECT_EQ(found.logProbability(3), -infinity);
}

TEST(DistributionTest, NamesWhatIsNoNumber) {
  std::vector<float> logits = {1, NAN};
  EXPECT_THAT(Distribution::of(logits, 7).message(),
              HasSubstr("position 7 hold a NaN at token 1"));
}
