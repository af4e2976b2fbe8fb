//===- FusedTest.cpp - Lowering of fused ops ------------------------------===//
//
// Each fused op against the ops that it stands for, which have tests of their
// own: the same bits, on every variant, for rows few and many, for widths that
// are no whole vectors, with NaN and infinity, on several threads.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/TypedBuffer.h"
#include <cmath>

using namespace dsv2::test;

namespace {

class Fused : public TypedKernels {
protected:
  /// Of one matrix that fills its blocks of 64 columns, or does not.
  std::string packed(int n, int k) const {
    int pair = type == std::string("bf16") ? 2 : 1;
    return std::to_string((n + 63) / 64) + "x" + std::to_string((k + pair - 1) / pair) + "x64x" +
           std::to_string(pair);
  }
  static size_t packedSize(int n, int k) { return (n + 63) / 64 * 64 * ((k + 1) / 2 * 2); }

  TypedBuffer make(size_t size, unsigned seed) const { return TypedBuffer(type, size, seed); }
  TypedBuffer make(size_t size) const { return TypedBuffer(type, size); }

  /// Rows of one sequence.
  static TestBatch rowsOf(int rows) { return TestBatch(TestBatch::Sequence{3, rows}); }
};

/// Around the number of rows that each thread normalizes for itself.
constexpr int kRows[] = {1, 2, 4, 5, 13, 101};

TEST_P(Fused, AddRmsNorm) {
  for (int d : {19, 24, 64, 300, 576}) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @parts(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %d: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %w: memref<$1x$0>, %s: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %n: memref<?x$1x$0> {dsv2.count = "tokens"}) {
        dsv2.add %x, %d outs(%s) : (memref<?x$1x$0>, memref<?x$1x$0>, memref<?x$1x$0>) -> ()
        dsv2.barrier
        dsv2.rms_norm %s, %w eps = 1.0e-3 outs(%n) : (memref<?x$1x$0>, memref<$1x$0>, memref<?x$1x$0>) -> ()
        return
      }
      func.func @fused(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %d: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %w: memref<$1x$0>, %s: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %n: memref<?x$1x$0> {dsv2.count = "tokens"}) {
        dsv2.add_rms_norm %x, %d, %w eps = 1.0e-3 outs(%s, %n)
          : (memref<?x$1x$0>, memref<?x$1x$0>, memref<$1x$0>, memref<?x$1x$0>, memref<?x$1x$0>) -> ()
        return
      })", {type, std::to_string(d)}), variant);
    ASSERT_TRUE(module);
    for (int rows : kRows) {
      TypedBuffer x = make(rows * d, 1), delta = make(rows * d, 2), w = make(d, 3);
      if (rows > 2)
        x.set(d, NAN), x.set(2 * d, INFINITY);
      TypedBuffer sum = make(rows * d), normed = make(rows * d);
      TestBatch batch = rowsOf(rows);
      module->call("parts", batch.batch, {x.data(), delta.data(), w.data(), sum.data(), normed.data()});
      for (int threads : {1, 2, 3}) {
        TypedBuffer s = make(rows * d), n = make(rows * d);
        module->call("fused", batch.batch, {x.data(), delta.data(), w.data(), s.data(), n.data()},
                     threads);
        EXPECT_EQ(s, sum) << d << " columns, " << rows << " rows, threads " << threads;
        EXPECT_EQ(n, normed) << d << " columns, " << rows << " rows, threads " << threads;
      }
    }
  }
}

struct Widths {
  int k, n, m;
};
constexpr Widths kWidths[] = {{64, 128, 64}, {45, 86, 5}, {300, 64, 577}};

