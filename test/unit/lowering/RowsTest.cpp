//===- RowsTest.cpp - Lowering of row-wise ops ----------------------------===//
//
// Executes each op and compares with its definition, for widths that are and
// are not whole vectors, and in place where a destination may be an operand.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/TypedBuffer.h"
#include <cmath>

using namespace dsv2::test;

namespace {

class Rows : public TypedKernels {
protected:
  /// 7 tokens; those of the first sequence at positions 0..4.
  TestBatch batch{{{0, 5}, {3, 2}}};
  static constexpr int tokens = 7;
};

TEST_P(Rows, AddRoundsOnce) {
  for (auto [shape, d] : {std::pair("1", 1), {"19", 19}, {"24", 24}, {"44", 44}, {"72", 72},
                          {"256", 256}, {"3x19", 57}}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %y: memref<?x$1x$0> {dsv2.count = "tokens"},
                   %z: memref<?x$1x$0> {dsv2.count = "tokens"}) {
        dsv2.add %x, %y outs(%z) : (memref<?x$1x$0>, memref<?x$1x$0>, memref<?x$1x$0>) -> ()
        return
      })", {type, shape}), variant);
    ASSERT_TRUE(module);
    TypedBuffer x(type, tokens * d, 1), y(type, tokens * d, 2, 30), z(type, tokens * d);
    module->call("f", batch.batch, {x.data(), y.data(), z.data()}, 2);
    for (int i = 0; i < tokens * d; ++i)
      ASSERT_EQ(z[i], z.round(x[i] + y[i])) << shape << ", element " << i;
    EXPECT_TRUE(z.intact());
    module->call("f", batch.batch, {x.data(), y.data(), x.data()}, 3);
    EXPECT_EQ(x, z) << "in place";
  }
}

TEST_P(Rows, EmbedCopiesRowsOfIds) {
  auto module = KernelModule::compile(substitute(R"(
    func.func @f(%ids: memref<?xi32> {dsv2.count = "tokens"}, %table: memref<11x19x$0>,
                 %y: memref<?x19x$0> {dsv2.count = "tokens"}) {
      dsv2.embed %ids, %table outs(%y) : (memref<?xi32>, memref<11x19x$0>, memref<?x19x$0>) -> ()
      return
    })", {type}), variant);
  ASSERT_TRUE(module);
  std::vector<int32_t> ids{3, 0, 10, 10, 7, 1, 3};
  TypedBuffer table(type, 11 * 19, 1), y(type, tokens * 19);
  module->call("f", batch.batch, {ids.data(), table.data(), y.data()}, 3);
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < 19; ++i)
      ASSERT_EQ(y[t * 19 + i], table[ids[t] * 19 + i]) << t << ", " << i;
  EXPECT_TRUE(y.intact());
}

TEST_P(Rows, ZerosFillEveryToken) {
  for (auto [shape, columns] : {std::pair("44", 44), {"3x19", 57}}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%batch: !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>,
                   %y: memref<?x$1x$0> {dsv2.count = "tokens"}) {
        dsv2.zeros at %batch outs(%y)
          : (!dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>, memref<?x$1x$0>) -> ()
        return
      })", {type, shape}), variant);
    ASSERT_TRUE(module);
    TypedBuffer y(type, tokens * columns, 1);
    module->call("f", batch.batch, {y.data()}, 2);
    for (int i = 0; i < tokens * columns; ++i)
      ASSERT_EQ(y[i], 0) << shape << ", element " << i;
    EXPECT_TRUE(y.intact());
  }
}

