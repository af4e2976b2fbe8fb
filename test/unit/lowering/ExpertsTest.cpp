//===- ExpertsTest.cpp - Lowering of the mixture of experts ---------------===//
//
// Routing, sort and combination against their definitions, with ties, groups,
// a best expert in a rejected group, and scores that are not numbers.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/TypedBuffer.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace dsv2::test;

namespace {

class Experts : public TypedKernels {};

class Routing : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!KernelModule::runs(GetParam()))
      GTEST_SKIP() << "this CPU does not run " << GetParam();
  }
};

struct Choice {
  int experts, k, groups = 1, kept = 1;
  float scale = 1;
  bool normalize = false;
};

std::unique_ptr<KernelModule> compileSelection(const Choice &c, const char *variant) {
  return KernelModule::compile(
      substitute(R"(
    func.func @f(%x: memref<?x$0xf32> {dsv2.count = "tokens"}, %w: memref<?x$1xf32> {dsv2.count = "tokens"},
                 %e: memref<?x$1xi32> {dsv2.count = "tokens"}) {
      dsv2.select_experts %x groups = $2 kept_groups = $3 scale = $4 $5 outs(%w, %e)
        : (memref<?x$0xf32>, memref<?x$1xf32>, memref<?x$1xi32>) -> ()
      return
    })", {std::to_string(c.experts), std::to_string(c.k), std::to_string(c.groups),
          std::to_string(c.kept), std::to_string(c.scale), c.normalize ? "normalize" : ""}),
      variant);
}

struct Chosen {
  std::vector<float> weights;
  std::vector<int32_t> experts;
  bool operator==(const Chosen &other) const = default;
};

Chosen run(KernelModule &module, const Choice &c, std::vector<float> logits, int threads) {
  int tokens = logits.size() / c.experts;
  TestBatch batch(TestBatch::Sequence{0, tokens});
  Chosen result{std::vector<float>(tokens * c.k), std::vector<int32_t>(tokens * c.k, -1)};
  module.call("f", batch.batch,
              {logits.data(), result.weights.data(), result.experts.data()}, threads);
  return result;
}

/// Specification §4. Softmax in f32, so that what is a tie there is one here.
Chosen choose(const Choice &c, const std::vector<float> &logits) {
  Chosen result;
  for (size_t first = 0; first < logits.size(); first += c.experts) {
    std::vector<float> scores(&logits[first], &logits[first] + c.experts);
    float most = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (float &s : scores)
      sum += s = std::exp(s - most);
    for (float &s : scores)
      s /= sum;
    auto order = [](const std::vector<float> &values, int count) {
      std::vector<int> indices(values.size());
      std::iota(indices.begin(), indices.end(), 0);
      std::sort(indices.begin(), indices.end(), [&](int a, int b) {
        return values[a] > values[b] || (values[a] == values[b] && a < b);
      });
      indices.resize(count);
      return indices;
    };
    int size = c.experts / c.groups;
    std::vector<float> best;
    for (int g = 0; g < c.groups; ++g)
      best.push_back(*std::max_element(&scores[g * size], &scores[g * size] + size));
    std::vector<int> kept = order(best, c.kept);
    for (int e = 0; e < c.experts; ++e)
      if (std::find(kept.begin(), kept.end(), e / size) == kept.end())
        scores[e] = 0;
    double total = 0;
    std::vector<int> top = order(scores, c.k);
    for (int e : top)
      total += scores[e];
    for (int e : top) {
      result.experts.push_back(e);
      result.weights.push_back(c.normalize && c.k > 1 ? scores[e] / (total + 1e-20)
                                                      : scores[e] * c.scale);
    }
  }
  return result;
}

void expectEqual(const Chosen &got, const Chosen &want, const char *what) {
  ASSERT_EQ(got.experts, want.experts) << what;
  for (size_t i = 0; i < want.weights.size(); ++i)
    ASSERT_NEAR(got.weights[i], want.weights[i], 1e-6 * want.weights[i]) << what << ", pair " << i;
}

