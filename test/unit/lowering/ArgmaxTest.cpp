//===- ArgmaxTest.cpp - Lowering of the greedy choice ---------------------===//
//
// By itself, against what the runtime's sampling takes of the same logits; and
// within a product, against the product and the choice apart. Ties, NaN and
// infinities, widths that are no whole vectors, rows kept in scratch and more,
// on several threads.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/Sampler.h"
#include "test/unit/lowering/TypedBuffer.h"
#include <cmath>

using namespace dsv2::test;

namespace {

/// i32 numbers with a guard behind the last.
class Choices {
public:
  explicit Choices(size_t size) : values(size + 1, guard) {}
  void *data() { return values.data(); }
  std::vector<int32_t> get() const { return {values.begin(), values.end() - 1}; }
  bool intact() const { return values.back() == guard; }

private:
  static constexpr int32_t guard = 0x7f7f7f7f;
  std::vector<int32_t> values;
};

/// What sampling takes of each row; -1 for an error.
std::vector<int32_t> sampled(const TypedBuffer &logits, int rows, int columns) {
  std::vector<int32_t> result;
  std::vector<float> row(columns);
  for (int r = 0; r < rows; ++r) {
    for (int i = 0; i < columns; ++i)
      row[i] = logits[size_t(r) * columns + i];
    dsv2::Expected<int32_t> best = dsv2::sampling::sample(row, {}, 0);
    result.push_back(best.ok() ? *best : -1);
  }
  return result;
}

TestBatch rowsOf(int rows) { return TestBatch(TestBatch::Sequence{3, rows}); }

class Argmax : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!KernelModule::runs(GetParam()))
      GTEST_SKIP() << "this CPU does not run " << GetParam();
  }
};

TEST_P(Argmax, TakesWhatSamplingTakes) {
  for (int n : {1, 3, 16, 63, 64, 65, 100, 259, 576}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @f(%x: memref<?x$0xf32> {dsv2.count = "tokens"}, %c: memref<?xi32> {dsv2.count = "tokens"}) {
        dsv2.argmax %x outs(%c) : (memref<?x$0xf32>, memref<?xi32>) -> ()
        return
      })", {std::to_string(n)}), GetParam());
    ASSERT_TRUE(module);
    constexpr int rows = 24;
    TypedBuffer x("f32", size_t(rows) * n, unsigned(n));
    auto set = [&](int row, int column, float value) { x.set(size_t(row) * n + column, value); };
    auto fill = [&](int row, float value) {
      for (int i = 0; i < n; ++i)
        set(row, i, value);
    };
    int last = n - 1, middle = n / 2;
    set(0, last, 100);
    set(1, 0, 100), set(1, last, 100);
    set(2, middle, 100), set(2, last, 100);
    fill(3, -2.5f);
    fill(4, 0), set(4, 0, -0.0f);
    fill(5, -0.0f), set(5, last, 0);
    fill(6, -INFINITY);
    fill(7, -INFINITY), set(7, last, -3);
    set(8, middle, INFINITY);
    set(9, 0, INFINITY), set(9, last, 1e30f);
    set(10, 0, NAN), set(11, last, NAN), set(12, middle, -NAN);
    set(13, 0, INFINITY), set(13, last, NAN);
    fill(14, NAN);
    set(15, middle, -INFINITY);
    fill(16, -3e38f), set(16, last, -2.9e38f);
    fill(17, 1e-45f);
    for (int i = 0; i < n; ++i)
      set(18, i, float(i)), set(19, i, float(-i));
    std::vector<int32_t> expected = sampled(x, rows, n);
    EXPECT_EQ(expected[14], -1);
    TestBatch batch = rowsOf(rows);
    for (int threads : {1, 2, 5}) {
      Choices choices(rows);
      module->call("f", batch.batch, {x.data(), choices.data()}, threads);
      EXPECT_EQ(choices.get(), expected) << n << " columns, threads " << threads;
      EXPECT_TRUE(choices.intact());
    }
    Choices one(1);
    module->call("f", rowsOf(1).batch, {x.data(), one.data()}, 2);
    EXPECT_EQ(one.get(), std::vector<int32_t>{expected[0]});
  }
}

INSTANTIATE_TEST_SUITE_P(All, Argmax, testing::Values("x86-64-v3", "x86-64-v4", "avx512bf16"),
                         [](const auto &info) {
                           return std::string(info.param) == "x86-64-v3"   ? "v3"
                                  : std::string(info.param) == "x86-64-v4" ? "v4"
                                                                           : "avx512bf16";
                         });

class ProductChoice : public TypedKernels {};

