//===- EvaluationTest.cpp - Where two evaluations differ ------------------===//
//
// The comparison alone, on values made by hand.
//
//===----------------------------------------------------------------------===//

#include "tools/equivalence/Evaluation.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace mlir::dsv2;
using testing::HasSubstr;

namespace {
class EvaluationTest : public testing::Test {
protected:
  EvaluationTest() {
    ScheduledStep step;
    step.batch = reference::makeBatch({4, 0}, {1, 2}, 64);
    schedule.steps.push_back(step);
  }

  ProbedValue probe(StringRef name, std::optional<int64_t> layer, std::vector<double> values,
                    SmallVector<int64_t> shape = {3, 2}) {
    return {0, name.str(), layer, 0, UnknownLoc::get(&context), shape, std::move(values)};
  }

  std::string difference(std::vector<ProbedValue> expected, std::vector<ProbedValue> got) {
    auto found = findDivergence({std::move(expected)}, {std::move(got)}, schedule, 1e-9);
    return found ? found->text : "";
  }

  MLIRContext context;
  StepSchedule schedule;
};
} // namespace

TEST_F(EvaluationTest, NamesProbeLayerRowAndColumn) {
  std::string text = difference({probe("mlp", 3, {1, 2, 3, 4, 5, 6})},
                                {probe("mlp", 3, {1, 2, 3, 4, 5, 6.5})});
  EXPECT_THAT(text, HasSubstr("probe \"mlp\" of layer 3 in step 1 differs at row 2 (sequence 1 at "
                              "position 1, expanded), column 1: expected 6, got 6.5"));
}

TEST_F(EvaluationTest, MeasuresByTheRow) {
  // 1e-9 of 6 is allowed, of 2 is not.
  EXPECT_EQ(difference({probe("a", {}, {1, 2, 3, 4, 0, 6})},
                       {probe("a", {}, {1, 2, 3, 4, 5e-9, 6})}),
            "");
  EXPECT_NE(difference({probe("a", {}, {0, 2, 3, 4, 5, 6})},
                       {probe("a", {}, {5e-9, 2, 3, 4, 5, 6})}),
            "");
  // A row of rounding errors is measured by the others; rows of zeros agree.
  EXPECT_EQ(difference({probe("a", {}, {0, 1e-18, 3, 4, 0, 0})},
                       {probe("a", {}, {1e-18, 0, 3, 4, 0, 0})}),
            "");
  EXPECT_NE(difference({probe("a", {}, {0, 0}, {1, 2})}, {probe("a", {}, {0, 1e-300}, {1, 2})}),
            "");
}

TEST_F(EvaluationTest, UndefinedIsUndefined) {
  double nan = std::nan("");
  EXPECT_EQ(difference({probe("a", {}, {nan, 2}, {1, 2})}, {probe("a", {}, {nan, 2}, {1, 2})}), "");
  EXPECT_NE(difference({probe("a", {}, {1, 2}, {1, 2})}, {probe("a", {}, {nan, 2}, {1, 2})}), "");
  EXPECT_NE(difference({probe("a", {}, {nan, 2}, {1, 2})}, {probe("a", {}, {1, 2}, {1, 2})}), "");
}

TEST_F(EvaluationTest, AChoiceIsMeasuredByItsLogit) {
  double nan = std::nan("");
  // The last row has none; two columns of the first are as good as equal.
  ProbedValue logits = probe(kLogitsResult, {}, {3, 3 - 1e-9, 2, 0, 5, 4, 1, nan, 1}, {3, 3});
  auto choices = [&](std::vector<double> values) {
    return probe(kChoicesResult, {}, std::move(values), {3});
  };
  auto compare = [&](std::vector<double> got) {
    return difference({logits, choices({0, 1, -1})}, {logits, choices(std::move(got))});
  };
  EXPECT_EQ(compare({0, 1, -1}), "");
  EXPECT_EQ(compare({1, 1, -1}), "");
  EXPECT_THAT(compare({2, 1, -1}),
              HasSubstr("the choice of @step in step 1 differs at row 0 (sequence 0 at position 4, "
                        "expanded): expected 0, got 2, whose logits are 3 and 2"));
  EXPECT_NE(compare({0, 2, -1}), "");
  for (double wrong : {-2.0, -1.0, 3.0, nan})
    EXPECT_NE(compare({wrong, 1, -1}), "") << wrong;
  for (double wrong : {0.0, 1.0, nan})
    EXPECT_NE(compare({0, 1, wrong}), "") << wrong;
  EXPECT_THAT(difference({logits, choices({0, 1, -1})}, {logits}),
              HasSubstr("the choice of @step in step 1 is gone"));
}

TEST_F(EvaluationTest, TheFirstInOrderOfTheExpected) {
  ProbedValue a = probe("a", 0, {1, 2}, {1, 2}), b = probe("b", 0, {1, 2}, {1, 2}),
              wrongA = probe("a", 0, {1, 3}, {1, 2}), wrongB = probe("b", 0, {1, 3}, {1, 2});
  EXPECT_EQ(difference({a, b}, {b, a}), "");
  EXPECT_THAT(difference({a, b}, {wrongB, wrongA}), HasSubstr("probe \"a\""));
  EXPECT_THAT(difference({a, b}, {a, wrongB}), HasSubstr("probe \"b\""));
  EXPECT_THAT(difference({a, b}, {b}), HasSubstr("probe \"a\" of layer 0 in step 1 is gone"));
  EXPECT_THAT(difference({a}, {probe("a", 0, {1, 2}, {2, 1})}), HasSubstr("another shape"));
  EXPECT_THAT(difference({a}, {probe("a", 1, {1, 2}, {1, 2})}), HasSubstr("is gone"));
}