TEST_P(Fused, Linears) {
  for (auto [k, n, m] : kWidths) {
    auto module = KernelModule::compile(substitute(R"(
      func.func @parts(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %v: memref<$4x$0>, %w: memref<$5x$0>,
                       %y: memref<?x$2x$0> {dsv2.count = "tokens"}, %z: memref<?x$3xf32> {dsv2.count = "tokens"}) {
        dsv2.linear %x, %v outs(%y) : (memref<?x$1x$0>, memref<$4x$0>, memref<?x$2x$0>) -> ()
        dsv2.linear %x, %w outs(%z) : (memref<?x$1x$0>, memref<$5x$0>, memref<?x$3xf32>) -> ()
        return
      }
      func.func @fused(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %v: memref<$4x$0>, %w: memref<$5x$0>,
                       %y: memref<?x$2x$0> {dsv2.count = "tokens"}, %z: memref<?x$3xf32> {dsv2.count = "tokens"}) {
        dsv2.linears %x, (%v, %w) outs(%y, %z)
          : (memref<?x$1x$0>, memref<$4x$0>, memref<$5x$0>, memref<?x$2x$0>, memref<?x$3xf32>) -> ()
        return
      })", {type, std::to_string(k), std::to_string(n), std::to_string(m), packed(n, k), packed(m, k)}),
      variant);
    ASSERT_TRUE(module);
    for (int rows : kRows) {
      TypedBuffer x = make(rows * k, 1), v = make(packedSize(n, k), 2), w = make(packedSize(m, k), 3);
      if (rows > 2)
        x.set(k, NAN), x.set(2 * k, INFINITY);
      TypedBuffer y = make(rows * n), z("f32", rows * m);
      TestBatch batch = rowsOf(rows);
      module->call("parts", batch.batch, {x.data(), v.data(), w.data(), y.data(), z.data()});
      for (int threads : {1, 2, 3}) {
        TypedBuffer a = make(rows * n), b("f32", rows * m);
        module->call("fused", batch.batch, {x.data(), v.data(), w.data(), a.data(), b.data()}, threads);
        EXPECT_EQ(a, y) << k << " inputs, " << rows << " rows, threads " << threads;
        EXPECT_EQ(b, z) << k << " inputs, " << rows << " rows, threads " << threads;
      }
    }
  }
}

