//===- AttentionKernelsTest.cpp - Reference of latent attention -----------===//
//
// Values by hand for two sequences, ranges, and that undefined rows stay so.
//
//===----------------------------------------------------------------------===//

#include "test/unit/dialects/DSV2/reference/Evaluation.h"

#include <cmath>

using namespace dsv2::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
/// A cache whose row of the second sequence's position 0 is [5, 6 | 0, 0], and
/// the new tokens' rows appended.
const std::string appended = R"(
  %empty = arith.constant dense<0.0> : tensor<1x3x64x4xf32, #cache>
  %old = arith.constant dense<[5.0, 6.0, 0.0, 0.0]> : tensor<4xf32>
  %new = arith.constant dense<[[1.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.5], [2.0, 2.0, 0.0, 0.0],
                               [7.0, 8.0, 0.0, 0.0]]> : tensor<4x4xf32>
  %row = tensor.expand_shape %old [[0, 1, 2, 3]] output_shape [1, 1, 1, 4]
    : tensor<4xf32> into tensor<1x1x1x4xf32>
  %c0 = arith.constant 0 : index
  %plain = tensor.cast %empty : tensor<1x3x64x4xf32, #cache> to tensor<1x3x64x4xf32>
  %filled = tensor.insert_slice %row into %plain[0, 0, 0, 0] [1, 1, 1, 4] [1, 1, 1, 1]
    : tensor<1x1x1x4xf32> into tensor<1x3x64x4xf32>
  %cached = tensor.cast %filled : tensor<1x3x64x4xf32> to tensor<1x3x64x4xf32, #cache>
  %cache = dsv2.append_latent %new into %cached[%c0] at %batch
    : (tensor<4x4xf32>, tensor<1x3x64x4xf32, #cache>, index, !batch)
    -> tensor<1x3x64x4xf32, #cache>
)";

std::string function(const std::string &results, const std::string &body) {
  return aliases + "func.func @f() -> " + results + " {" + twoSequences + appended + body + "}";
}

double softmaxMean(std::vector<double> logits, std::vector<double> values) {
  double sum = 0, mean = 0;
  for (size_t j = 0; j < logits.size(); ++j) {
    sum += std::exp(logits[j]);
    mean += std::exp(logits[j]) * values[j];
  }
  return mean / sum;
}
} // namespace

TEST(AttentionKernels, AppendGoesToThePositionsSlot) {
  auto values = Snippet(function("tensor<1x3x64x4xf32, #cache>",
                                 "return %cache : tensor<1x3x64x4xf32, #cache>"))
                    .value();
  auto at = [&](int page, int slot) { return values[(page * 64 + slot) * 4]; };
  EXPECT_EQ(at(2, 0), 1); // first sequence on page 2
  EXPECT_EQ(at(2, 2), 2);
  EXPECT_EQ(at(0, 0), 5); // second on page 0, its prefix kept
  EXPECT_EQ(at(0, 1), 7);
  EXPECT_EQ(at(1, 0), 0);
}