TEST_P(Rows, SelectOutputsGathersWantedRows) {
  auto module = KernelModule::compile(substitute(R"(
    func.func @f(%x: memref<?x24x$0> {dsv2.count = "tokens"},
                 %batch: !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>,
                 %y: memref<?x24x$0> {dsv2.count = "outputs"}) {
      dsv2.select_outputs %x at %batch outs(%y)
        : (memref<?x24x$0>, !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>,
           memref<?x24x$0>) -> ()
      return
    })", {type}), variant);
  ASSERT_TRUE(module);
  TypedBuffer x(type, tokens * 24, 1), y(type, 2 * 24);
  module->call("f", batch.batch, {x.data(), y.data()}, 2);
  for (int r = 0; r < 2; ++r)
    for (int i = 0; i < 24; ++i)
      ASSERT_EQ(y[r * 24 + i], x[(r ? 6 : 4) * 24 + i]) << r << ", " << i;
  EXPECT_TRUE(y.intact());
}

TEST_P(Rows, RmsNormOfLeadingColumns) {
  for (auto [columns, n] : {std::pair(19, 19), {24, 19}, {72, 64}, {44, 44}, {576, 512}, {300, 300}}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %w: memref<$2x$0>,
                   %y: memref<?x$1x$0> {dsv2.count = "tokens"}) {
        dsv2.rms_norm %x, %w eps = 1.0e-3 outs(%y)
          : (memref<?x$1x$0>, memref<$2x$0>, memref<?x$1x$0>) -> ()
        return
      }
      func.func @in_place(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %w: memref<$2x$0>) {
        dsv2.rms_norm %x, %w eps = 1.0e-3 outs(%x)
          : (memref<?x$1x$0>, memref<$2x$0>, memref<?x$1x$0>) -> ()
        return
      })", {type, std::to_string(columns), std::to_string(n)}), variant);
    ASSERT_TRUE(module);
    // Small enough for eps to matter.
    TypedBuffer x(type, tokens * columns, 1, 0.05f), w(type, n, 2), y(type, tokens * columns);
    for (int i = 0; i < columns; ++i)
      x.set(3 * columns + i, 0);
    module->call("f", batch.batch, {x.data(), w.data(), y.data()}, 1);
    for (int t = 0; t < tokens; ++t) {
      double squares = 0;
      for (int i = 0; i < n; ++i)
        squares += double(x[t * columns + i]) * x[t * columns + i];
      double r = 1 / std::sqrt(squares / n + 1e-3);
      for (int i = 0; i < columns; ++i) {
        float in = x[t * columns + i], want = i < n ? float(w[i] * (in * r)) : in;
        ASSERT_NEAR(y[t * columns + i], want, i < n ? y.tolerance(want) : 0)
            << columns << " columns, token " << t << ", column " << i;
      }
    }
    EXPECT_TRUE(y.intact());
    TypedBuffer again(type, tokens * columns);
    module->call("f", batch.batch, {x.data(), w.data(), again.data()}, 3);
    EXPECT_EQ(again, y) << "threads";
    module->call("in_place", batch.batch, {x.data(), w.data()}, 2);
    EXPECT_EQ(x, y) << "in place";
  }
}

TEST_P(Rows, SwigluOfTwoAndThreeDimensions) {
  for (auto [shape, columns] : {std::pair("19", 19), {"44", 44}, {"72", 72}, {"3x19", 57}, {"2x24", 48}}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%g: memref<?x$1x$0> {dsv2.count = "tokens"}, %u: memref<?x$1x$0> {dsv2.count = "tokens"},
                   %y: memref<?x$1x$0> {dsv2.count = "tokens"}) {
        dsv2.swiglu %g, %u outs(%y) : (memref<?x$1x$0>, memref<?x$1x$0>, memref<?x$1x$0>) -> ()
        return
      })", {type, shape}), variant);
    ASSERT_TRUE(module);
    TypedBuffer g(type, tokens * columns, 1, 5), u(type, tokens * columns, 2), y(type, tokens * columns);
    g.set(0, -200), g.set(1, 200), g.set(2, -88.5), g.set(3, 0), u.set(0, 1), u.set(1, 1);
    module->call("f", batch.batch, {g.data(), u.data(), y.data()}, 1);
    for (int i = 0; i < tokens * columns; ++i) {
      float want = g[i] / (1 + std::exp(-double(g[i]))) * u[i];
      ASSERT_NEAR(y[i], want, y.tolerance(want)) << shape << ", element " << i << ", gate " << g[i];
    }
    EXPECT_TRUE(y.intact());
    TypedBuffer again(type, tokens * columns);
    module->call("f", batch.batch, {g.data(), u.data(), again.data()}, 3);
    EXPECT_EQ(again, y) << "threads";
    module->call("f", batch.batch, {g.data(), u.data(), u.data()}, 2);
    EXPECT_EQ(u, y) << "in place";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Rows, allVariantsAndTypes(), nameOfVariantAndType);

} // namespace
