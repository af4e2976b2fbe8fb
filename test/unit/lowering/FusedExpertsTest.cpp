//===- FusedExpertsTest.cpp - Products and what follows them --------------===//
//
// gated_linear, grouped_gated_linear and grouped_combine against sums in f64,
// with and without shared experts, sorted and unsorted, for shapes whose last
// block, pair or tile is incomplete, no token, and more tokens than a range.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/TypedBuffer.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace dsv2::test;

namespace {

class FusedExperts : public TypedKernels {
protected:
  int pair() const { return std::string(type) == "bf16" ? 2 : 1; }

  /// Type of `[leading x] [n, k]`, packed.
  std::string packedType(const std::string &leading, int n, int k) const {
    return "memref<" + leading + std::to_string((n + 63) / 64) + "x" +
           std::to_string((k + pair() - 1) / pair()) + "x64x" + std::to_string(pair()) + "x" + type +
           ">";
  }

  /// `dsv2.pack` of `count` matrices.
  TypedBuffer pack(const TypedBuffer &w, int count, int n, int k) const {
    int p = pair(), blocks = (n + 63) / 64, steps = (k + p - 1) / p;
    TypedBuffer result(type, size_t(count) * blocks * steps * 64 * p);
    for (size_t i = 0; i < size_t(count) * blocks * steps * 64 * p; ++i)
      result.set(i, 0);
    for (int m = 0; m < count; ++m)
      for (int i = 0; i < n; ++i)
        for (int j = 0; j < k; ++j)
          result.set((((size_t(m) * blocks + i / 64) * steps + j / p) * 64 + i % 64) * p + j % p,
                     w[(size_t(m) * n + i) * k + j]);
    return result;
  }