TEST_P(Fused, NormLinears) {
  for (auto [k, n, m] : kWidths) {
    std::vector<std::string> values{type, std::to_string(k), std::to_string(n), std::to_string(m),
                                    packed(n, k), packed(m, k)};
    auto module = KernelModule::compile(substitute(R"(
      func.func @parts(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %d: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %g: memref<$1x$0>, %v: memref<$4x$0>, %w: memref<$5x$0>,
                       %s: memref<?x$1x$0> {dsv2.count = "tokens"}, %h: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %y: memref<?x$2x$0> {dsv2.count = "tokens"}, %z: memref<?x$3x$0> {dsv2.count = "tokens"}) {
        dsv2.add %x, %d outs(%s) : (memref<?x$1x$0>, memref<?x$1x$0>, memref<?x$1x$0>) -> ()
        dsv2.barrier
        dsv2.rms_norm %s, %g eps = 1.0e-3 outs(%h) : (memref<?x$1x$0>, memref<$1x$0>, memref<?x$1x$0>) -> ()
        dsv2.barrier
        dsv2.linear %h, %v outs(%y) : (memref<?x$1x$0>, memref<$4x$0>, memref<?x$2x$0>) -> ()
        dsv2.linear %h, %w outs(%z) : (memref<?x$1x$0>, memref<$5x$0>, memref<?x$3x$0>) -> ()
        return
      }
      func.func @fused(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %d: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %g: memref<$1x$0>, %v: memref<$4x$0>, %w: memref<$5x$0>,
                       %s: memref<?x$1x$0> {dsv2.count = "tokens"}, %h: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %y: memref<?x$2x$0> {dsv2.count = "tokens"}, %z: memref<?x$3x$0> {dsv2.count = "tokens"}) {
        dsv2.norm_linears %x plus %d, %g eps = 1.0e-3, (%v, %w) outs(%s, %h, %y, %z)
          : (memref<?x$1x$0>, memref<?x$1x$0>, memref<$1x$0>, memref<$4x$0>, memref<$5x$0>, memref<?x$1x$0>,
             memref<?x$1x$0>, memref<?x$2x$0>, memref<?x$3x$0>) -> ()
        return
      }
      // On the sum that @parts leaves.
      func.func @without_delta(%s: memref<?x$1x$0> {dsv2.count = "tokens"}, %g: memref<$1x$0>, %v: memref<$4x$0>,
                               %h: memref<?x$1x$0> {dsv2.count = "tokens"}, %y: memref<?x$2x$0> {dsv2.count = "tokens"}) {
        dsv2.norm_linears %s, %g eps = 1.0e-3, (%v) outs(%h, %y)
          : (memref<?x$1x$0>, memref<$1x$0>, memref<$4x$0>, memref<?x$1x$0>, memref<?x$2x$0>) -> ()
        return
      })", values), variant);
    ASSERT_TRUE(module);
    for (int rows : kRows) {
      TypedBuffer x = make(rows * k, 1), delta = make(rows * k, 2), g = make(k, 3);
      TypedBuffer v = make(packedSize(n, k), 4), w = make(packedSize(m, k), 5);
      if (rows > 2)
        x.set(k, NAN), x.set(2 * k, INFINITY);
      TypedBuffer sum = make(rows * k), normed = make(rows * k), y = make(rows * n), z = make(rows * m);
      TestBatch batch = rowsOf(rows);
      module->call("parts", batch.batch, {x.data(), delta.data(), g.data(), v.data(), w.data(), sum.data(),
                                          normed.data(), y.data(), z.data()});
      for (int threads : {1, 2, 3}) {
        auto where = [&] {
          return std::to_string(k) + " inputs, " + std::to_string(rows) + " rows, threads " +
                 std::to_string(threads);
        };
        TypedBuffer s = make(rows * k), h = make(rows * k), a = make(rows * n), b = make(rows * m);
        module->call("fused", batch.batch, {x.data(), delta.data(), g.data(), v.data(), w.data(), s.data(),
                                            h.data(), a.data(), b.data()}, threads);
        EXPECT_EQ(s, sum) << where();
        EXPECT_EQ(h, normed) << where();
        EXPECT_EQ(a, y) << where();
        EXPECT_EQ(b, z) << where();
        TypedBuffer h2 = make(rows * k), a2 = make(rows * n);
        module->call("without_delta", batch.batch,
                     {sum.data(), g.data(), v.data(), h2.data(), a2.data()}, threads);
        EXPECT_EQ(h2, normed) << where();
        EXPECT_EQ(a2, y) << where();
      }
    }
  }
}

TEST_P(Fused, AppendLatent) {
  struct Case {
    int latent, rope, normed, turned;
  };
  for (auto [latent, rope, normed, turned] :
       {Case{32, 8, 32, 8}, {19, 6, 19, 6}, {19, 6, 13, 4}, {512, 64, 512, 64}}) {
    int columns = latent + rope;
    auto module = KernelModule::compile(substitute(R"(
      #cache = #dsv2.cache<latent = $5, rope = $6>
      !batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 256>
      func.func @parts(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %w: memref<$2x$0>,
                       %cs: memref<?x$3x2xf32> {dsv2.count = "tokens"}, %a: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %b: memref<?x$1x$0> {dsv2.count = "tokens"},
                       %c: memref<2x?x64x$1x$0, #cache> {dsv2.count = "pages"}, %batch: !batch) {
        %layer = arith.constant 1 : index
        dsv2.rms_norm %x, %w eps = 1.0e-3 outs(%a) : (memref<?x$1x$0>, memref<$2x$0>, memref<?x$1x$0>) -> ()
        dsv2.barrier
        dsv2.rope %a, %cs outs(%b) : (memref<?x$1x$0>, memref<?x$3x2xf32>, memref<?x$1x$0>) -> ()
        dsv2.barrier
        dsv2.append_latent %b into %c[%layer] at %batch
          : (memref<?x$1x$0>, memref<2x?x64x$1x$0, #cache>, index, !batch) -> ()
        return
      }
      func.func @fused(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %w: memref<$2x$0>,
                       %cs: memref<?x$3x2xf32> {dsv2.count = "tokens"},
                       %c: memref<2x?x64x$1x$0, #cache> {dsv2.count = "pages"}, %batch: !batch) {
        %layer = arith.constant 1 : index
        dsv2.append_latent %x norm %w eps = 1.0e-3 rope %cs into %c[%layer] at %batch
          : (memref<?x$1x$0>, memref<$2x$0>, memref<?x$3x2xf32>, memref<2x?x64x$1x$0, #cache>, index, !batch) -> ()
        return
      })", {type, std::to_string(columns), std::to_string(normed), std::to_string(turned / 2), "",
            std::to_string(latent), std::to_string(rope)}), variant);
    ASSERT_TRUE(module);
    // Tokens on both sides of the end of a page.
    TestBatch batch({{62, 5}, {0, 2}});
    constexpr int tokens = 7;
    size_t cacheSize = 2 * batch.batch.pages * 64 * columns;
    TypedBuffer x = make(tokens * columns, 1), w = make(normed, 2), table("f32", tokens * turned, 3);
    x.set(0, NAN), x.set(2 * columns - 1, INFINITY);
    TypedBuffer a = make(tokens * columns), b = make(tokens * columns), cache = make(cacheSize);
    module->call("parts", batch.batch, {x.data(), w.data(), table.data(), a.data(), b.data(), cache.data()});
    for (int threads : {1, 2, 3}) {
      TypedBuffer c = make(cacheSize);
      module->call("fused", batch.batch, {x.data(), w.data(), table.data(), c.data()}, threads);
      EXPECT_EQ(c, cache) << columns << " columns, threads " << threads;
    }
  }
}

TEST_P(Fused, RopeByRange) {
  struct Case {
    int heads, nope, through, turned, latent;
  };
  for (auto [heads, nope, through, turned, latent] :
       {Case{4, 16, 8, 8, 64}, {3, 13, 7, 6, 33}, {2, 128, 64, 64, 512}}) {
    int columns = nope + through;
    std::string rows = "memref<?x" + std::to_string(heads) + "x" + std::to_string(columns) + "x" + type + ">";
    std::string wide = "memref<?x" + std::to_string(heads) + "x" + std::to_string(latent + through) + "x" + type + ">";
    std::string weight = "memref<" + std::to_string(heads) + "x" + packed(latent, nope) + "x" + type + ">";
    std::string table = "memref<?x" + std::to_string(turned / 2) + "x2xf32>";
    auto module = KernelModule::compile(substitute(R"(
      !batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
      func.func @parts(%x: $0 {dsv2.count = "tokens"}, %cs: $3 {dsv2.count = "tokens"}, %w: $2,
                       %t: $0 {dsv2.count = "tokens"}, %y: $1 {dsv2.count = "tokens"}, %batch: !batch) {
        dsv2.rope %x, %cs outs(%t) : ($0, $3, $0) -> ()
        dsv2.barrier
        dsv2.head_linear %t, %w at %batch range = absorbed through = $4 outs(%y) : ($0, $2, !batch, $1) -> ()
        return
      }
      func.func @fused(%x: $0 {dsv2.count = "tokens"}, %cs: $3 {dsv2.count = "tokens"}, %w: $2,
                       %t: $0 {dsv2.count = "tokens"}, %y: $1 {dsv2.count = "tokens"}, %batch: !batch) {
        dsv2.rope %x, %cs at %batch range = expanded outs(%t) : ($0, $3, !batch, $0) -> ()
        dsv2.head_linear %x, %w at %batch range = absorbed through = $4 rope %cs outs(%y)
          : ($0, $2, !batch, $3, $1) -> ()
        return
      })", {rows, wide, weight, table, std::to_string(through)}), variant);
    ASSERT_TRUE(module);
    TestBatch batch({{40, 1}, {50, 2}, {0, 6}}, /*absorbed=*/2);
    constexpr int tokens = 9, absorbed = 3;
    size_t size = tokens * heads * columns, wideSize = tokens * heads * (latent + through);
    TypedBuffer x = make(size, 1), cs("f32", tokens * turned, 2);
    TypedBuffer w = make(heads * packedSize(latent, nope), 3);
    TypedBuffer turnedAll = make(size), product = make(wideSize), untouched = make(size);
    module->call("parts", batch.batch, {x.data(), cs.data(), w.data(), turnedAll.data(), product.data()});
    for (int threads : {1, 2, 3}) {
      TypedBuffer t = make(size), y = make(wideSize);
      module->call("fused", batch.batch, {x.data(), cs.data(), w.data(), t.data(), y.data()}, threads);
      EXPECT_EQ(y, product) << columns << " columns, threads " << threads;
      for (size_t i = 0; i < size; ++i) {
        bool expanded = i >= size_t(absorbed * heads * columns);
        ASSERT_EQ(t[i], (expanded ? turnedAll : untouched)[i])
            << columns << " columns, element " << i << ", threads " << threads;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Fused, allVariantsAndTypes(), nameOfVariantAndType);

} // namespace
