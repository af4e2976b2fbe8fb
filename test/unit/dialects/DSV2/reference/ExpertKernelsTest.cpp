//===- ExpertKernelsTest.cpp - Reference of the mixture of experts --------===//
//
// Choice, ties, groups, and that the grouped form is the definition.
//
//===----------------------------------------------------------------------===//

#include "test/unit/dialects/DSV2/reference/Evaluation.h"

#include <cmath>

using namespace dsv2::test;
using testing::ElementsAre;
using testing::HasSubstr;

/// Weights and ids that `options` choose from logits.
static std::vector<std::vector<double>> choose(const std::string &logits, const std::string &k,
                                               const std::string &options) {
  std::string result = "tensor<1x" + k + "x";
  return Snippet("func.func @f() -> (" + result + "f32>, " + result + "i32>) {\n" +
                 "%l = arith.constant dense<[" + logits + "]> : tensor<1x4xf32>\n" +
                 "%w, %e = dsv2.select_experts %l " + options + " : (tensor<1x4xf32>) -> (" +
                 result + "f32>, " + result + "i32>)\nreturn %w, %e : " + result + "f32>, " +
                 result + "i32>\n}")
      .run();
}

TEST(ExpertKernels, GreedyInDescendingOrder) {
  auto values = choose("[0.0, 2.0, 1.0, -1.0]", "2", "groups = 1 kept_groups = 1 scale = 16.0");
  ASSERT_EQ(values.size(), 2u);
  double sum = 1 + std::exp(2) + std::exp(1) + std::exp(-1);
  EXPECT_NEAR(values[0][0], 16 * std::exp(2) / sum, 1e-13);
  EXPECT_NEAR(values[0][1], 16 * std::exp(1) / sum, 1e-13);
  EXPECT_THAT(values[1], ElementsAre(1, 2));
}

TEST(ExpertKernels, TiesGoToTheLowestIndex) {
  auto values = choose("[1.0, 1.0, 1.0, 1.0]", "3", "groups = 2 kept_groups = 2 scale = 1.0");
  EXPECT_THAT(values.at(1), ElementsAre(0, 1, 2));
  values = choose("[1.0, 1.0, 1.0, 1.0]", "2", "groups = 2 kept_groups = 1 scale = 1.0");
  EXPECT_THAT(values.at(1), ElementsAre(0, 1));
}

// T12: the second best expert is in a group that is not kept.
TEST(ExpertKernels, RejectedGroupsDoNotTakePart) {
  auto values = choose("[0.0, 1.9, -5.0, 2.0]", "2", "groups = 2 kept_groups = 1 scale = 1.0");
  EXPECT_THAT(values.at(1), ElementsAre(3, 2));
}

// T10: normalized weights are not scaled, and a single one is not normalized.
TEST(ExpertKernels, Normalize) {
  auto values = choose("[0.0, 2.0, 1.0, -1.0]", "2",
                       "groups = 1 kept_groups = 1 scale = 2.5 normalize");
  EXPECT_NEAR(values.at(0)[0] + values[0][1], 1, 1e-15);
  double sum = 1 + std::exp(2) + std::exp(1) + std::exp(-1);
  values = choose("[0.0, 2.0, 1.0, -1.0]", "1",
                  "groups = 1 kept_groups = 1 scale = 2.5 normalize");
  EXPECT_NEAR(values.at(0)[0], 2.5 * std::exp(2) / sum, 1e-14);
}

TEST(ExpertKernels, DispatchSortsStably) {
  auto values = Snippet(R"(func.func @f() -> (tensor<4xi32>, tensor<3x2xi32>, tensor<3x2xi32>) {
    %e = arith.constant dense<[[2, 0], [0, 2], [2, 0]]> : tensor<3x2xi32>
    %o, %order, %places = dsv2.dispatch %e
      : (tensor<3x2xi32>) -> (tensor<4xi32>, tensor<3x2xi32>, tensor<3x2xi32>)
    return %o, %order, %places : tensor<4xi32>, tensor<3x2xi32>, tensor<3x2xi32>
  })")
                    .run();
  ASSERT_EQ(values.size(), 3u);
  EXPECT_THAT(values[0], ElementsAre(0, 3, 3, 6));
  EXPECT_THAT(values[1], ElementsAre(1, 2, 5, 0, 3, 4));
  EXPECT_THAT(values[2], ElementsAre(3, 0, 1, 4, 5, 2));
}

