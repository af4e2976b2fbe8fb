//===- LayerKernelsTest.cpp - Reference of ops that every transformer has -===//
//
// Small values by hand, and the rounding points of model precision.
//
//===----------------------------------------------------------------------===//

#include "test/unit/dialects/DSV2/reference/Evaluation.h"

#include <cmath>

using namespace dsv2::test;
using testing::DoubleNear;
using testing::ElementsAre;

TEST(LayerKernels, EmbedAndAdd) {
  Snippet snippet(R"(func.func @f() -> tensor<2x2xf32> {
    %ids = arith.constant dense<[2, 0]> : tensor<2xi32>
    %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
    %x = dsv2.embed %ids, %table : (tensor<2xi32>, tensor<3x2xf32>) -> tensor<2x2xf32>
    %y = dsv2.add %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
    return %y : tensor<2x2xf32>
  })");
  EXPECT_THAT(snippet.value(), ElementsAre(10, 12, 2, 4));
}

TEST(LayerKernels, EmbedRefusesUnknownIds) {
  Snippet snippet(R"(func.func @f() -> tensor<1x1xf32> {
    %ids = arith.constant dense<-1> : tensor<1xi32>
    %table = arith.constant dense<1.0> : tensor<3x1xf32>
    %x = dsv2.embed %ids, %table : (tensor<1xi32>, tensor<3x1xf32>) -> tensor<1x1xf32>
    return %x : tensor<1x1xf32>
  })");
  EXPECT_TRUE(snippet.run().empty());
  EXPECT_THAT(snippet.diagnostics, testing::HasSubstr("id -1 is not one of 3"));
}

TEST(LayerKernels, AddRoundsOnce) {
  Snippet snippet(R"(func.func @f() -> tensor<1x1xbf16> {
    %a = arith.constant dense<256.0> : tensor<1x1xbf16>
    %b = arith.constant dense<1.5> : tensor<1x1xbf16>
    %y = dsv2.add %a, %b : (tensor<1x1xbf16>, tensor<1x1xbf16>) -> tensor<1x1xbf16>
    return %y : tensor<1x1xbf16>
  })");
  EXPECT_THAT(snippet.value(), ElementsAre(257.5));
  EXPECT_THAT(snippet.value(Precision::Model), ElementsAre(258));
}

TEST(LayerKernels, RmsNormPassesTrailingColumns) {
  Snippet snippet(R"(func.func @f() -> tensor<1x3xf32> {
    %x = arith.constant dense<[[3.0, 4.0, 7.0]]> : tensor<1x3xf32>
    %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %y = dsv2.rms_norm %x, %w eps = 0.5 : (tensor<1x3xf32>, tensor<2xf32>) -> tensor<1x3xf32>
    return %y : tensor<1x3xf32>
  })");
  double r = 1 / std::sqrt(13.0);
  EXPECT_THAT(snippet.value(), ElementsAre(DoubleNear(3 * r, 1e-15), DoubleNear(8 * r, 1e-15), 7));
}

// Specification section 3.2: x * r is rounded before the weight multiplies.
TEST(LayerKernels, RmsNormRoundsTwice) {
  Snippet snippet(R"(func.func @f() -> tensor<1x2xbf16> {
    %x = arith.constant dense<[[1.0, 3.0]]> : tensor<1x2xbf16>
    %w = arith.constant dense<[1.1015625, 1.1015625]> : tensor<2xbf16>
    %y = dsv2.rms_norm %x, %w eps = 1.0e-6 : (tensor<1x2xbf16>, tensor<2xbf16>) -> tensor<1x2xbf16>
    return %y : tensor<1x2xbf16>
  })");
  mlir::Type bf16 = mlir::BFloat16Type::get(&snippet.context);
  double r = 1 / std::sqrt(5 + 1e-6);
  EXPECT_THAT(snippet.value(Precision::Model),
              ElementsAre(roundTo(1.1015625 * roundTo(r, bf16), bf16),
                          roundTo(1.1015625 * roundTo(3 * r, bf16), bf16)));
}

TEST(LayerKernels, LinearWithBiasPackedOrNot) {
  const char *text = R"(func.func @f() -> (tensor<1x2xf32>, tensor<1x2xf32>) {
    %x = arith.constant dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xbf16>
    %w = arith.constant dense<[[1.0, 0.0, 1.0], [0.0, 2.0, 0.5]]> : tensor<2x3xbf16>
    %b = arith.constant dense<[10.0, 20.0]> : tensor<2xbf16>
    %p = dsv2.pack %w : tensor<2x3xbf16> -> tensor<1x2x64x2xbf16>
    %y = dsv2.linear %x, %w bias %b
      : (tensor<1x3xbf16>, tensor<2x3xbf16>, tensor<2xbf16>) -> tensor<1x2xf32>
    %z = dsv2.linear %x, %p
      : (tensor<1x3xbf16>, tensor<1x2x64x2xbf16>) -> tensor<1x2xf32>
    return %y, %z : tensor<1x2xf32>, tensor<1x2xf32>
  })";
  auto values = Snippet(text).run();
  ASSERT_EQ(values.size(), 2u);
  EXPECT_THAT(values[0], ElementsAre(14, 25.5));
  EXPECT_THAT(values[1], ElementsAre(4, 5.5));
}