TEST_P(Routing, SelectsExperts) {
  for (Choice c : {Choice{64, 6}, Choice{160, 6, 8, 3, 16}, Choice{8, 2}, Choice{8, 8}, Choice{19, 3},
                   Choice{24, 4, 4, 2, 2.5, true}, Choice{16, 3, 4, 2, 16}, Choice{8, 1, 1, 1, 2.5, true},
                   Choice{1, 1}, Choice{256, 256}, Choice{256, 8, 8, 4, 2.5, true}, Choice{12, 2, 12, 5}}) {
    SCOPED_TRACE(std::to_string(c.experts) + " experts, k = " + std::to_string(c.k));
    auto module = compileSelection(c, GetParam());
    ASSERT_TRUE(module);
    std::mt19937 generator(c.experts);
    std::normal_distribution<float> normal(0, 2);
    std::vector<float> spread(23 * c.experts), tied(23 * c.experts);
    for (float &x : spread)
      x = normal(generator);
    for (float &x : tied)
      x = std::round(normal(generator) / 2);
    Chosen chosen = run(*module, c, spread, 1);
    expectEqual(chosen, choose(c, spread), "spread logits");
    EXPECT_EQ(run(*module, c, spread, 2), chosen);
    EXPECT_EQ(run(*module, c, spread, 3), chosen);
    expectEqual(run(*module, c, tied, 2), choose(c, tied), "tied logits");
    std::vector<float> equal(2 * c.experts, 3.0f);
    expectEqual(run(*module, c, equal, 2), choose(c, equal), "equal logits");
  }
}

TEST_P(Routing, BestExpertInARejectedGroupIsRejected) {
  // Groups of 3 experts; the second best expert is in the worst group kept out.
  Choice c{12, 3, 4, 2, 4};
  auto module = compileSelection(c, GetParam());
  ASSERT_TRUE(module);
  Chosen chosen = run(*module, c, {1, 2, 7, 6, 6.5f, 6.8f, 8, 0, 0, 5, 6.9f, 6}, 1);
  EXPECT_EQ(chosen.experts, (std::vector<int32_t>{6, 2, 1}));
  // Groups that tie: the lowest are kept.
  chosen = run(*module, c, {0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1}, 1);
  EXPECT_EQ(chosen.experts, (std::vector<int32_t>{2, 4, 0}));
}

TEST_P(Routing, VanishingScoresAndExtremes) {
  // All but one score is zero in f32: ties among experts kept and rejected.
  Choice c{12, 3, 4, 2, 4};
  auto module = compileSelection(c, GetParam());
  ASSERT_TRUE(module);
  std::vector<float> far{0, 0, 0, 0, 0, 0, 0, 0, 500, 0, 0, 0};
  expectEqual(run(*module, c, far, 1), choose(c, far), "one expert far ahead");
  std::vector<float> huge{-3e38f, 3e38f, 0, 0, 0, 0, 0, 3e38f, 0, 0, 0, 0};
  expectEqual(run(*module, c, huge, 1), choose(c, huge), "logits at the end of the range");
}

TEST_P(Routing, ScoresThatAreNotNumbersStillNameExperts) {
  for (Choice c : {Choice{12, 3, 4, 2}, Choice{64, 6}, Choice{19, 19}}) {
    auto module = compileSelection(c, GetParam());
    ASSERT_TRUE(module);
    for (float bad : {float(NAN), float(INFINITY), -float(INFINITY)}) {
      std::vector<float> one(c.experts, 1.0f), all(c.experts, bad);
      one[c.experts / 2] = bad;
      for (const std::vector<float> &logits : {one, all}) {
        Chosen chosen = run(*module, c, logits, 1);
        for (int32_t expert : chosen.experts)
          EXPECT_TRUE(expert >= 0 && expert < c.experts) << expert << " for " << bad;
        if (std::isnan(bad))
          EXPECT_TRUE(std::isnan(chosen.weights[0]));
      }
    }
  }
}