TEST(ExpertKernels, GroupedFormIsTheDefinition) {
  Snippet snippet(R"(func.func @f() -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
    %x = arith.constant dense<[[1.0, 2.0], [-3.0, 0.5]]> : tensor<2x2xf32>
    %router = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]> : tensor<3x2xf32>
    %gate = arith.constant dense<[[[1.0, 0.5]], [[-1.0, 2.0]], [[0.25, 3.0]]]> : tensor<3x1x2xf32>
    %up = arith.constant dense<[[[2.0, 1.0]], [[1.0, -2.0]], [[4.0, 1.0]]]> : tensor<3x1x2xf32>
    %down = arith.constant dense<[[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]>
      : tensor<3x2x1xf32>
    %w, %e = dsv2.route %x, %router groups = 1 kept_groups = 1 scale = 2.0
      : (tensor<2x2xf32>, tensor<3x2xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
    %y = dsv2.expert_mlp %x, %w, %e, %gate, %up, %down
      : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xi32>, tensor<3x1x2xf32>, tensor<3x1x2xf32>,
         tensor<3x2x1xf32>) -> tensor<2x2xf32>
    %l = dsv2.linear %x, %router : (tensor<2x2xf32>, tensor<3x2xf32>) -> tensor<2x3xf32>
    %sw, %se = dsv2.select_experts %l groups = 1 kept_groups = 1 scale = 2.0
      : (tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x2xi32>)
    %offsets, %order, %places = dsv2.dispatch %se
      : (tensor<2x2xi32>) -> (tensor<4xi32>, tensor<2x2xi32>, tensor<2x2xi32>)
    %g = dsv2.grouped_linear %x, %offsets, %order, %gate
      : (tensor<2x2xf32>, tensor<4xi32>, tensor<2x2xi32>, tensor<3x1x2xf32>) -> tensor<2x2x1xf32>
    %u = dsv2.grouped_linear %x, %offsets, %order, %up
      : (tensor<2x2xf32>, tensor<4xi32>, tensor<2x2xi32>, tensor<3x1x2xf32>) -> tensor<2x2x1xf32>
    %i = dsv2.swiglu %g, %u
      : (tensor<2x2x1xf32>, tensor<2x2x1xf32>) -> tensor<2x2x1xf32>
    %d = dsv2.grouped_linear %i, %offsets, %order, %down
      : (tensor<2x2x1xf32>, tensor<4xi32>, tensor<2x2xi32>, tensor<3x2x1xf32>)
      -> tensor<2x2x2xf32>
    %z = dsv2.combine %d, %places, %sw
      : (tensor<2x2x2xf32>, tensor<2x2xi32>, tensor<2x2xf32>) -> tensor<2x2xf32>
    return %w, %y, %z : tensor<2x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
  })");
  for (Precision precision : {Precision::F64, Precision::Model}) {
    auto values = snippet.run(precision);
    ASSERT_EQ(values.size(), 3u) << snippet.diagnostics;
    EXPECT_EQ(values[1], values[2]);
    EXPECT_NE(values[1][0], 0);
  }
}