  /// Whether `got` is `want` up to the rounding of f32 sums of terms that add up
  /// to `magnitude`, and of the type.
  bool isNear(double got, double want, double magnitude) const {
    return std::abs(got - want) <= 2e-6 * magnitude + (pair() == 2 ? std::abs(want) / 256 : 0);
  }
};

struct Shape {
  int experts, choices, hidden, width, shared;
};

// The last has more blocks of hidden columns than a piece of grouped_combine takes of many tokens.
const Shape shapes[] = {
    {6, 2, 70, 18, 50}, {5, 3, 64, 33, 129}, {3, 1, 19, 64, 7}, {4, 4, 130, 5, 64}, {2, 1, 580, 5, 3}};

/// Experts of each pair: some get nothing, one gets many.
std::vector<int32_t> choose(const Shape &s, int tokens) {
  std::vector<int32_t> experts;
  for (int t = 0; t < tokens; ++t)
    for (int j = 0; j < s.choices; ++j)
      experts.push_back(s.choices == s.experts ? (t + j) % s.experts
                        : j == 0               ? s.experts - 1
                                               : (t % 3 + 2 * j - 1) % (s.experts - 1));
  return experts;
}

struct Sorted {
  std::vector<int32_t> offsets{0}, order;
};

Sorted dispatch(const std::vector<int32_t> &experts, int count) {
  Sorted result;
  for (int e = 0; e < count; ++e) {
    for (size_t p = 0; p < experts.size(); ++p)
      if (experts[p] == e)
        result.order.push_back(p);
    result.offsets.push_back(result.order.size());
  }
  return result;
}

struct Sum {
  double value = 0, magnitude = 1e-3;
};

/// Row `x[row]` times row `n` of matrix `m` of `w`.
Sum dot(const TypedBuffer &x, size_t row, const TypedBuffer &w, size_t m, int count, int n, int k) {
  Sum sum;
  for (int i = 0; i < k; ++i) {
    double product = double(x[row * k + i]) * w[(m * count + n) * k + i];
    sum.value += product;
    sum.magnitude += std::abs(product);
  }
  return sum;
}

Sum swiglu(Sum gate, Sum up) {
  double silu = gate.value / (1 + std::exp(-gate.value));
  return {silu * up.value, 2 * (gate.magnitude * std::abs(up.value) + std::abs(silu) * up.magnitude) + 1e-3};
}

const int tokenCounts[] = {0, 1, 2, 29, 97};

TEST_P(FusedExperts, GatedLinear) {
  for (auto [n, k] : {std::pair(64, 32), {70, 19}, {5, 130}, {200, 33}}) {
    SCOPED_TRACE(std::to_string(n) + " columns of " + std::to_string(k));
    auto module = KernelModule::compile(
        substitute(R"(
      func.func @f(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %g: $3, %u: $3,
                   %y: memref<?x$2x$0> {dsv2.count = "tokens"}) {
        dsv2.gated_linear %x, %g, %u outs(%y) : (memref<?x$1x$0>, $3, $3, memref<?x$2x$0>) -> ()
        return
      })", {type, std::to_string(k), std::to_string(n), packedType("", n, k)}), variant);
    ASSERT_TRUE(module);
    TypedBuffer gate(type, n * k, 1), up(type, n * k, 2);
    TypedBuffer packedGate = pack(gate, 1, n, k), packedUp = pack(up, 1, n, k);
    for (int tokens : tokenCounts) {
      TestBatch batch(TestBatch::Sequence{0, tokens});
      TypedBuffer x(type, tokens * k, 3), y(type, tokens * n);
      module->call("f", batch.batch, {x.data(), packedGate.data(), packedUp.data(), y.data()}, 1);
      EXPECT_TRUE(y.intact());
      for (int t = 0; t < tokens; ++t)
        for (int i = 0; i < n; ++i) {
          Sum want = swiglu(dot(x, t, gate, 0, n, i, k), dot(x, t, up, 0, n, i, k));
          ASSERT_TRUE(isNear(y[t * n + i], want.value, want.magnitude))
              << y[t * n + i] << " is not " << want.value << ": token " << t << ", column " << i;
        }
      for (int threads : {2, 3, 7}) {
        TypedBuffer again(type, tokens * n);
        module->call("f", batch.batch, {x.data(), packedGate.data(), packedUp.data(), again.data()}, threads);
        EXPECT_EQ(again, y) << threads << " threads";
      }
    }
  }
}

/// What grouped_gated_linear is called with.
struct UpCase {
  Shape shape;
  int tokens;
  TypedBuffer x, gate, up, sharedGate, sharedUp;
  std::vector<int32_t> experts;

  UpCase(const char *type, const Shape &s, int tokens)
      : shape(s), tokens(tokens), x(type, tokens * s.hidden, 1),
        gate(type, s.experts * s.width * s.hidden, 2), up(type, s.experts * s.width * s.hidden, 3),
        sharedGate(type, s.shared * s.hidden, 4), sharedUp(type, s.shared * s.hidden, 5),
        experts(choose(s, tokens)) {}
};

TEST_P(FusedExperts, GroupedGatedLinear) {
  for (const Shape &s : shapes) {
    SCOPED_TRACE(std::to_string(s.experts) + " experts of " + std::to_string(s.width));
    // Sorted steps alone; unsorted ones up to 29 tokens; routed experts alone.
    auto module = KernelModule::compile(
        substitute(R"(
      func.func @sorted(%x: $5 {dsv2.count = "tokens"}, %o: $6, %r: $7 {dsv2.count = "tokens"}, %g: $3, %u: $3,
                        %sg: $4, %su: $4, %y: $8 {dsv2.count = "tokens"}, %s: $9 {dsv2.count = "tokens"}) {
        dsv2.grouped_gated_linear %x, %o, %r, %g, %u shared %sg, %su outs(%y, %s)
          : ($5, $6, $7, $3, $3, $4, $4, $8, $9) -> ()
        return
      }
      func.func @unsorted(%x: $5 {dsv2.count = "tokens"}, %o: $6, %r: $7 {dsv2.count = "tokens"}, %g: $3, %u: $3,
                          %sg: $4, %su: $4, %e: $7 {dsv2.count = "tokens"}, %y: $8 {dsv2.count = "tokens"},
                          %s: $9 {dsv2.count = "tokens"}) {
        dsv2.grouped_gated_linear %x, %o, %r, %g, %u shared %sg, %su unsorted %e up_to = 29 outs(%y, %s)
          : ($5, $6, $7, $3, $3, $4, $4, $7, $8, $9) -> ()
        return
      }
      func.func @routed(%x: $5 {dsv2.count = "tokens"}, %o: $6, %r: $7 {dsv2.count = "tokens"}, %g: $3, %u: $3,
                        %y: $8 {dsv2.count = "tokens"}) {
        dsv2.grouped_gated_linear %x, %o, %r, %g, %u outs(%y) : ($5, $6, $7, $3, $3, $8) -> ()
        return
      })", {type, "", "", packedType(std::to_string(s.experts) + "x", s.width, s.hidden),
            packedType("", s.shared, s.hidden),
            "memref<?x" + std::to_string(s.hidden) + "x" + type + ">",
            "memref<" + std::to_string(s.experts + 1) + "xi32>",
            "memref<?x" + std::to_string(s.choices) + "xi32>",
            "memref<?x" + std::to_string(s.choices) + "x" + std::to_string(s.width) + "x" + type + ">",
            "memref<?x" + std::to_string(s.shared) + "x" + type + ">"}), variant);
    ASSERT_TRUE(module);
    for (int tokens : tokenCounts) {
      SCOPED_TRACE(std::to_string(tokens) + " tokens");
      UpCase c(type, s, tokens);
      TypedBuffer gate = pack(c.gate, s.experts, s.width, s.hidden), up = pack(c.up, s.experts, s.width, s.hidden);
      TypedBuffer sharedGate = pack(c.sharedGate, 1, s.shared, s.hidden), sharedUp = pack(c.sharedUp, 1, s.shared, s.hidden);
      Sorted sorted = dispatch(c.experts, s.experts);
      TestBatch batch(TestBatch::Sequence{0, tokens});
      int pairs = tokens * s.choices;
      TypedBuffer y(type, pairs * s.width), shared(type, tokens * s.shared);
      module->call("sorted", batch.batch,
                   {c.x.data(), sorted.offsets.data(), sorted.order.data(), gate.data(), up.data(),
                    sharedGate.data(), sharedUp.data(), y.data(), shared.data()}, 1);
      EXPECT_TRUE(y.intact() && shared.intact());
      for (int row = 0; row < pairs; ++row)
        for (int i = 0; i < s.width; ++i) {
          int token = sorted.order[row] / s.choices, e = c.experts[sorted.order[row]];
          Sum want = swiglu(dot(c.x, token, c.gate, e, s.width, i, s.hidden), dot(c.x, token, c.up, e, s.width, i, s.hidden));
          ASSERT_TRUE(isNear(y[row * s.width + i], want.value, want.magnitude))
              << y[row * s.width + i] << " is not " << want.value << ": row " << row << ", column " << i;
        }
      for (int t = 0; t < tokens; ++t)
        for (int i = 0; i < s.shared; ++i) {
          Sum want = swiglu(dot(c.x, t, c.sharedGate, 0, s.shared, i, s.hidden), dot(c.x, t, c.sharedUp, 0, s.shared, i, s.hidden));
          ASSERT_TRUE(isNear(shared[t * s.shared + i], want.value, want.magnitude)) << "token " << t << ", shared " << i;
        }
      for (int threads : {1, 2, 3, 7}) {
        TypedBuffer again(type, pairs * s.width), alone(type, pairs * s.width), sharedAgain(type, tokens * s.shared);
        module->call("sorted", batch.batch,
                     {c.x.data(), sorted.offsets.data(), sorted.order.data(), gate.data(), up.data(),
                      sharedGate.data(), sharedUp.data(), again.data(), sharedAgain.data()}, threads);
        module->call("routed", batch.batch, {c.x.data(), sorted.offsets.data(), sorted.order.data(), gate.data(), up.data(), alone.data()}, threads);
        EXPECT_TRUE(again == y && sharedAgain == shared && alone == y) << threads << " threads";
        // The unsorted form has the same rows, bit by bit, in the order of pairs;
        // offsets and order are not looked at.
        bool isUnsorted = tokens <= 29;
        std::vector<int32_t> none(pairs, 1 << 30), noOffsets(s.experts + 1, 1 << 30);
        TypedBuffer rows(type, pairs * s.width), sharedRows(type, tokens * s.shared);
        module->call("unsorted", batch.batch,
                     {c.x.data(), isUnsorted ? noOffsets.data() : sorted.offsets.data(),
                      isUnsorted ? none.data() : sorted.order.data(), gate.data(), up.data(),
                      sharedGate.data(), sharedUp.data(), c.experts.data(), rows.data(), sharedRows.data()}, threads);
        EXPECT_EQ(sharedRows, shared) << threads << " threads, unsorted";
        for (int row = 0; row < pairs; ++row)
          for (int i = 0; i < s.width; ++i)
            ASSERT_EQ(rows[(isUnsorted ? sorted.order[row] : row) * s.width + i], y[row * s.width + i])
                << threads << " threads, unsorted, row " << row << ", column " << i;
      }
    }
  }
}