// Of equals the lowest; none where there is a NaN or an infinite maximum.
TEST(LayerKernels, ArgmaxIsWhatGreedySamplingTakes) {
  Snippet snippet(R"(func.func @f() -> tensor<8xi32> {
    %x = arith.constant dense<[[1.0, 3.0, 3.0], [-5.0, -7.0, -4.0], [-0.0, 0.0, -1.0],
                               [0x7FC00000, 1.0, 2.0], [2.0, 1.0, 0xFFC00000],
                               [1.0, 0x7F800000, 2.0], [0xFF800000, 0xFF800000, 0xFF800000],
                               [0xFF800000, 0xFF800000, -9.0]]> : tensor<8x3xf32>
    %y = dsv2.argmax %x : (tensor<8x3xf32>) -> tensor<8xi32>
    return %y : tensor<8xi32>
  })");
  EXPECT_THAT(snippet.value(), ElementsAre(1, 2, 0, -1, -1, -1, -1, 2));
}

TEST(LayerKernels, SwigluRoundsSiluFirst) {
  Snippet snippet(R"(func.func @f() -> tensor<1x1xbf16> {
    %g = arith.constant dense<1.0> : tensor<1x1xbf16>
    %u = arith.constant dense<3.0> : tensor<1x1xbf16>
    %y = dsv2.swiglu %g, %u : (tensor<1x1xbf16>, tensor<1x1xbf16>) -> tensor<1x1xbf16>
    return %y : tensor<1x1xbf16>
  })");
  double silu = 1 / (1 + std::exp(-1.0));
  mlir::Type bf16 = mlir::BFloat16Type::get(&snippet.context);
  EXPECT_THAT(snippet.value(), ElementsAre(DoubleNear(3 * silu, 1e-15)));
  EXPECT_THAT(snippet.value(Precision::Model), ElementsAre(roundTo(3 * roundTo(silu, bf16), bf16)));
}

// Angles are f32 products in f64 evaluation too; leading columns pass through.
TEST(LayerKernels, RopeRotatesTrailingPairs) {
  Snippet snippet(aliases + "func.func @f() -> (tensor<4x1x2xf32>, tensor<4x3xf32>) {" +
                  twoSequences + R"(
    %x = arith.constant dense<[[9.0, 1.0, 0.0], [9.0, 1.0, 0.0], [9.0, 0.0, 1.0], [9.0, 1.0, 1.0]]>
      : tensor<4x3xf32>
    %cs = dsv2.rope_table at %batch frequencies = [0.1] scale = 2.0 : (!batch) -> tensor<4x1x2xf32>
    %y = dsv2.rope %x, %cs : (tensor<4x3xf32>, tensor<4x1x2xf32>) -> tensor<4x3xf32>
    return %cs, %y : tensor<4x1x2xf32>, tensor<4x3xf32>
  })");
  auto values = snippet.run();
  ASSERT_EQ(values.size(), 2u) << snippet.diagnostics;
  double one = 0.1f, two = 2 * 0.1f;
  EXPECT_THAT(values[0], ElementsAre(2, 0, 2 * std::cos(one), 2 * std::sin(one),
                                     2 * std::cos(two), 2 * std::sin(two), 2 * std::cos(one),
                                     2 * std::sin(one)));
  EXPECT_THAT(values[1],
              ElementsAre(9, 2, 0, 9, 2 * std::cos(one), 2 * std::sin(one), 9, -2 * std::sin(two),
                          2 * std::cos(two), 9, 2 * std::cos(one) - 2 * std::sin(one),
                          2 * std::cos(one) + 2 * std::sin(one)));
}

TEST(LayerKernels, ZerosAndSelectedOutputs) {
  Snippet snippet(aliases + "func.func @f() -> (tensor<?x1xf32>, tensor<?x1xf32>) {" +
                  twoSequences + R"(
    %x = arith.constant dense<[[1.0], [2.0], [3.0], [4.0]]> : tensor<4x1xf32>
    %z = dsv2.zeros at %batch : (!batch) -> tensor<?x1xf32>
    %y = dsv2.select_outputs %x at %batch : (tensor<4x1xf32>, !batch) -> tensor<?x1xf32>
    return %z, %y : tensor<?x1xf32>, tensor<?x1xf32>
  })");
  auto values = snippet.run();
  ASSERT_EQ(values.size(), 2u) << snippet.diagnostics;
  EXPECT_THAT(values[0], ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(values[1], ElementsAre(4, 3));
}
