//===- FusedKernelsTest.cpp - Reference of fused ops ----------------------===//
//
// Each fused op against the ops that it stands for, in both precisions, and
// where it rounds by hand.
//
//===----------------------------------------------------------------------===//

#include "test/unit/dialects/DSV2/reference/Evaluation.h"

#include <cmath>

using namespace dsv2::test;
using mlir::dsv2::reference::Precision;
using mlir::dsv2::reference::roundTo;
using testing::ElementsAre;

namespace {
/// Expects results `i` and `i + n/2` of `text` to be equal, with no NaN.
void expectHalvesEqual(const std::string &text) {
  for (Precision precision : {Precision::F64, Precision::Model}) {
    Snippet snippet(text);
    auto values = snippet.run(precision);
    ASSERT_FALSE(values.empty()) << snippet.diagnostics;
    size_t half = values.size() / 2;
    for (size_t i = 0; i < half; ++i) {
      EXPECT_EQ(values[i], values[half + i]) << "result " << i;
      for (double value : values[i])
        EXPECT_FALSE(std::isnan(value)) << "result " << i;
    }
  }
}
} // namespace

TEST(FusedKernels, TheNormReadsTheRoundedSum) {
  Snippet snippet(R"(func.func @f() -> (tensor<1x2xbf16>, tensor<1x2xbf16>) {
    %x = arith.constant dense<[[1.0, 256.0]]> : tensor<1x2xbf16>
    %d = arith.constant dense<[[2.0, 1.0]]> : tensor<1x2xbf16>
    %w = arith.constant dense<1.0> : tensor<2xbf16>
    %s, %n = dsv2.add_rms_norm %x, %d, %w eps = 1.0e-6
      : (tensor<1x2xbf16>, tensor<1x2xbf16>, tensor<2xbf16>) -> (tensor<1x2xbf16>, tensor<1x2xbf16>)
    return %s, %n : tensor<1x2xbf16>, tensor<1x2xbf16>
  })");
  mlir::Type bf16 = mlir::BFloat16Type::get(&snippet.context);
  auto values = snippet.run(Precision::Model);
  ASSERT_EQ(values.size(), 2u) << snippet.diagnostics;
  // 257 is halfway between 256 and 258; the even one is 256.
  EXPECT_THAT(values[0], ElementsAre(3, 256));
  double r = float(1 / std::sqrt((9 + 256.0 * 256) / 2 + 1e-6));
  EXPECT_THAT(values[1], ElementsAre(roundTo(3 * r, bf16), roundTo(256 * r, bf16)));
}