TEST_P(FusedExperts, GroupedCombine) {
  for (const Shape &s : shapes) {
    SCOPED_TRACE(std::to_string(s.experts) + " experts of " + std::to_string(s.width));
    auto module = KernelModule::compile(
        substitute(R"(
      func.func @sorted(%x: $5 {dsv2.count = "tokens"}, %o: $6, %r: $7 {dsv2.count = "tokens"},
                        %w: $1 {dsv2.count = "tokens"}, %d: $3, %sx: $9 {dsv2.count = "tokens"}, %sd: $4,
                        %y: $8 {dsv2.count = "tokens"}) {
        dsv2.grouped_combine %x, %o, %r, %w, %d shared %sx, %sd outs(%y) : ($5, $6, $7, $1, $3, $9, $4, $8) -> ()
        return
      }
      func.func @unsorted(%x: $5 {dsv2.count = "tokens"}, %o: $6, %r: $7 {dsv2.count = "tokens"},
                          %w: $1 {dsv2.count = "tokens"}, %d: $3, %sx: $9 {dsv2.count = "tokens"}, %sd: $4,
                          %e: $7 {dsv2.count = "tokens"}, %y: $8 {dsv2.count = "tokens"}) {
        dsv2.grouped_combine %x, %o, %r, %w, %d shared %sx, %sd unsorted %e up_to = 100000 outs(%y)
          : ($5, $6, $7, $1, $3, $9, $4, $7, $8) -> ()
        return
      }
      func.func @routed(%x: $5 {dsv2.count = "tokens"}, %o: $6, %r: $7 {dsv2.count = "tokens"},
                        %w: $1 {dsv2.count = "tokens"}, %d: $3, %y: $8 {dsv2.count = "tokens"}) {
        dsv2.grouped_combine %x, %o, %r, %w, %d outs(%y) : ($5, $6, $7, $1, $3, $8) -> ()
        return
      })", {type, "memref<?x" + std::to_string(s.choices) + "xf32>", "",
            packedType(std::to_string(s.experts) + "x", s.hidden, s.width),
            packedType("", s.hidden, s.shared),
            "memref<?x" + std::to_string(s.choices) + "x" + std::to_string(s.width) + "x" + type + ">",
            "memref<" + std::to_string(s.experts + 1) + "xi32>",
            "memref<?x" + std::to_string(s.choices) + "xi32>",
            "memref<?x" + std::to_string(s.hidden) + "x" + type + ">",
            "memref<?x" + std::to_string(s.shared) + "x" + type + ">"}), variant);
    ASSERT_TRUE(module);
    TypedBuffer down(type, s.experts * s.hidden * s.width, 1), sharedDown(type, s.hidden * s.shared, 2);
    TypedBuffer packed = pack(down, s.experts, s.hidden, s.width), packedShared = pack(sharedDown, 1, s.hidden, s.shared);
    for (int tokens : {0, 1, 2, 29, 97, 700}) {
      SCOPED_TRACE(std::to_string(tokens) + " tokens");
      std::vector<int32_t> experts = choose(s, tokens);
      Sorted sorted = dispatch(experts, s.experts);
      TestBatch batch(TestBatch::Sequence{0, tokens});
      int pairs = tokens * s.choices;
      // Rows in sorted order, and the same ones in the order of pairs.
      TypedBuffer x(type, pairs * s.width, 3), unsorted(type, pairs * s.width), sharedX(type, tokens * s.shared, 4);
      for (int row = 0; row < pairs; ++row)
        for (int i = 0; i < s.width; ++i)
          unsorted.set(sorted.order[row] * s.width + i, x[row * s.width + i]);
      TypedBuffer weights("f32", pairs, 5);
      for (bool shared : {false, true}) {
        auto run = [&](bool isSorted, int threads) {
          TypedBuffer y(type, tokens * s.hidden);
          if (!isSorted)
            module->call("unsorted", batch.batch,
                         {unsorted.data(), sorted.offsets.data(), sorted.order.data(), weights.data(),
                          packed.data(), sharedX.data(), packedShared.data(), experts.data(), y.data()}, threads);
          else if (shared)
            module->call("sorted", batch.batch,
                         {x.data(), sorted.offsets.data(), sorted.order.data(), weights.data(),
                          packed.data(), sharedX.data(), packedShared.data(), y.data()}, threads);
          else
            module->call("routed", batch.batch,
                         {x.data(), sorted.offsets.data(), sorted.order.data(), weights.data(),
                          packed.data(), y.data()}, threads);
          EXPECT_TRUE(y.intact());
          return y;
        };
        auto expectSums = [&](const TypedBuffer &y, const char *form) {
          for (int t = 0; t < tokens; ++t)
            for (int i = 0; i < s.hidden; ++i) {
              Sum want;
              for (int j = 0; j < s.choices; ++j) {
                int p = t * s.choices + j;
                Sum product = dot(unsorted, p, down, experts[p], s.hidden, i, s.width);
                want.value += weights[p] * product.value;
                want.magnitude += std::abs(weights[p]) * product.magnitude;
              }
              if (shared) {
                Sum product = dot(sharedX, t, sharedDown, 0, s.hidden, i, s.shared);
                want.value += product.value;
                want.magnitude += product.magnitude;
              }
              ASSERT_TRUE(isNear(y[t * s.hidden + i], want.value, want.magnitude))
                  << form << ": " << y[t * s.hidden + i] << " is not " << want.value << ": token " << t << ", column " << i;
            }
        };
        TypedBuffer once = run(true, 1);
        expectSums(once, "sorted");
        for (int threads : {2, 3, 7})
          EXPECT_EQ(run(true, threads), once) << threads << " threads";
        if (!shared)
          continue;
        // A sum has the same order in both forms, so that a token's bits do not
        // depend on the number of tokens beside it.
        for (int threads : {1, 2, 3, 7})
          EXPECT_EQ(run(false, threads), once) << threads << " threads, unsorted";
      }
    }
  }
}

