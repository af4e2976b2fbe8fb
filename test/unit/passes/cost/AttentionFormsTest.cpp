//===- AttentionFormsTest.cpp - What the forms of latent attention cost ---===//
//
// The figures of specification §3.1.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/AttentionForms.h"
#include "passes/cost/Workload.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace mlir::dsv2;

namespace {

constexpr AttentionShape kV2 = {128, 128, 64, 128, 512};
constexpr AttentionShape kLite = {16, 128, 64, 128, 512};
/// T15: a latent narrower than the heads.
constexpr AttentionShape kNarrow = {4, 16, 8, 16, 8};

TEST(AttentionForms, ThresholdsOfTheSpecification) {
  for (const AttentionShape &shape : {kV2, kLite}) {
    AbsorptionRule rule = getAbsorptionRule(shape);
    EXPECT_NEAR(double(rule.numerator) / double(rule.denominator), 341.3, 0.05);
    EXPECT_EQ(rule.threshold(0), 0);
    EXPECT_EQ(std::lround(rule.threshold(128)), 117);
    EXPECT_EQ(std::lround(rule.threshold(1000)), 158);
    EXPECT_EQ(std::lround(rule.threshold(1024)), 158);
    EXPECT_EQ(std::lround(rule.limit()), 171);
    EXPECT_NEAR(rule.threshold(1e12), rule.limit(), 1e-3);
  }
}

TEST(AttentionForms, RuleInWholeNumbersIsTheThreshold) {
  AbsorptionRule rule = getAbsorptionRule(kV2);
  for (int64_t prefix : {0, 1, 63, 128, 1024, 4096, 163840})
    for (int64_t tokens = 1; tokens < 300; ++tokens)
      EXPECT_EQ(rule.absorbs(tokens, prefix), double(tokens) <= rule.threshold(prefix))
          << tokens << " after " << prefix;
  EXPECT_FALSE(rule.absorbs(1, 0));
  EXPECT_TRUE(rule.absorbs(1, 1));
}

TEST(AttentionForms, RuleAgreesWithTheFlops) {
  // Off the threshold by more than the token that the rule rounds away.
  AbsorptionRule rule = getAbsorptionRule(kLite);
  for (double prefix : {128., 1024., 65536.}) {
    double threshold = rule.threshold(prefix);
    EXPECT_LT(absorbedFlops(kLite, threshold - 2, prefix),
              expandedFlops(kLite, threshold - 2, prefix));
    EXPECT_GT(absorbedFlops(kLite, threshold + 1, prefix),
              expandedFlops(kLite, threshold + 1, prefix));
  }
}

TEST(AttentionForms, AttentionFlopsPerPair) {
  // 2176 H a pair absorbed, 640 H expanded.
  auto perPair = [](auto flops, const AttentionShape &shape) {
    return (flops(shape, 1, 1001) - flops(shape, 1, 1000)) / double(shape.heads);
  };
  EXPECT_EQ(perPair(absorbedFlops, kV2), 2176);
  EXPECT_EQ(perPair(expandedFlops, kV2), 640 + 2 * 512 * 256);
  EXPECT_EQ(contextPairs(3, 10), 11 + 12 + 13);
}

TEST(AttentionForms, MergingAddsFlopsWhereTheLatentIsWide) {
  // +620.8 MFLOP a token for V2, +46.1 for V2-Lite.
  EXPECT_NEAR(mergedQueryExtraFlops(kV2, 1536) + mergedOutputExtraFlops(kV2, 5120), 620.8e6,
              0.05e6);
  EXPECT_NEAR(mergedQueryExtraFlops(kLite, 2048) + mergedOutputExtraFlops(kLite, 2048), 46.1e6,
              0.05e6);
  EXPECT_LT(mergedQueryExtraFlops(kNarrow, 64), 0);
  EXPECT_LT(mergedOutputExtraFlops(kNarrow, 64), 0);
}

TEST(AttentionForms, NarrowLatentIsAlwaysAbsorbed) {
  AbsorptionRule rule = getAbsorptionRule(kNarrow);
  EXPECT_TRUE(rule.isAlways());
  EXPECT_EQ(rule.limit(), std::numeric_limits<double>::infinity());
  for (double prefix : {0., 7., 1e5})
    for (double tokens : {1., 16., 512.})
      EXPECT_LE(absorbedFlops(kNarrow, tokens, prefix), expandedFlops(kNarrow, tokens, prefix));
  // 2 dc = dn + dv: equal attention, so absorbing is never dearer.
  EXPECT_TRUE(getAbsorptionRule({4, 16, 8, 16, 16}).isAlways());
}

} // namespace
