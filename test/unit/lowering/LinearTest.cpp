//===- LinearTest.cpp - Products with packed weights ----------------------===//
//
// linear, head_linear and grouped_linear against sums in f64, on every variant
// and for shapes whose last block, last pair or last tile is incomplete.
// Buffers end at a page that faults: nothing may be touched behind them.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/KernelHarness.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <sys/mman.h>
#include <utility>

using namespace dsv2::test;

namespace {

/// Elements of bf16 or f32, the last one flush with a page that faults.
class Buffer {
public:
  Buffer(int64_t count, bool bf16) : count(count), bf16(bf16) {
    bytes = count * (bf16 ? 2 : 4);
    mapped = (bytes + 4095) / 4096 * 4096 + 4096;
    base = static_cast<char *>(mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + mapped - 4096, 4096, PROT_NONE);
    data = base + mapped - 4096 - bytes;
    std::memset(data, 0x7f, bytes); // a large number, in both types
  }
  Buffer(Buffer &&other)
      : count(other.count), bytes(other.bytes), mapped(other.mapped), bf16(other.bf16),
        base(std::exchange(other.base, nullptr)), data(other.data) {}
  ~Buffer() {
    if (base)
      munmap(base, mapped);
  }

  /// Values in [-1, 1), different for each seed.
  static Buffer random(int64_t count, bool bf16, uint32_t seed) {
    Buffer result(count, bf16);
    uint32_t state = seed * 2654435761u + 12345;
    for (int64_t i = 0; i < count; ++i) {
      state = state * 1664525 + 1013904223;
      result.set(i, float(int32_t(state)) / 2147483648.0f);
    }
    return result;
  }

  double get(int64_t i) const {
    if (bf16)
      return fromBF16(reinterpret_cast<uint16_t *>(data)[i]);
    return reinterpret_cast<float *>(data)[i];
  }
  void set(int64_t i, float value) {
    if (bf16)
      reinterpret_cast<uint16_t *>(data)[i] = toBF16(value);
    else
      reinterpret_cast<float *>(data)[i] = value;
  }
  std::string contents() const { return std::string(data, bytes); }

  int64_t count, bytes, mapped;
  bool bf16;
  char *base, *data;
};

/// dsv2.pack of `matrices` matrices [n, k].
Buffer pack(const Buffer &w, int64_t matrices, int64_t n, int64_t k) {
  int64_t pair = w.bf16 ? 2 : 1, blocks = (n + 63) / 64, steps = (k + pair - 1) / pair;
  Buffer result(matrices * blocks * steps * 64 * pair, w.bf16);
  std::memset(result.data, 0, result.bytes);
  for (int64_t m = 0; m < matrices; ++m)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < k; ++j)
        result.set((((m * blocks + i / 64) * steps + j / pair) * 64 + i % 64) * pair + j % pair,
                   w.get((m * n + i) * k + j));
  return result;
}

std::string packedType(std::string leading, int64_t n, int64_t k, bool bf16) {
  int64_t pair = bf16 ? 2 : 1;
  return "memref<" + leading + std::to_string((n + 63) / 64) + "x" +
         std::to_string((k + pair - 1) / pair) + "x64x" + std::to_string(pair) +
         (bf16 ? "xbf16>" : "xf32>");
}

/// Whether y[i] is a sum of `depth` products, at most `magnitude` in absolute
/// values, accumulated in f32 and rounded once.
void expectSum(const Buffer &y, int64_t i, double sum, double magnitude,
               llvm::function_ref<std::string()> where) {
  double slack = 1e-6 * magnitude, least = sum - slack, most = sum + slack;
  if (y.bf16) {
    least = fromBF16(toBF16(least));
    most = fromBF16(toBF16(most));
  }
  if (!(y.get(i) >= least && y.get(i) <= most))
    ADD_FAILURE() << where() << ": expected " << sum << ", got " << y.get(i);
}

const char *const variants[] = {"x86-64-v3", "x86-64-v4", "avx512bf16"};

struct LinearCase {
  int64_t n, k;
  bool xBF16, wBF16, yBF16, bias;