/// Experts of widths 2 -> 1 -> 2 beside shared ones of 2 -> 3 -> 2, unfused and
/// fused; the unsorted form for up to so many tokens.
static std::string fusedAndNot(int unsorted, const std::string &type) {
  std::string text = R"(func.func @f() -> (tensor<2x2x$T>, tensor<2x2x$T>, tensor<2x3x$T>, tensor<2x3x$T>) {
    %x = arith.constant dense<[[1.0, 2.0], [-3.0, 0.5]]> : tensor<2x2x$T>
    %gate = arith.constant dense<[[[1.0, 0.5]], [[-1.0, 2.0]], [[0.25, 3.0]]]> : tensor<3x1x2x$T>
    %up = arith.constant dense<[[[2.0, 1.0]], [[1.0, -2.0]], [[4.0, 1.0]]]> : tensor<3x1x2x$T>
    %down = arith.constant dense<[[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]> : tensor<3x2x1x$T>
    %sg = arith.constant dense<[[0.5, 1.0], [1.0, -1.0], [2.0, 0.25]]> : tensor<3x2x$T>
    %su = arith.constant dense<[[1.5, 1.0], [-2.0, 1.0], [1.0, 0.75]]> : tensor<3x2x$T>
    %sd = arith.constant dense<[[1.0, 0.5, 0.25], [-1.0, 2.0, 3.0]]> : tensor<2x3x$T>
    %e = arith.constant dense<[[2, 0], [0, 1]]> : tensor<2x2xi32>
    %w = arith.constant dense<[[0.3, 0.7], [0.9, 0.1]]> : tensor<2x2xf32>
    %offsets, %order, %places = dsv2.dispatch %e
      : (tensor<2x2xi32>) -> (tensor<4xi32>, tensor<2x2xi32>, tensor<2x2xi32>)
    %g = dsv2.grouped_linear %x, %offsets, %order, %gate
      : (tensor<2x2x$T>, tensor<4xi32>, tensor<2x2xi32>, tensor<3x1x2x$T>) -> tensor<2x2x1x$T>
    %u = dsv2.grouped_linear %x, %offsets, %order, %up
      : (tensor<2x2x$T>, tensor<4xi32>, tensor<2x2xi32>, tensor<3x1x2x$T>) -> tensor<2x2x1x$T>
    %i = dsv2.swiglu %g, %u : (tensor<2x2x1x$T>, tensor<2x2x1x$T>) -> tensor<2x2x1x$T>
    %d = dsv2.grouped_linear %i, %offsets, %order, %down
      : (tensor<2x2x1x$T>, tensor<4xi32>, tensor<2x2xi32>, tensor<3x2x1x$T>) -> tensor<2x2x2x$T>
    %z = dsv2.combine %d, %places, %w
      : (tensor<2x2x2x$T>, tensor<2x2xi32>, tensor<2x2xf32>) -> tensor<2x2x$T>
    %h = dsv2.gated_linear %x, %sg, %su
      : (tensor<2x2x$T>, tensor<3x2x$T>, tensor<3x2x$T>) -> tensor<2x3x$T>
    %s = dsv2.linear %h, %sd : (tensor<2x3x$T>, tensor<2x3x$T>) -> tensor<2x2x$T>
    %sum = dsv2.add %z, %s : (tensor<2x2x$T>, tensor<2x2x$T>) -> tensor<2x2x$T>
    %fo, %fr, %fp = dsv2.dispatch %e unsorted up_to = $U
      : (tensor<2x2xi32>) -> (tensor<4xi32>, tensor<2x2xi32>, tensor<2x2xi32>)
    %a, %as = dsv2.grouped_gated_linear %x, %fo, %fr, %gate, %up shared %sg, %su unsorted %e up_to = $U
      : (tensor<2x2x$T>, tensor<4xi32>, tensor<2x2xi32>, tensor<3x1x2x$T>, tensor<3x1x2x$T>,
         tensor<3x2x$T>, tensor<3x2x$T>, tensor<2x2xi32>) -> (tensor<2x2x1x$T>, tensor<2x3x$T>)
    %y = dsv2.grouped_combine %a, %fo, %fr, %w, %down shared %as, %sd unsorted %e up_to = $U
      : (tensor<2x2x1x$T>, tensor<4xi32>, tensor<2x2xi32>, tensor<2x2xf32>, tensor<3x2x1x$T>,
         tensor<2x3x$T>, tensor<2x3x$T>, tensor<2x2xi32>) -> tensor<2x2x$T>
    return %sum, %y, %h, %as : tensor<2x2x$T>, tensor<2x2x$T>, tensor<2x3x$T>, tensor<2x3x$T>
  })";
  auto replace = [&](const std::string &name, const std::string &value) {
    for (size_t at; (at = text.find(name)) != std::string::npos;)
      text.replace(at, name.size(), value);
  };
  replace("$T", type);
  replace("$U", std::to_string(unsorted));
  return text;
}

TEST(ExpertKernels, FusedOpsAreTheOpsTheyReplace) {
  for (std::string type : {"f32", "bf16"})
    for (int unsorted : {1, 2})
      for (Precision precision : {Precision::F64, Precision::Model}) {
        Snippet snippet(fusedAndNot(unsorted, type));
        auto values = snippet.run(precision);
        ASSERT_EQ(values.size(), 4u) << snippet.diagnostics;
        EXPECT_EQ(values[0], values[1]) << type << ", unsorted up to " << unsorted;
        EXPECT_EQ(values[2], values[3]) << type << ", unsorted up to " << unsorted;
        EXPECT_NE(values[0][0], 0);
      }
}

TEST(ExpertKernels, UnknownExpertsAreNamed) {
  Snippet snippet(R"(func.func @f() -> tensor<3xi32> {
    %e = arith.constant dense<[[2]]> : tensor<1x1xi32>
    %o, %order, %places = dsv2.dispatch %e
      : (tensor<1x1xi32>) -> (tensor<3xi32>, tensor<1x1xi32>, tensor<1x1xi32>)
    return %o : tensor<3xi32>
  })");
  EXPECT_TRUE(snippet.run().empty());
  EXPECT_THAT(snippet.diagnostics, HasSubstr("is not one of 2"));
}