TEST(FusedKernels, NormAndProducts) {
  expectHalvesEqual(R"(
    func.func @f() -> (tensor<2x3xbf16>, tensor<2x3xbf16>, tensor<2x2xbf16>, tensor<2x1xf32>, tensor<2x2xbf16>,
                       tensor<2x1xf32>, tensor<2x2xbf16>,
                       tensor<2x3xbf16>, tensor<2x3xbf16>, tensor<2x2xbf16>, tensor<2x1xf32>, tensor<2x2xbf16>,
                       tensor<2x1xf32>, tensor<2x2xbf16>) {
    %x = arith.constant dense<[[1.0, 2.5, -3.0], [0.1, -0.7, 5.0]]> : tensor<2x3xbf16>
    %d = arith.constant dense<[[0.3, 2.0, 1.0], [4.0, 0.01, 0.5]]> : tensor<2x3xbf16>
    %n = arith.constant dense<[1.1, 0.9, 0.7]> : tensor<3xbf16>
    %v = arith.constant dense<[[1.0, 0.3, 1.0], [0.7, 2.0, 0.5]]> : tensor<2x3xbf16>
    %w = arith.constant dense<[[0.2, 0.4, 0.6]]> : tensor<1x3xbf16>
    %p = dsv2.pack %v : tensor<2x3xbf16> -> tensor<1x2x64x2xbf16>
    %s = dsv2.add %x, %d : (tensor<2x3xbf16>, tensor<2x3xbf16>) -> tensor<2x3xbf16>
    %h = dsv2.rms_norm %s, %n eps = 1.0e-6 : (tensor<2x3xbf16>, tensor<3xbf16>) -> tensor<2x3xbf16>
    %y = dsv2.linear %h, %p : (tensor<2x3xbf16>, tensor<1x2x64x2xbf16>) -> tensor<2x2xbf16>
    %z = dsv2.linear %h, %w : (tensor<2x3xbf16>, tensor<1x3xbf16>) -> tensor<2x1xf32>
    %f:4 = dsv2.norm_linears %x plus %d, %n eps = 1.0e-6, (%p, %w)
      : (tensor<2x3xbf16>, tensor<2x3xbf16>, tensor<3xbf16>, tensor<1x2x64x2xbf16>, tensor<1x3xbf16>)
      -> (tensor<2x3xbf16>, tensor<2x3xbf16>, tensor<2x2xbf16>, tensor<2x1xf32>)
    %l:2 = dsv2.linears %h, (%v, %w)
      : (tensor<2x3xbf16>, tensor<2x3xbf16>, tensor<1x3xbf16>) -> (tensor<2x2xbf16>, tensor<2x1xf32>)
    %g:2 = dsv2.norm_linears %s, %n eps = 1.0e-6, (%v)
      : (tensor<2x3xbf16>, tensor<3xbf16>, tensor<2x3xbf16>) -> (tensor<2x3xbf16>, tensor<2x2xbf16>)
    return %s, %h, %y, %z, %y, %z, %y, %f#0, %f#1, %f#2, %f#3, %l#0, %l#1, %g#1
      : tensor<2x3xbf16>, tensor<2x3xbf16>, tensor<2x2xbf16>, tensor<2x1xf32>, tensor<2x2xbf16>, tensor<2x1xf32>,
        tensor<2x2xbf16>, tensor<2x3xbf16>, tensor<2x3xbf16>, tensor<2x2xbf16>, tensor<2x1xf32>, tensor<2x2xbf16>,
        tensor<2x1xf32>, tensor<2x2xbf16>
  })");
}

TEST(FusedKernels, ProductAndChoice) {
  expectHalvesEqual(R"(
    func.func @f() -> (tensor<3x2xf32>, tensor<3xi32>, tensor<3x2xf32>, tensor<3xi32>) {
    %x = arith.constant dense<[[1.0, 2.5, -3.0], [0.1, -0.7, 5.0], [0.0, 0.0, 0.0]]> : tensor<3x3xbf16>
    %n = arith.constant dense<[1.1, 0.9, 0.7]> : tensor<3xbf16>
    %w = arith.constant dense<[[1.0, 0.3, 1.0], [0.7, 2.0, 0.5]]> : tensor<2x3xbf16>
    %h = dsv2.rms_norm %x, %n eps = 1.0e-6 : (tensor<3x3xbf16>, tensor<3xbf16>) -> tensor<3x3xbf16>
    %y = dsv2.linear %h, %w : (tensor<3x3xbf16>, tensor<2x3xbf16>) -> tensor<3x2xf32>
    %c = dsv2.argmax %y : (tensor<3x2xf32>) -> tensor<3xi32>
    %f:3 = dsv2.norm_linears %x, %n eps = 1.0e-6, (%w) choose
      : (tensor<3x3xbf16>, tensor<3xbf16>, tensor<2x3xbf16>) -> (tensor<3x3xbf16>, tensor<3x2xf32>, tensor<3xi32>)
    return %y, %c, %f#1, %f#2 : tensor<3x2xf32>, tensor<3xi32>, tensor<3x2xf32>, tensor<3xi32>
  })");
}