// A token's values, whatever they are, stay its own.
TEST_P(FusedExperts, NotANumberStaysInItsRow) {
  constexpr int n = 70, k = 19, tokens = 13, bad = 7;
  auto module = KernelModule::compile(
      substitute(R"(
    func.func @f(%x: memref<?x$1x$0> {dsv2.count = "tokens"}, %g: $3, %u: $3,
                 %y: memref<?x$2x$0> {dsv2.count = "tokens"}) {
      dsv2.gated_linear %x, %g, %u outs(%y) : (memref<?x$1x$0>, $3, $3, memref<?x$2x$0>) -> ()
      return
    })", {type, std::to_string(k), std::to_string(n), packedType("", n, k)}), variant);
  ASSERT_TRUE(module);
  TypedBuffer gate(type, n * k, 1), up(type, n * k, 2);
  TypedBuffer packedGate = pack(gate, 1, n, k), packedUp = pack(up, 1, n, k);
  TestBatch batch(TestBatch::Sequence{0, tokens});
  auto run = [&](float value) {
    TypedBuffer x(type, tokens * k, 3), y(type, tokens * n);
    x.set(bad * k + k - 1, value);
    module->call("f", batch.batch, {x.data(), packedGate.data(), packedUp.data(), y.data()}, 1);
    return y;
  };
  TypedBuffer clean = run(1);
  for (float value : {float(NAN), float(INFINITY), -float(INFINITY)}) {
    TypedBuffer y = run(value);
    for (int t = 0; t < tokens; ++t)
      for (int i = 0; i < n; ++i)
        if (t != bad)
          ASSERT_EQ(y[t * n + i], clean[t * n + i]) << "token " << t << " for " << value;
        else if (std::isnan(value))
          ASSERT_TRUE(std::isnan(y[t * n + i])) << "column " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FusedExperts, allVariantsAndTypes(), nameOfVariantAndType);

} // namespace
