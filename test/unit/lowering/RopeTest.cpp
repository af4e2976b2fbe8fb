//===- RopeTest.cpp - Lowering of rotary embedding ------------------------===//
//
// The table against cosine and sine in f64 at every position of the longest
// context, and the rotation against its definition.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/TypedBuffer.h"
#include <cmath>

using namespace dsv2::test;

namespace {

class Rope : public TypedKernels {};

std::string tableText(const std::string &frequencies, int count, const std::string &scale) {
  return substitute(R"(
    func.func @f(%batch: !dsv2.batch<tokens = 200000, sequences = 3, outputs = 3, span = 200000>,
                 %y: memref<?x$1x2xf32> {dsv2.count = "tokens"}) {
      dsv2.rope_table at %batch frequencies = [$0] scale = $2 outs(%y)
        : (!dsv2.batch<tokens = 200000, sequences = 3, outputs = 3, span = 200000>, memref<?x$1x2xf32>) -> ()
      return
    })", {frequencies, std::to_string(count), scale});
}

/// Distance in units in the last place of `want` as f32.
double ulps(float got, double want) {
  float rounded = std::abs(float(want));
  float ulp = std::nextafter(rounded, INFINITY) - rounded;
  return std::abs(got - want) / ulp;
}

class RopeTable : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!KernelModule::runs(GetParam()))
      GTEST_SKIP() << "this CPU does not run " << GetParam();
  }
};

TEST_P(RopeTable, OneUlpAtEveryPosition) {
  // The first and last frequencies of the released models, and 7 in all: not a
  // whole vector.
  const std::vector<float> frequencies{1.0f,           0.74989420f,   0.056234133f, 0.039006927f,
                                       1.7782794e-4f, 3.3338036e-5f, 3.3338036e-6f};
  auto module = KernelModule::compile(
      tableText("1.0, 0.74989420, 0.056234133, 0.039006927, 1.7782794e-4, 3.3338036e-5, 3.3338036e-6",
                7, "1.0"), GetParam());
  ASSERT_TRUE(module);
  constexpr int tokens = 163841;
  TestBatch batch(TestBatch::Sequence{0, tokens});
  TypedBuffer y("f32", tokens * 14);
  module->call("f", batch.batch, {y.data()}, 2);
  double worst = 0;
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < 7; ++i) {
      volatile float angle = float(t) * frequencies[i];
      worst = std::max({worst, ulps(y[t * 14 + 2 * i], std::cos(double(angle))),
                        ulps(y[t * 14 + 2 * i + 1], std::sin(double(angle)))});
    }
  EXPECT_LE(worst, 0.501);
  EXPECT_TRUE(y.intact());
}

TEST_P(RopeTable, ScaledAndOfAnyNumberOfThreads) {
  for (int count : {1, 4, 19, 32}) {
    std::string frequencies;
    std::vector<float> values;
    for (int i = 0; i < count; ++i) {
      values.push_back(std::ldexp(1.0f, -i) * 0.9375f);
      frequencies += (i ? ", " : "") + std::to_string(values.back());
      values.back() = std::stof(std::to_string(values.back()));
    }
    auto module = KernelModule::compile(tableText(frequencies, count, "0.8125"), GetParam());
    ASSERT_TRUE(module);
    TestBatch batch({{0, 2}, {70000, 3}});
    TypedBuffer one("f32", 5 * count * 2), three("f32", 5 * count * 2);
    module->call("f", batch.batch, {one.data()}, 1);
    module->call("f", batch.batch, {three.data()}, 3);
    EXPECT_EQ(one, three);
    EXPECT_TRUE(one.intact());
    for (int t = 0; t < 5; ++t)
      for (int i = 0; i < count; ++i) {
        volatile float angle = float(batch.positions[t]) * values[i];
        EXPECT_LE(ulps(one[(t * count + i) * 2], 0.8125 * std::cos(double(angle))), 0.501);
        EXPECT_LE(ulps(one[(t * count + i) * 2 + 1], 0.8125 * std::sin(double(angle))), 0.501);
      }
  }
}

TEST_P(Rope, RotatesTrailingPairs) {
  constexpr int tokens = 5;
  struct Case {
    const char *shape;
    int rows, columns, frequencies;
  };
  for (Case c : {Case{"24", 1, 24, 4}, {"19", 1, 19, 9}, {"44", 1, 44, 1}, {"576", 1, 576, 32},
                 {"3x72", 3, 72, 36}, {"4x24", 4, 24, 4}, {"2x192", 2, 192, 32}}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %cs: memref<?x$2x2xf32> {dsv2.count = "tokens"},
                   %y: memref<?x$1x$0> {dsv2.count = "tokens"}) {
        dsv2.rope %x, %cs outs(%y) : (memref<?x$1x$0>, memref<?x$2x2xf32>, memref<?x$1x$0>) -> ()
        return
      }
      func.func @in_place(%x: memref<?x$1x$0> {dsv2.count = "tokens"},
                          %cs: memref<?x$2x2xf32> {dsv2.count = "tokens"}) {
        dsv2.rope %x, %cs outs(%x) : (memref<?x$1x$0>, memref<?x$2x2xf32>, memref<?x$1x$0>) -> ()
        return
      })", {type, c.shape, std::to_string(c.frequencies)}), variant);
    ASSERT_TRUE(module);
    TestBatch batch(TestBatch::Sequence{0, tokens});
    size_t size = tokens * c.rows * c.columns;
    TypedBuffer x(type, size, 1), y(type, size), table("f32", tokens * c.frequencies * 2, 2);
    module->call("f", batch.batch, {x.data(), table.data(), y.data()}, 1);
    int leading = c.columns - 2 * c.frequencies;
    for (int row = 0; row < tokens * c.rows; ++row) {
      int at = row * c.columns;
      for (int i = 0; i < leading; ++i)
        ASSERT_EQ(y[at + i], x[at + i]) << c.shape << ", row " << row << ", column " << i;
      for (int i = 0; i < c.frequencies; ++i) {
        float a = x[at + leading + 2 * i], b = x[at + leading + 2 * i + 1];
        int entry = (row / c.rows * c.frequencies + i) * 2;
        float cosine = table[entry], sine = table[entry + 1];
        // The product rounds, the sum with the other product once.
        float first = std::fma(a, cosine, b * -sine), second = std::fma(b, cosine, a * sine);
        ASSERT_EQ(y[at + leading + 2 * i], y.round(first)) << c.shape << ", row " << row << ", pair " << i;
        ASSERT_EQ(y[at + leading + 2 * i + 1], y.round(second)) << c.shape << ", row " << row << ", pair " << i;
      }
    }
    EXPECT_TRUE(y.intact());
    TypedBuffer again(type, size), copy(x);
    module->call("f", batch.batch, {x.data(), table.data(), again.data()}, 3);
    EXPECT_EQ(again, y) << "threads";
    module->call("f", batch.batch, {x.data(), table.data(), x.data()}, 2);
    EXPECT_EQ(x, y) << "one buffer for both";
    module->call("in_place", batch.batch, {copy.data(), table.data()}, 2);
    EXPECT_EQ(copy, y) << "in place";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Rope, allVariantsAndTypes(), nameOfVariantAndType);
INSTANTIATE_TEST_SUITE_P(All, RopeTable, testing::Values("x86-64-v3", "x86-64-v4", "avx512bf16"));

} // namespace