TEST(FusedKernels, AppendWithNormAndRope) {
  expectHalvesEqual(aliases + R"(
    func.func @f() -> (tensor<1x3x64x4xf32, #cache>, tensor<1x3x64x4xf32, #cache>) {)" + twoSequences + R"(
    %empty = arith.constant dense<0.0> : tensor<1x3x64x4xf32, #cache>
    %x = arith.constant dense<[[1.0, 0.2, 0.5, 0.0], [0.3, 1.0, 0.7, 0.5], [2.0, 2.1, 0.0, 0.4],
                               [7.0, 8.0, 0.9, 1.0]]> : tensor<4x4xf32>
    %w = arith.constant dense<[1.5, 0.8]> : tensor<2xf32>
    %c0 = arith.constant 0 : index
    %cs = dsv2.rope_table at %batch frequencies = [0.1] scale = 2.0 : (!batch) -> tensor<4x1x2xf32>
    %n = dsv2.rms_norm %x, %w eps = 1.0e-6 : (tensor<4x4xf32>, tensor<2xf32>) -> tensor<4x4xf32>
    %r = dsv2.rope %n, %cs : (tensor<4x4xf32>, tensor<4x1x2xf32>) -> tensor<4x4xf32>
    %parts = dsv2.append_latent %r into %empty[%c0] at %batch
      : (tensor<4x4xf32>, tensor<1x3x64x4xf32, #cache>, index, !batch) -> tensor<1x3x64x4xf32, #cache>
    %fused = dsv2.append_latent %x norm %w eps = 1.0e-6 rope %cs into %empty[%c0] at %batch
      : (tensor<4x4xf32>, tensor<2xf32>, tensor<4x1x2xf32>, tensor<1x3x64x4xf32, #cache>, index, !batch)
      -> tensor<1x3x64x4xf32, #cache>
    return %parts, %fused : tensor<1x3x64x4xf32, #cache>, tensor<1x3x64x4xf32, #cache>
  })");
}

TEST(FusedKernels, ProductTurnsWhatPassesThrough) {
  expectHalvesEqual(aliases + "func.func @f() -> (tensor<4x1x4xf32>, tensor<4x1x4xf32>) {" + twoSequences + R"(
    %x = arith.constant dense<[[[1.0, 0.2, 0.5]], [[0.3, 1.0, 0.7]], [[2.0, 2.1, 0.0]], [[7.0, 8.0, 0.9]]]>
      : tensor<4x1x3xf32>
    %w = arith.constant dense<[[[1.5], [0.8]]]> : tensor<1x2x1xf32>
    %cs = dsv2.rope_table at %batch frequencies = [0.1] scale = 2.0 : (!batch) -> tensor<4x1x2xf32>
    %r = dsv2.rope %x, %cs : (tensor<4x1x3xf32>, tensor<4x1x2xf32>) -> tensor<4x1x3xf32>
    %parts = dsv2.head_linear %r, %w at %batch range = all through = 2
      : (tensor<4x1x3xf32>, tensor<1x2x1xf32>, !batch) -> tensor<4x1x4xf32>
    %fused = dsv2.head_linear %x, %w at %batch range = all through = 2 rope %cs
      : (tensor<4x1x3xf32>, tensor<1x2x1xf32>, !batch, tensor<4x1x2xf32>) -> tensor<4x1x4xf32>
    return %parts, %fused : tensor<4x1x4xf32>, tensor<4x1x4xf32>
  })");
}

TEST(FusedKernels, RopeOfARangeLeavesTheRestUndefined) {
  Snippet snippet(aliases + "func.func @f() -> (tensor<4x2xf32>, tensor<4x2xf32>) {" + twoSequences + R"(
    %x = arith.constant dense<[[1.0, 0.2], [0.3, 1.0], [2.0, 2.1], [7.0, 8.0]]> : tensor<4x2xf32>
    %cs = dsv2.rope_table at %batch frequencies = [0.1] scale = 2.0 : (!batch) -> tensor<4x1x2xf32>
    %a = dsv2.rope %x, %cs at %batch range = absorbed : (tensor<4x2xf32>, tensor<4x1x2xf32>, !batch) -> tensor<4x2xf32>
    %e = dsv2.rope %x, %cs at %batch range = expanded : (tensor<4x2xf32>, tensor<4x1x2xf32>, !batch) -> tensor<4x2xf32>
    return %a, %e : tensor<4x2xf32>, tensor<4x2xf32>
  })");
  auto values = snippet.run();
  ASSERT_EQ(values.size(), 2u) << snippet.diagnostics;
  for (size_t i = 0; i < 8; ++i)
    EXPECT_NE(std::isnan(values[0][i]), std::isnan(values[1][i])) << i;
}