TEST_P(ProductChoice, IsThatOfTheProduct) {
  struct Widths {
    int k, n;
  };
  for (auto [k, n] : {Widths{64, 128}, {45, 86}, {24, 5}, {32, 577}}) {
    int pair = type == std::string("bf16") ? 2 : 1, steps = (k + pair - 1) / pair;
    std::string packed = std::to_string((n + 63) / 64) + "x" + std::to_string(steps) + "x64x" +
                         std::to_string(pair);
    auto module = KernelModule::compile(substitute(R"(
      func.func @parts(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %g: memref<$1x$0>, %w: memref<$3x$0>,
                       %h: memref<?x$1x$0> {dsv2.count = "tokens"}, %y: memref<?x$2xf32> {dsv2.count = "tokens"},
                       %c: memref<?xi32> {dsv2.count = "tokens"}) {
        dsv2.norm_linears %x, %g eps = 1.0e-3, (%w) outs(%h, %y)
          : (memref<?x$1x$0>, memref<$1x$0>, memref<$3x$0>, memref<?x$1x$0>, memref<?x$2xf32>) -> ()
        dsv2.barrier
        dsv2.argmax %y outs(%c) : (memref<?x$2xf32>, memref<?xi32>) -> ()
        return
      }
      func.func @fused(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %g: memref<$1x$0>, %w: memref<$3x$0>,
                       %h: memref<?x$1x$0> {dsv2.count = "tokens"}, %y: memref<?x$2xf32> {dsv2.count = "tokens"},
                       %c: memref<?xi32> {dsv2.count = "tokens"}) {
        dsv2.norm_linears %x, %g eps = 1.0e-3, (%w) choose outs(%h, %y, %c)
          : (memref<?x$1x$0>, memref<$1x$0>, memref<$3x$0>, memref<?x$1x$0>, memref<?x$2xf32>, memref<?xi32>) -> ()
        return
      }
      func.func @with_delta(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %d: memref<?x$1x$0> {dsv2.count = "tokens"},
                            %g: memref<$1x$0>, %w: memref<$3x$0>, %s: memref<?x$1x$0> {dsv2.count = "tokens"},
                            %h: memref<?x$1x$0> {dsv2.count = "tokens"}, %y: memref<?x$2xf32> {dsv2.count = "tokens"},
                            %c: memref<?xi32> {dsv2.count = "tokens"}) {
        dsv2.norm_linears %x plus %d, %g eps = 1.0e-3, (%w) choose outs(%s, %h, %y, %c)
          : (memref<?x$1x$0>, memref<?x$1x$0>, memref<$1x$0>, memref<$3x$0>, memref<?x$1x$0>, memref<?x$1x$0>,
             memref<?x$2xf32>, memref<?xi32>) -> ()
        return
      })", {type, std::to_string(k), std::to_string(n), packed}), variant);
    ASSERT_TRUE(module);
    // Some columns are alike, and larger than the others where they are not
    // negative: ties within a block, between blocks, and with the last column.
    TypedBuffer g(type, k, 2), w(type, size_t((n + 63) / 64) * steps * 64 * pair, 3);
    auto weight = [&](int column, int depth) {
      return ((size_t(column / 64) * steps + depth / pair) * 64 + column % 64) * pair + depth % pair;
    };
    for (int depth = 0; depth < k; ++depth) {
      float value = 8 * w[weight(3, depth)];
      for (int column : {3, n / 2 + 1, n - 1})
        w.set(weight(column, depth), value);
    }
    std::vector<int> counts{64, 65, 130};
    for (int rows = 1; rows <= 40; ++rows)
      counts.push_back(rows);
    for (int rows : counts) {
      TypedBuffer x(type, size_t(rows) * k, 1), zeros(type, size_t(rows) * k);
      for (size_t i = 0; i < size_t(rows) * k; ++i)
        zeros.set(i, 0);
      if (rows > 4) {
        x.set(k, NAN), x.set(2 * k, INFINITY);
        for (int i = 0; i < k; ++i)
          x.set(3 * k + i, 0); // all logits alike
      }
      TestBatch batch = rowsOf(rows);
      auto run = [&](const char *name, int threads, std::vector<int32_t> &chosen) {
        bool delta = name == std::string("with_delta");
        TypedBuffer s(type, size_t(rows) * k), h(type, size_t(rows) * k);
        TypedBuffer y("f32", size_t(rows) * n);
        Choices choices(rows);
        std::vector<void *> buffers{x.data(), g.data(), w.data(), h.data(), y.data(), choices.data()};
        if (delta)
          buffers = {x.data(), zeros.data(), g.data(), w.data(), s.data(), h.data(), y.data(),
                     choices.data()};
        module->call(name, batch.batch, buffers, threads);
        EXPECT_TRUE(choices.intact() && y.intact());
        chosen = choices.get();
        return y;
      };
      std::vector<int32_t> expected, chosen;
      TypedBuffer logits = run("parts", 1, expected);
      ASSERT_EQ(expected, sampled(logits, rows, n)) << n << " columns, rows " << rows;
      if (rows > 4) {
        EXPECT_EQ(expected[1], -1);
        EXPECT_EQ(expected[3], 0);
      }
      for (const char *name : {"fused", "with_delta"})
        for (int threads : {1, 2, 5}) {
          TypedBuffer y = run(name, threads, chosen);
          EXPECT_EQ(y, logits) << name << ", " << n << " columns, rows " << rows << ", threads " << threads;
          EXPECT_EQ(chosen, expected)
              << name << ", " << n << " columns, rows " << rows << ", threads " << threads;
        }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ProductChoice, allVariantsAndTypes(), nameOfVariantAndType);

} // namespace