TEST(AttentionKernels, ByDefinition) {
  // One head; key = first latent, value = second latent.
  Snippet snippet(function("tensor<4x1x1xf32>", R"(
    %q = arith.constant dense<[[[1.0, 0.0, 0.0]], [[1.0, 2.0, 0.0]], [[0.0, 2.0, 4.0]],
                               [[1.0, 0.0, 0.0]]]> : tensor<4x1x3xf32>
    %kv_b = arith.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
    %o = dsv2.mla_attention %q, %cache[%c0], %kv_b at %batch scale = 0.5
      : (tensor<4x1x3xf32>, tensor<1x3x64x4xf32, #cache>, index, tensor<2x2xf32>, !batch)
      -> tensor<4x1x1xf32>
    return %o : tensor<4x1x1xf32>)"));
  auto values = snippet.value();
  ASSERT_EQ(values.size(), 4u) << snippet.diagnostics;
  EXPECT_DOUBLE_EQ(values[0], 0);
  EXPECT_DOUBLE_EQ(values[1], softmaxMean({0.5 * (1 + 2 * 0.5), 0}, {0, 1}));
  EXPECT_DOUBLE_EQ(values[2], softmaxMean({0.5 * 1, 0.5 * 2, 0}, {0, 1, 2}));
  EXPECT_DOUBLE_EQ(values[3], softmaxMean({0.5 * 5, 0.5 * 7}, {6, 8}));
}

TEST(AttentionKernels, FormsAgreeAndRangesAreKept) {
  // W_UK = [[1, 2]], W_UV = [[3, 1]]: the absorbed query is q * W_UK.
  Snippet snippet(function(
      "(tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)", R"(
    %q = arith.constant dense<[[[1.0, 0.0, 0.0]], [[1.0, 2.0, 0.0]], [[0.5, 2.0, 4.0]],
                               [[-1.0, 0.0, 0.0]]]> : tensor<4x1x3xf32>
    %kv_b = arith.constant dense<[[1.0, 2.0], [3.0, 1.0]]> : tensor<2x2xf32>
    %k = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
    %v = arith.constant dense<[[[3.0, 1.0]]]> : tensor<1x1x2xf32>
    %kt = dsv2.transpose %k : tensor<1x1x2xf32> -> tensor<1x2x1xf32>
    %a = dsv2.mla_attention %q, %cache[%c0], %kv_b at %batch scale = 0.25
      : (tensor<4x1x3xf32>, tensor<1x3x64x4xf32, #cache>, index, tensor<2x2xf32>, !batch)
      -> tensor<4x1x1xf32>
    %b = dsv2.expanded_attention %q, %cache[%c0], %k, %v at %batch range = expanded scale = 0.25
      : (tensor<4x1x3xf32>, tensor<1x3x64x4xf32, #cache>, index, tensor<1x1x2xf32>,
         tensor<1x1x2xf32>, !batch) -> tensor<4x1x1xf32>
    %qc = dsv2.head_linear %q, %kt at %batch range = absorbed through = 2
      : (tensor<4x1x3xf32>, tensor<1x2x1xf32>, !batch) -> tensor<4x1x4xf32>
    %l = dsv2.latent_attention %qc, %cache[%c0] at %batch range = absorbed scale = 0.25
      : (tensor<4x1x4xf32>, tensor<1x3x64x4xf32, #cache>, index, !batch) -> tensor<4x1x2xf32>
    %both = dsv2.head_linear %l, %v at %batch range = absorbed update outs(%b)
      : (tensor<4x1x2xf32>, tensor<1x1x2xf32>, !batch, tensor<4x1x1xf32>) -> tensor<4x1x1xf32>
    %c = dsv2.expanded_attention %q, %cache[%c0], %k, %v at %batch range = expanded scale = 0.25
      : (tensor<4x1x3xf32>, tensor<1x3x64x4xf32, #cache>, index, tensor<1x1x2xf32>,
         tensor<1x1x2xf32>, !batch) -> tensor<4x1x1xf32>
    return %a, %both, %c : tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)"));
  auto values = snippet.run();
  ASSERT_EQ(values.size(), 3u) << snippet.diagnostics;
  for (int t = 0; t < 4; ++t)
    EXPECT_NEAR(values[0][t], values[1][t], 1e-14) << t;
  // The absorbed sequence is the first: the expanded form leaves it undefined.
  EXPECT_TRUE(std::isnan(values[2][0]));
  EXPECT_FALSE(std::isnan(values[2][3]));
}

// Specification section 3.7: dot, then scale, then probabilities are rounded.
TEST(AttentionKernels, RoundingPoints) {
  Snippet snippet(R"(
!batch = !dsv2.batch<tokens = 2, sequences = 1, outputs = 1, span = 64>
#cache = #dsv2.cache<latent = 1, rope = 1>
func.func @f() -> tensor<2x1x1xbf16> {
  %pos = arith.constant dense<[0, 1]> : tensor<2xi32>
  %seq = arith.constant dense<0> : tensor<2xi32>
  %starts = arith.constant dense<[0, 2]> : tensor<2xi32>
  %prefix = arith.constant dense<0> : tensor<1xi32>
  %pages = arith.constant dense<0> : tensor<1x1xi32>
  %rows = arith.constant dense<0> : tensor<1xi32>
  %batch = dsv2.make_batch %pos, %seq, %starts, %prefix, %pages, %rows
    : (tensor<2xi32>, tensor<2xi32>, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32>, tensor<1xi32>)
    -> !batch
  %empty = arith.constant dense<0.0> : tensor<1x1x64x2xbf16, #cache>
  %new = arith.constant dense<[[1.0, 0.5], [1.0078125, 0.25]]> : tensor<2x2xbf16>
  %c0 = arith.constant 0 : index
  %cache = dsv2.append_latent %new into %empty[%c0] at %batch
    : (tensor<2x2xbf16>, tensor<1x1x64x2xbf16, #cache>, index, !batch)
    -> tensor<1x1x64x2xbf16, #cache>
  %q = arith.constant dense<[[[1.0, 1.0]], [[1.0078125, 0.3359375]]]> : tensor<2x1x2xbf16>
  %kv_b = arith.constant dense<[[1.0078125], [1.0078125]]> : tensor<2x1xbf16>
  %o = dsv2.mla_attention %q, %cache[%c0], %kv_b at %batch scale = 0.7
    : (tensor<2x1x2xbf16>, tensor<1x1x64x2xbf16, #cache>, index, tensor<2x1xbf16>, !batch)
    -> tensor<2x1x1xbf16>
  return %o : tensor<2x1x1xbf16>
})");
  mlir::Type bf16 = mlir::BFloat16Type::get(&snippet.context);
  auto rnd = [&](double x) { return roundTo(x, bf16); };
  double w = 1.0078125, key0 = rnd(w), key1 = rnd(w * w);
  double scale = double(0.7f);
  double l0 = rnd(rnd(w * key0 + 0.3359375 * 0.5) * scale);
  double l1 = rnd(rnd(w * key1 + 0.3359375 * 0.25) * scale);
  double sum = 1 + std::exp(std::min(l0, l1) - std::max(l0, l1));
  double p0 = rnd(std::exp(l0 - std::max(l0, l1)) / sum);
  double p1 = rnd(std::exp(l1 - std::max(l0, l1)) / sum);
  EXPECT_THAT(snippet.value(Precision::Model), ElementsAre(key0, rnd(p0 * key0 + p1 * key1)));
}

TEST(AttentionKernels, PagesOutsideTheCacheAreNamed) {
  std::string text = function("tensor<1x3x64x4xf32, #cache>",
                              "return %cache : tensor<1x3x64x4xf32, #cache>");
  text.replace(text.find("dense<[[2], [0]]>"), 17, "dense<[[3], [0]]>");
  Snippet snippet(text);
  EXPECT_TRUE(snippet.run().empty());
  EXPECT_THAT(snippet.diagnostics,
              HasSubstr("no row in the cache for layer 0, position 0 of sequence 0"));
}