TEST_P(Routing, DispatchSortsPairsStably) {
  struct Case {
    int experts, k, tokens;
  };
  for (Case c : {Case{8, 2, 9}, Case{160, 6, 100}, Case{64, 6, 1}, Case{1, 1, 5}, Case{5, 5, 512}}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%e: memref<?x$1xi32> {dsv2.count = "tokens"}, %offsets: memref<$0xi32>,
                   %order: memref<?x$1xi32> {dsv2.count = "tokens"}, %places: memref<?x$1xi32> {dsv2.count = "tokens"}) {
        dsv2.dispatch %e outs(%offsets, %order, %places)
          : (memref<?x$1xi32>, memref<$0xi32>, memref<?x$1xi32>, memref<?x$1xi32>) -> ()
        return
      })", {std::to_string(c.experts + 1), std::to_string(c.k)}), GetParam());
    ASSERT_TRUE(module);
    TestBatch batch(TestBatch::Sequence{0, c.tokens});
    int pairs = c.tokens * c.k;
    // Spread, and all to one expert.
    for (int factor : {7, 0}) {
      std::vector<int32_t> experts(pairs), offsets(c.experts + 1, -1), order(pairs, -1), places(pairs, -1);
      for (int p = 0; p < pairs; ++p)
        experts[p] = (p * factor + p / 3 * factor + c.experts - 1) % c.experts;
      module->call("f", batch.batch, {experts.data(), offsets.data(), order.data(), places.data()}, 3);
      std::vector<int32_t> sorted(pairs);
      std::iota(sorted.begin(), sorted.end(), 0);
      std::sort(sorted.begin(), sorted.end(),
                [&](int a, int b) { return std::pair(experts[a], a) < std::pair(experts[b], b); });
      EXPECT_EQ(order, sorted);
      for (int i = 0; i < pairs; ++i)
        ASSERT_EQ(places[sorted[i]], i);
      for (int e = 0; e <= c.experts; ++e)
        ASSERT_EQ(offsets[e], std::count_if(experts.begin(), experts.end(), [&](int x) { return x < e; })) << e;
    }
  }
}

TEST_P(Experts, CombineSumsInOrderAndRoundsOnce) {
  constexpr int tokens = 7;
  for (auto [k, d] : {std::pair(1, 24), {2, 19}, {6, 72}, {3, 44}, {8, 256}}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%y: memref<?x$1x$2x$0> {dsv2.count = "tokens"}, %p: memref<?x$1xi32> {dsv2.count = "tokens"},
                   %w: memref<?x$1xf32> {dsv2.count = "tokens"}, %o: memref<?x$2x$0> {dsv2.count = "tokens"}) {
        dsv2.combine %y, %p, %w outs(%o)
          : (memref<?x$1x$2x$0>, memref<?x$1xi32>, memref<?x$1xf32>, memref<?x$2x$0>) -> ()
        return
      })", {type, std::to_string(k), std::to_string(d)}), variant);
    ASSERT_TRUE(module);
    TestBatch batch(TestBatch::Sequence{0, tokens});
    TypedBuffer y(type, tokens * k * d, 1), w("f32", tokens * k, 2), o(type, tokens * d);
    std::vector<int32_t> places(tokens * k);
    std::iota(places.begin(), places.end(), 0);
    std::shuffle(places.begin(), places.end(), std::mt19937(3));
    module->call("f", batch.batch, {y.data(), places.data(), w.data(), o.data()}, 1);
    for (int t = 0; t < tokens; ++t)
      for (int i = 0; i < d; ++i) {
        float sum = 0;
        for (int j = 0; j < k; ++j)
          sum = std::fma(w[t * k + j], y[places[t * k + j] * d + i], sum);
        ASSERT_EQ(o[t * d + i], o.round(sum)) << "k = " << k << ", token " << t << ", column " << i;
      }
    EXPECT_TRUE(o.intact());
    for (int threads : {2, 3}) {
      TypedBuffer again(type, tokens * d);
      module->call("f", batch.batch, {y.data(), places.data(), w.data(), again.data()}, threads);
      EXPECT_EQ(again, o) << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Experts, allVariantsAndTypes(), nameOfVariantAndType);
INSTANTIATE_TEST_SUITE_P(All, Routing, testing::Values("x86-64-v3", "x86-64-v4", "avx512bf16"));

} // namespace
