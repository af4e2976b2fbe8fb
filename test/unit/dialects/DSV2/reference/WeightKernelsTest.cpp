//===- WeightKernelsTest.cpp - Reference of the weight program's ops ------===//
//
// Small matrices by hand.
//
//===----------------------------------------------------------------------===//

#include "test/unit/dialects/DSV2/reference/Evaluation.h"

using namespace dsv2::test;
using testing::ElementsAre;

TEST(WeightKernels, ConvertRoundsInBothPrecisions) {
  Snippet snippet(R"(func.func @f() -> tensor<2xbf16> {
    %x = arith.constant dense<[1.0001, 3.0]> : tensor<2xf32>
    %y = dsv2.convert %x : tensor<2xf32> to tensor<2xbf16>
    return %y : tensor<2xbf16>
  })");
  EXPECT_THAT(snippet.value(), ElementsAre(1, 3));
}

TEST(WeightKernels, TransposeInnermost) {
  Snippet snippet(R"(func.func @f() -> tensor<2x2x3xf32> {
    %x = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
                               [[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]]> : tensor<2x3x2xf32>
    %y = dsv2.transpose %x : tensor<2x3x2xf32> -> tensor<2x2x3xf32>
    return %y : tensor<2x2x3xf32>
  })");
  EXPECT_THAT(snippet.value(), ElementsAre(1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12));
}

TEST(WeightKernels, MergeMultipliesByHead) {
  Snippet snippet(R"(func.func @f() -> tensor<2x1x2xf32> {
    %a = arith.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
    %b = arith.constant dense<[[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [2.0, 0.0]]]>
      : tensor<2x2x2xf32>
    %c = dsv2.merge %a, %b : (tensor<2x1x2xf32>, tensor<2x2x2xf32>) -> tensor<2x1x2xf32>
    return %c : tensor<2x1x2xf32>
  })");
  EXPECT_THAT(snippet.value(), ElementsAre(1, 2, 11, 3));
}

TEST(WeightKernels, PackFillsTailsWithZeros) {
  Snippet snippet(R"(func.func @f() -> tensor<2x2x64x2xbf16> {
    %x = tensor.empty() : tensor<66x3xbf16>
    %one = arith.constant dense<1.0> : tensor<66x3xbf16>
    %y = dsv2.pack %one : tensor<66x3xbf16> -> tensor<2x2x64x2xbf16>
    return %y : tensor<2x2x64x2xbf16>
  })");
  auto values = snippet.value();
  double sum = 0;
  for (double value : values)
    sum += value;
  EXPECT_EQ(sum, 66 * 3);
  auto at = [&](int n, int k, int i, int j) { return values[((n * 2 + k) * 64 + i) * 2 + j]; };
  EXPECT_EQ(at(1, 0, 1, 1), 1);
  EXPECT_EQ(at(1, 0, 2, 0), 0); // row 66
  EXPECT_EQ(at(0, 1, 5, 1), 0); // column 3
}