  std::string element(bool bf16) const { return bf16 ? "bf16" : "f32"; }
  std::string text(std::string name) const {
    auto rows = [&](int64_t columns, bool bf16) {
      return "memref<?x" + std::to_string(columns) + "x" + element(bf16) + ">";
    };
    std::string counted = " {dsv2.count = \"tokens\"}", x = rows(k, xBF16), y = rows(n, yBF16);
    std::string w = packedType("", n, k, wBF16);
    std::string b = "memref<" + std::to_string(n) + "x" + element(xBF16) + ">";
    return "func.func @" + name + "(%x: " + x + counted + ", %w: " + w +
           (bias ? ", %b: " + b : "") + ", %y: " + y + counted + ") {\n  dsv2.linear %x, %w " +
           (bias ? "bias %b " : "") + "outs(%y) : (" + x + ", " + w + (bias ? ", " + b : "") +
           ", " + y + ") -> ()\n  return\n}\n";
  }
};

const LinearCase linearCases[] = {
    {86, 44, true, true, true, false},   {64, 45, true, true, true, true},
    {1408, 33, true, true, false, true}, {5, 7, true, true, true, true},
    {64, 1, true, true, true, false},    {192, 128, true, true, false, false},
    {86, 45, false, false, false, true}, {64, 44, false, false, false, false},
    {5, 1, false, false, false, false},  {86, 44, true, false, false, false},
    {70, 33, false, true, false, false}, {70, 34, false, true, false, false},
    // About the ends of chunks (ChunkedProduct.cpp): 64 elements of bf16 weights, 32 of f32.
    {24, 63, true, true, true, false},   {24, 64, true, true, true, false},
    {24, 65, true, true, true, true},    {86, 127, true, true, false, false},
    {70, 129, true, true, true, false},  {24, 127, false, true, false, false},
    {24, 190, false, true, false, true}, {24, 32, false, false, false, false},
    {24, 65, false, false, false, false}};

} // namespace

TEST(Linear, SumsEveryProductOnce) {
  std::string text;
  for (auto [i, c] : llvm::enumerate(linearCases))
    text += c.text("f" + std::to_string(i));
  for (const char *variant : variants) {
    if (!KernelModule::runs(variant))
      continue;
    auto module = KernelModule::compile(text, variant);
    ASSERT_TRUE(module);
    for (auto [i, c] : llvm::enumerate(linearCases)) {
      std::string name = "f" + std::to_string(i);
      Buffer w = Buffer::random(c.n * c.k, c.wBF16, 1), packed = pack(w, 1, c.n, c.k);
      Buffer bias = Buffer::random(c.n, c.xBF16, 2), x = Buffer::random(200 * c.k, c.xBF16, 3);
      std::string first;
      for (int rows : {200, 1, 2, 3, 4, 5, 6, 7, 13}) {
        // The same rows every time, ending at the page that faults.
        Buffer some(rows * c.k, c.xBF16);
        std::memcpy(some.data, x.data, some.bytes);
        TestBatch batch({{0, rows}}, 1);
        std::string once;
        for (int threads : {1, 2, 3}) {
          Buffer y(rows * c.n, c.yBF16);
          std::vector<void *> buffers{some.data, packed.data};
          if (c.bias)
            buffers.push_back(bias.data);
          buffers.push_back(y.data);
          module->call(name, batch.batch, buffers, threads);
          if (threads == 1)
            once = y.contents();
          EXPECT_EQ(y.contents(), once) << variant << " " << name << " threads " << threads;
          if (rows != 200)
            continue;
          first = once;
          for (int64_t t = 0; t < (threads == 1 ? rows : 0); ++t)
            for (int64_t n = 0; n < c.n; ++n) {
              double sum = c.bias ? bias.get(n) : 0, magnitude = 1;
              for (int64_t k = 0; k < c.k; ++k) {
                sum += x.get(t * c.k + k) * w.get(n * c.k + k);
                magnitude += std::abs(x.get(t * c.k + k) * w.get(n * c.k + k));
              }
              expectSum(y, t * c.n + n, sum, magnitude, [&] {
                return std::string(variant) + " " + name + " row " + std::to_string(t) +
                       " column " + std::to_string(n);
              });
            }
        }
        // No bit depends on the rows beside a row.
        EXPECT_EQ(once, first.substr(0, once.size())) << variant << " " << name << " rows " << rows;
      }
    }
  }
}

