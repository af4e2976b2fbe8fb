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

/// A machine of so many FLOP a byte.
TargetModel withRidge(double ridge) {
  TargetModel target;
  target.memoryBandwidth = 1e9;
  target.cacheBandwidth = 1e10;
  target.peakF32 = target.peakBF16 = ridge * 1e9;
  return target;
}
AbsorptionRule ruleWithRidge(const AttentionShape &shape, double ridge) {
  return getAbsorptionRule(shape, withRidge(ridge), NumberType::BF16);
}

TEST(AttentionForms, ThresholdsOfTheSpecification) {
  // kappa = 341.3: P = 0 -> 0, 128 -> 117, 1K -> 158, infinity -> 171.
  for (const AttentionShape &shape : {kV2, kLite}) {
    EXPECT_EQ(flopThreshold(shape, 0), 0);
    EXPECT_EQ(std::lround(flopThreshold(shape, 128)), 117);
    EXPECT_EQ(std::lround(flopThreshold(shape, 1000)), 158);
    EXPECT_EQ(std::lround(flopThreshold(shape, 1024)), 158);
    EXPECT_NEAR(flopThreshold(shape, 1e12), 341.33 / 2, 1e-2);
    EXPECT_EQ(std::lround(flopThreshold(shape, 1e12)), 171);
  }
}

TEST(AttentionForms, ThresholdsAgreeWithTheFlops) {
  // Off the threshold by more than the token that T* rounds away.
  for (double prefix : {128., 1024., 65536.}) {
    double threshold = flopThreshold(kLite, prefix);
    EXPECT_LT(absorbedFlops(kLite, threshold - 2, prefix),
              expandedFlops(kLite, threshold - 2, prefix));
    EXPECT_GT(absorbedFlops(kLite, threshold + 1, prefix),
              expandedFlops(kLite, threshold + 1, prefix));
  }
}

TEST(AttentionForms, WithoutMemoryTheRuleIsThatOfTheFlops) {
  for (const AttentionShape &shape : {kV2, kLite}) {
    AbsorptionRule rule = ruleWithRidge(shape, 0);
    for (int64_t prefix : {1, 128, 1024, 16384, 163840})
      EXPECT_NEAR(double(rule.threshold(prefix, 0, 1000)), flopThreshold(shape, double(prefix)), 2)
          << prefix; // the rule counts T + 1 tokens seen where T* counts T
    EXPECT_EQ(rule.threshold(128, 0, 1000), 116);
    EXPECT_EQ(rule.threshold(0, 0, 1000), 0);
  }
}

TEST(AttentionForms, TheRuleComparesPredictedTimes) {
  // The same as two predictions without launches, on every machine.
  for (const TargetModel &target : getBuiltinTargets())
    for (const AttentionShape &shape : {kV2, kLite}) {
      AbsorptionRule rule = getAbsorptionRule(shape, target, NumberType::BF16);
      for (double prefix : {0., 100., 4096.})
        for (double tokens : {1., 20., 100., 150., 300., 512.}) {
          auto seconds = [&](double flops) {
            OpCost cost;
            cost.weightBytes = 2. * shape.latent * (shape.nope + shape.value) * shape.heads;
            cost.cacheBytes = 2. * (shape.latent + shape.rope) * (prefix + tokens);
            cost.dotFlops = flops;
            return predict(cost, target, /*launches=*/false).seconds;
          };
          double absorbed = seconds(absorbedFlops(shape, tokens, prefix));
          double expanded = seconds(expandedFlops(shape, tokens, prefix));
          if (std::abs(absorbed - expanded) > 1e-6 * expanded) {
            EXPECT_EQ(rule.absorbs(int64_t(tokens), int64_t(prefix), 0), absorbed < expanded)
                << target.name << ": " << tokens << " after " << prefix;
          } else {
            EXPECT_TRUE(rule.absorbs(int64_t(tokens), int64_t(prefix), 0)); // a tie
          }
        }
    }
}

TEST(AttentionForms, AWiderRidgeAbsorbsMore) {
  int64_t last = -1;
  for (double ridge : {0., 10., 30., 100., 300.}) {
    int64_t threshold = ruleWithRidge(kV2, ridge).threshold(0, 0, 4096);
    EXPECT_GT(threshold, last) << ridge;
    last = threshold;
  }
}

TEST(AttentionForms, AStepThatAbsorbsOthersAbsorbsMore) {
  for (const AttentionShape &shape : {kV2, kLite})
    for (double ridge : {10., 30., 300.}) {
      AbsorptionRule rule = ruleWithRidge(shape, ridge);
      for (int64_t prefix : {0, 128, 4096})
        for (int64_t tokens : {1, 10, 30, 60, 100, 160, 200, 400})
          for (int64_t batch : {1, 8, 64})
            EXPECT_LE(rule.absorbs(tokens, prefix, 0), rule.absorbs(tokens, prefix, batch));
      EXPECT_GT(rule.threshold(0, 8, 4096), rule.threshold(0, 0, 4096));
      // What expanding saves of a long prompt pays for a second stream.
      EXPECT_FALSE(rule.absorbs(512, 0, 8));
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

TEST(AttentionForms, MergingWinsInTimeWhereTheLatentIsNarrow) {
  // Specification §3.1: merged wins only where dc < dn, which is T15.
  const TargetModel &cpu = *findBuiltinTarget("znver4"), &gpu = *findBuiltinTarget("h100");
  using enum ProjectionForm;
  for (TargetModel target : {cpu, gpu}) {
    target.launchSeconds = 0;
    for (double tokens : {1., 512.}) {
      for (auto [shape, input, hidden, wins] :
           {std::tuple(kV2, 1536, 5120, false), std::tuple(kLite, 2048, 2048, false),
            std::tuple(kNarrow, 64, 64, true)}) {
        auto query = [&, shape = shape, input = input](ProjectionForm form) {
          return queryProjectionSeconds(shape, input, form, tokens, target, NumberType::BF16);
        };
        auto output = [&, shape = shape, hidden = hidden](ProjectionForm form) {
          return outputProjectionSeconds(shape, hidden, form, tokens, target, NumberType::BF16);
        };
        EXPECT_EQ(query(Merged) < query(Factored), wins);
        EXPECT_EQ(output(Merged) < output(Factored), wins);
      }
    }
  }
  // An op less is a launch less, which decides where weights are tiny.
  const AttentionShape tiny = {4, 16, 8, 16, 32};
  EXPECT_GT(mergedQueryExtraFlops(tiny, 64), 0);
  EXPECT_LT(queryProjectionSeconds(tiny, 64, Merged, 1, gpu, NumberType::BF16),
            queryProjectionSeconds(tiny, 64, Factored, 1, gpu, NumberType::BF16));
}

TEST(AttentionForms, NarrowLatentIsAlwaysAbsorbed) {
  EXPECT_TRUE(isAbsorbingNeverDearer(kNarrow));
  EXPECT_EQ(flopThreshold(kNarrow, 100), std::numeric_limits<double>::infinity());
  for (double prefix : {0., 7., 1e5})
    for (double tokens : {1., 16., 512.}) {
      EXPECT_LE(absorbedFlops(kNarrow, tokens, prefix), expandedFlops(kNarrow, tokens, prefix));
      EXPECT_TRUE(ruleWithRidge(kNarrow, 10).absorbs(int64_t(tokens), int64_t(prefix), 0));
    }
  // 2 dc = dn + dv: equal attention, so absorbing is never dearer.
  EXPECT_TRUE(isAbsorbingNeverDearer({4, 16, 8, 16, 16}));
}

} // namespace