TEST(HeadLinear, ComputesItsRangeAndPassesTheRestThrough) {
  struct Case {
    int64_t heads, n, k, passed;
    bool bf16;
    const char *range;
  };
  const Case cases[] = {{3, 70, 12, 5, true, "absorbed"}, {3, 70, 13, 4, true, "absorbed"}, {3, 70, 13, 0, true, "expanded"},
                        {2, 64, 16, 8, true, "all"},      {3, 33, 13, 6, false, "absorbed"},
                        {3, 33, 13, 6, false, "expanded"}};
  const std::string batchType = "!dsv2.batch<tokens = 64, sequences = 2, outputs = 2, span = 64>";
  std::string text;
  for (auto [i, c] : llvm::enumerate(cases)) {
    std::string element = c.bf16 ? "bf16>" : "f32>", counted = " {dsv2.count = \"tokens\"}";
    auto rows = [&](int64_t columns) {
      return "memref<?x" + std::to_string(c.heads) + "x" + std::to_string(columns) + "x" + element;
    };
    std::string x = rows(c.k + c.passed), y = rows(c.n + c.passed);
    std::string w = packedType(std::to_string(c.heads) + "x", c.n, c.k, c.bf16);
    text += "func.func @f" + std::to_string(i) + "(%x: " + x + counted + ", %w: " + w +
            ", %batch: " + batchType + ", %y: " + y + counted +
            ") {\n  dsv2.head_linear %x, %w at " +
            "%batch range = " + c.range + " update through = " + std::to_string(c.passed) + " outs(%y) : (" + x + ", " + w + ", " + batchType +
            ", " + y + ") -> ()\n  return\n}\n";
  }
  for (const char *variant : variants) {
    if (!KernelModule::runs(variant))
      continue;
    auto module = KernelModule::compile(text, variant);
    ASSERT_TRUE(module);
    for (auto [i, c] : llvm::enumerate(cases)) {
      TestBatch batch({{4, 7}, {0, 9}}, /*absorbed=*/1);
      int64_t xColumns = c.k + c.passed, yColumns = c.n + c.passed;
      std::string range = c.range;
      int64_t begin = range == "expanded" ? 7 : 0, end = range == "absorbed" ? 7 : 16;
      Buffer w = Buffer::random(c.heads * c.n * c.k, c.bf16, 4);
      Buffer packed = pack(w, c.heads, c.n, c.k);
      Buffer x = Buffer::random(16 * c.heads * xColumns, c.bf16, 5);
      std::string once;
      for (int threads : {1, 2, 3}) {
        Buffer y(16 * c.heads * yColumns, c.bf16);
        double untouched = y.get(0);
        module->call("f" + std::to_string(i), batch.batch, {x.data, packed.data, y.data}, threads);
        if (threads == 1)
          once = y.contents();
        EXPECT_EQ(y.contents(), once) << variant << " case " << i << " threads " << threads;
        for (int64_t t = 0; t < 16; ++t)
          for (int64_t h = 0; h < c.heads; ++h)
            for (int64_t n = 0; n < yColumns; ++n) {
              int64_t place = (t * c.heads + h) * yColumns + n, row = (t * c.heads + h) * xColumns;
              auto where = [&] {
                return std::string(variant) + " case " + std::to_string(i) + " token " +
                       std::to_string(t) + " head " + std::to_string(h) + " column " +
                       std::to_string(n);
              };
              if (t < begin || t >= end) {
                EXPECT_EQ(y.get(place), untouched) << where();
              } else if (n >= c.n) {
                EXPECT_EQ(y.get(place), x.get(row + c.k + n - c.n)) << where();
              } else {
                double sum = 0, magnitude = 1;
                for (int64_t k = 0; k < c.k; ++k) {
                  double product = x.get(row + k) * w.get((h * c.n + n) * c.k + k);
                  sum += product;
                  magnitude += std::abs(product);
                }
                expectSum(y, place, sum, magnitude, where);
              }
            }
      }
    }
  }
}

TEST(GroupedLinear, MultipliesEachExpertsRows) {
  constexpr int64_t experts = 6, choices = 2;
  struct Case {
    int64_t n, k;
    bool bf16, sorted;
  };
  const Case cases[] = {{70, 18, true, false},  {70, 18, true, true},   {128, 19, true, false},
                        {33, 17, false, false}, {200, 17, false, true}};
  std::string text;
  for (auto [i, c] : llvm::enumerate(cases)) {
    std::string element = c.bf16 ? "bf16>" : "f32>", counted = " {dsv2.count = \"tokens\"}";
    std::string x = std::string("memref<?x") + (c.sorted ? "2x" : "") + std::to_string(c.k) +
                    "x" + element;
    std::string y = "memref<?x2x" + std::to_string(c.n) + "x" + element;
    std::string w = packedType("6x", c.n, c.k, c.bf16);
    std::string types = x + ", memref<7xi32>, memref<?x2xi32>, " + w + ", " + y;
    text += "func.func @f" + std::to_string(i) + "(%x: " + x + counted +
            ", %offsets: memref<7xi32>, %order: memref<?x2xi32>" + counted + ", %w: " + w +
            ", %y: " + y + counted +
            ") {\n  dsv2.grouped_linear %x, %offsets, %order, %w outs(%y) : (" + types +
            ") -> ()\n  return\n}\n";
  }
  for (const char *variant : variants) {
    if (!KernelModule::runs(variant))
      continue;
    auto module = KernelModule::compile(text, variant);
    ASSERT_TRUE(module);
    for (auto [i, c] : llvm::enumerate(cases)) {
      for (int tokens : {1, 3, 29}) {
        // Experts 0 and 3 get nothing; expert 4 most.
        std::vector<int32_t> chosen, offsets{0}, order;
        for (int64_t p = 0; p < tokens * choices; ++p)
          chosen.push_back(p % 2 ? 4 : p % 3 == 0 ? 1 : p % 5 == 0 ? 2 : 5);
        for (int32_t e = 0; e < experts; ++e) {
          for (int64_t p = 0; p < tokens * choices; ++p)
            if (chosen[p] == e)
              order.push_back(p);
          offsets.push_back(order.size());
        }
        int64_t rows = tokens * choices;
        Buffer w = Buffer::random(experts * c.n * c.k, c.bf16, 6);
        Buffer packed = pack(w, experts, c.n, c.k);
        Buffer x = Buffer::random((c.sorted ? rows : tokens) * c.k, c.bf16, 7);
        TestBatch batch({{0, tokens}}, 1);
        std::string once;
        for (int threads : {1, 2, 3, 7}) {
          Buffer y(rows * c.n, c.bf16);
          module->call("f" + std::to_string(i), batch.batch,
                       {x.data, offsets.data(), order.data(), packed.data, y.data}, threads);
          if (threads == 1)
            once = y.contents();
          EXPECT_EQ(y.contents(), once) << variant << " case " << i << " threads " << threads;
          if (threads > 1)
            continue;
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t n = 0; n < c.n; ++n) {
              int64_t source = c.sorted ? row : order[row] / choices;
              double sum = 0, magnitude = 1;
              for (int64_t k = 0; k < c.k; ++k) {
                double product = x.get(source * c.k + k) *
                                 w.get((chosen[order[row]] * c.n + n) * c.k + k);
                sum += product;
                magnitude += std::abs(product);
              }
              expectSum(y, row * c.n + n, sum, magnitude, [&] {
                return std::string(variant) + " case " + std::to_string(i) + " row " +
                       std::to_string(row) + " column " + std::to_string(n);
              });
            }
        }
      }
    }
  }
}
