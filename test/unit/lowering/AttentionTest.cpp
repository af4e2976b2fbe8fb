//===- AttentionTest.cpp - Lowering of attention over the latent cache ----===//
//
// Executes each op on every variant and compares with its definition in f64.
// What no token may read is NaN, what no op may write is a sentinel.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/KernelHarness.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace dsv2::test;

namespace {

struct Widths {
  int heads, latent, rope, dn = 0, dv = 0;
  int columns() const { return latent + rope; }
};

void PrintTo(const Widths &w, std::ostream *os) {
  *os << w.heads << " heads, latent " << w.latent << ", rope " << w.rope << ", dn " << w.dn
      << ", dv " << w.dv;
}

constexpr int kLayers = 2, kLayer = 1, kPage = DSV2_PAGE_TOKENS;

/// A buffer of f32 or bf16 elements.
class Buffer {
public:
  Buffer(bool bf16, size_t size) : bf16(bf16), bytes(size * (bf16 ? 2 : 4)) {}
  float get(size_t i) const {
    if (bf16) {
      uint16_t value;
      std::memcpy(&value, &bytes[2 * i], 2);
      return fromBF16(value);
    }
    float value;
    std::memcpy(&value, &bytes[4 * i], 4);
    return value;
  }
  void set(size_t i, float value) {
    uint16_t half = std::isnan(value) ? 0x7fc0 : toBF16(value);
    if (bf16)
      std::memcpy(&bytes[2 * i], &half, 2);
    else
      std::memcpy(&bytes[4 * i], &value, 4);
  }
  size_t size() const { return bytes.size() / (bf16 ? 2 : 4); }
  void fill(float value) {
    for (size_t i = 0; i < size(); ++i)
      set(i, value);
  }
  void randomize(unsigned seed, float deviation = 1) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0, deviation);
    for (size_t i = 0; i < size(); ++i)
      set(i, normal(generator));
  }
  void *data() { return bytes.data(); }
  bool operator==(const Buffer &) const = default;

  bool bf16;
  std::vector<uint8_t> bytes;
};

std::string element(bool bf16) { return bf16 ? "bf16" : "f32"; }

std::string shape(std::initializer_list<std::string> sizes, bool bf16) {
  std::string text = "memref<";
  for (const std::string &size : sizes)
    text += size + "x";
  return text + element(bf16);
}
std::string n(int value) { return std::to_string(value); }

std::string cacheType(const Widths &w, bool bf16) {
  return shape({n(kLayers), "?", n(kPage), n(w.columns())}, bf16) + ", #dsv2.cache<latent = " +
         n(w.latent) + ", rope = " + n(w.rope) + ">>";
}

constexpr const char *kBatch =
    "!dsv2.batch<tokens = 512, sequences = 8, outputs = 8, span = 4096>";

std::string tokensArgument(const std::string &name, const std::string &type) {
  return "%" + name + ": " + type + " {dsv2.count = \"tokens\"}";
}

std::string latentText(const Widths &w, bool bf16, const std::string &range, double scale) {
  std::string query = shape({"?", n(w.heads), n(w.columns())}, bf16) + ">",
              result = shape({"?", n(w.heads), n(w.latent)}, bf16) + ">", cache = cacheType(w, bf16);
  return "func.func @f(" + tokensArgument("q", query) + ", %c: " + cache +
         " {dsv2.count = \"pages\"}, %b: " + kBatch + ", " + tokensArgument("o", result) +
         ") {\n  %l = arith.constant 1 : index\n  dsv2.latent_attention %q, %c[%l] at %b range = " +
         range + " scale = " + std::to_string(scale) + " outs(%o) : (" + query + ", " + cache +
         ", index, " + kBatch + ", " + result + ") -> ()\n  return\n}";
}

/// `[heads][n][k]` as `[heads][n / 64][k / pair][64][pair]`.
Buffer pack(const Buffer &weight, int heads, int rows, int k) {
  int pair = weight.bf16 ? 2 : 1, blocks = (rows + 63) / 64, steps = (k + pair - 1) / pair;
  Buffer result(weight.bf16, size_t(heads) * blocks * steps * 64 * pair);
  for (int h = 0; h < heads; ++h)
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < k; ++j)
        result.set((((size_t(h) * blocks + i / 64) * steps + j / pair) * 64 + i % 64) * pair +
                       j % pair,
                   weight.get((size_t(h) * rows + i) * k + j));
  return result;
}

std::string expandedText(const Widths &w, bool bf16, const std::string &range, double scale) {
  int pair = bf16 ? 2 : 1;
  auto packed = [&](int rows) {
    return shape({n(w.heads), n((rows + 63) / 64), n((w.latent + pair - 1) / pair), "64", n(pair)},
                 bf16) +
           ">";
  };
  std::string query = shape({"?", n(w.heads), n(w.dn + w.rope)}, bf16) + ">",
              result = shape({"?", n(w.heads), n(w.dv)}, bf16) + ">", cache = cacheType(w, bf16),
              keys = packed(w.dn), values = packed(w.dv);
  return "func.func @f(" + tokensArgument("q", query) + ", %c: " + cache +
         " {dsv2.count = \"pages\"}, %k: " + keys + ", %v: " + values + ", %b: " + kBatch + ", " +
         tokensArgument("o", result) +
         ") {\n  %l = arith.constant 1 : index\n  dsv2.expanded_attention %q, %c[%l], %k, %v at "
         "%b range = " +
         range + " scale = " + std::to_string(scale) + " outs(%o) : (" + query + ", " + cache +
         ", index, " + keys + ", " + values + ", " + kBatch + ", " + result +
         ") -> ()\n  return\n}";
}

/// First element of the cache row of a position.
size_t cacheRow(const Widths &w, const TestBatch &batch, int layer, int sequence, int position) {
  const Dsv2Batch &b = batch.batch;
  size_t page = batch.pageTable[sequence * b.pageStride + position / kPage];
  return ((size_t(layer) * b.pages + page) * kPage + position % kPage) * w.columns();
}

/// A cache whose rows beyond each sequence's tokens are NaN.
Buffer makeCache(const Widths &w, const TestBatch &batch, bool bf16) {
  const Dsv2Batch &b = batch.batch;
  Buffer values(bf16, size_t(kLayers) * b.pages * kPage * w.columns());
  values.randomize(1);
  Buffer cache = values;
  cache.fill(std::nanf(""));
  for (int s = 0; s < b.sequences; ++s)
    for (int p = 0; p < batch.prefix[s] + batch.starts[s + 1] - batch.starts[s]; ++p) {
      // By position alone, so that other batches hold the same.
      size_t row = cacheRow(w, batch, kLayer, s, p);
      for (int i = 0; i < w.columns(); ++i)
        cache.set(row + i, values.get((size_t(p) * 131 + s * 17 + i) % values.size()));
    }
  return cache;
}

std::vector<double> softmax(std::vector<double> x) {
  double top = *std::max_element(x.begin(), x.end()), sum = 0;
  for (double &v : x)
    sum += v = std::exp(v - top);
  for (double &v : x)
    v /= sum;
  return x;
}

using Row = std::vector<double>;

double dot(const Row &x, const Row &y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += x[i] * y[i];
  return sum;
}

Row slice(const Buffer &buffer, size_t from, size_t count) {
  Row row(count);
  for (size_t i = 0; i < count; ++i)
    row[i] = buffer.get(from + i);
  return row;
}

/// `values` weighted by the softmax of `scale * query . keys`.
Row attend(const Row &query, const std::vector<Row> &keys, const std::vector<Row> &values,
           int count, double scale) {
  std::vector<double> scores;
  for (int j = 0; j < count; ++j)
    scores.push_back(scale * dot(query, keys[j]));
  scores = softmax(scores);
  Row result(values[0].size());
  for (int j = 0; j < count; ++j)
    for (size_t i = 0; i < result.size(); ++i)
      result[i] += scores[j] * values[j][i];
  return result;
}

/// Distance of `actual[from..]` from `expected`, relative to the latter's norm.
double distance(const Buffer &actual, size_t from, const Row &expected) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    double difference = actual.get(from + i) - expected[i];
    error += difference * difference;
    norm += expected[i] * expected[i];
  }
  return std::sqrt(error / norm);
}

std::vector<TestBatch> batches() {
  std::vector<TestBatch> result;
  auto add = [&](std::initializer_list<TestBatch::Sequence> sequences, int absorbed) {
    result.emplace_back(llvm::ArrayRef(sequences.begin(), sequences.size()), absorbed);
  };
  add({{0, 1}, {1, 1}}, 1);
  add({{63, 1}, {64, 1}, {65, 1}}, 2);
  add({{0, 70}, {200, 3}, {64, 7}, {300, 2}}, 2);
  add({{255, 2}, {0, 5}, {130, 66}}, 3);
  add({{0, 5}, {9, 4}}, 0);
  return result;
}

constexpr float kSentinel = -12345;

class Attention : public testing::TestWithParam<std::tuple<const char *, bool>> {
protected:
  void SetUp() override {
    if (!KernelModule::runs(variant()))
      GTEST_SKIP() << "this CPU cannot run " << variant();
  }
  const char *variant() const { return std::get<0>(GetParam()); }
  bool bf16() const { return std::get<1>(GetParam()); }
};

std::string name(const testing::TestParamInfo<std::tuple<const char *, bool>> &info) {
  std::string text = std::get<0>(info.param);
  std::replace(text.begin(), text.end(), '-', '_');
  return text + (std::get<1>(info.param) ? "_bf16" : "_f32");
}

/// Calls the op on 1 to 3 threads, expects equal bits, and returns the result.
Buffer callOnThreads(KernelModule &module, const TestBatch &batch, std::vector<void *> arguments,
                     bool bf16, size_t resultSize) {
  Buffer first(bf16, resultSize);
  for (int threads = 1; threads <= 3; ++threads) {
    Buffer result(bf16, resultSize);
    result.fill(kSentinel);
    std::vector<void *> all = arguments;
    all.push_back(result.data());
    module.call("f", batch.batch, all, threads);
    if (threads == 1)
      first = result;
    else
      EXPECT_TRUE(result == first) << threads << " threads";
  }
  return first;
}

bool inRange(const TestBatch &batch, const std::string &range, int token) {
  bool absorbed = token < batch.batch.absorbedTokens;
  return range == "all" || absorbed == (range == "absorbed");
}

void checkLatent(const Widths &w, const std::string &range, const char *variant, bool bf16,
                 const std::vector<TestBatch> &contexts = batches()) {
  double scale = 2 / std::sqrt(w.columns());
  auto module = KernelModule::compile(latentText(w, bf16, range, scale), variant);
  ASSERT_TRUE(module);
  for (const TestBatch &batch : contexts) {
    Buffer cache = makeCache(w, batch, bf16);
    Buffer query(bf16, batch.positions.size() * w.heads * w.columns());
    query.randomize(2);
    Buffer result = callOnThreads(*module, batch, {query.data(), cache.data()}, bf16,
                                  batch.positions.size() * w.heads * w.latent);
    double worst = 0;
    for (int s = 0; s < batch.batch.sequences; ++s) {
      int first = batch.starts[s], end = batch.starts[s + 1];
      std::vector<Row> keys, values;
      for (int p = 0; p < batch.prefix[s] + end - first; ++p) {
        size_t row = cacheRow(w, batch, kLayer, s, p);
        keys.push_back(slice(cache, row, w.columns()));
        values.push_back(slice(cache, row, w.latent));
      }
      for (int t = first; t < end; ++t)
        for (int h = 0; h < w.heads; ++h) {
          size_t at = (size_t(t) * w.heads + h) * w.latent;
          if (!inRange(batch, range, t)) {
            for (int i = 0; i < w.latent; ++i)
              ASSERT_EQ(result.get(at + i), fromBF16(toBF16(kSentinel)) * bf16 + kSentinel * !bf16);
            continue;
          }
          Row q = slice(query, (size_t(t) * w.heads + h) * w.columns(), w.columns());
          double error =
              distance(result, at, attend(q, keys, values, batch.positions[t] + 1, scale));
          ASSERT_FALSE(std::isnan(error)) << "token " << t << " head " << h;
          worst = std::max(worst, error);
        }
    }
    EXPECT_LE(worst, bf16 ? 5e-3 : 2e-5);
  }
}

double rounded(double x, bool bf16) { return bf16 ? fromBF16(toBF16(x)) : x; }

void checkExpanded(const Widths &w, const std::string &range, const char *variant, bool bf16) {
  int query_columns = w.dn + w.rope;
  double scale = 2 / std::sqrt(query_columns);
  auto module = KernelModule::compile(expandedText(w, bf16, range, scale), variant);
  ASSERT_TRUE(module);
  Buffer keyWeight(bf16, size_t(w.heads) * w.dn * w.latent),
      valueWeight(bf16, size_t(w.heads) * w.dv * w.latent);
  keyWeight.randomize(3, 1 / std::sqrt(w.latent));
  valueWeight.randomize(4, 1 / std::sqrt(w.latent));
  Buffer packedKeys = pack(keyWeight, w.heads, w.dn, w.latent),
         packedValues = pack(valueWeight, w.heads, w.dv, w.latent);
  for (const TestBatch &batch : batches()) {
    Buffer cache = makeCache(w, batch, bf16);
    Buffer query(bf16, batch.positions.size() * w.heads * query_columns);
    query.randomize(2);
    Buffer result = callOnThreads(
        *module, batch, {query.data(), cache.data(), packedKeys.data(), packedValues.data()}, bf16,
        batch.positions.size() * w.heads * w.dv);
    double worst = 0;
    for (int s = 0; s < batch.batch.sequences; ++s) {
      int first = batch.starts[s], end = batch.starts[s + 1];
      for (int h = 0; h < w.heads; ++h) {
        std::vector<Row> keys, values;
        for (int p = 0; p < batch.prefix[s] + end - first; ++p) {
          Row c = slice(cache, cacheRow(w, batch, kLayer, s, p), w.columns());
          Row latent(c.begin(), c.begin() + w.latent), key, value;
          for (int i = 0; i < w.dn; ++i)
            key.push_back(rounded(
                dot(latent, slice(keyWeight, (size_t(h) * w.dn + i) * w.latent, w.latent)), bf16));
          key.insert(key.end(), c.begin() + w.latent, c.end());
          for (int i = 0; i < w.dv; ++i)
            value.push_back(rounded(
                dot(latent, slice(valueWeight, (size_t(h) * w.dv + i) * w.latent, w.latent)),
                bf16));
          keys.push_back(key);
          values.push_back(value);
        }
        for (int t = first; t < end; ++t) {
          size_t at = (size_t(t) * w.heads + h) * w.dv;
          if (!inRange(batch, range, t)) {
            for (int i = 0; i < w.dv; ++i)
              ASSERT_EQ(result.get(at + i), fromBF16(toBF16(kSentinel)) * bf16 + kSentinel * !bf16);
            continue;
          }
          Row q = slice(query, (size_t(t) * w.heads + h) * query_columns, query_columns);
          double error =
              distance(result, at, attend(q, keys, values, batch.positions[t] + 1, scale));
          ASSERT_FALSE(std::isnan(error)) << "token " << t << " head " << h;
          worst = std::max(worst, error);
        }
      }
    }
    EXPECT_LE(worst, bf16 ? 6e-3 : 2e-5);
  }
}

} // namespace

TEST_P(Attention, AppendWritesTheSlotsOfTheTokensOnly) {
  Widths w{1, 32, 9, 0, 0};
  std::string rows = shape({"?", n(w.columns())}, bf16()) + ">", cache = cacheType(w, bf16());
  auto module = KernelModule::compile(
      "func.func @f(" + tokensArgument("x", rows) + ", %c: " + cache +
          " {dsv2.count = \"pages\"}, %b: " + kBatch +
          ") {\n %l = arith.constant 1 : index\n dsv2.append_latent %x into %c[%l] at %b : (" +
          rows + ", " + cache + ", index, " + kBatch + ") -> ()\n return\n}",
      variant());
  ASSERT_TRUE(module);
  for (const TestBatch &batch : batches()) {
    Buffer x(bf16(), batch.positions.size() * w.columns());
    x.randomize(5);
    Buffer before(bf16(), size_t(kLayers) * batch.batch.pages * kPage * w.columns());
    before.randomize(6);
    Buffer expected = before, actual = before;
    for (size_t t = 0; t < batch.positions.size(); ++t)
      for (int i = 0; i < w.columns(); ++i)
        expected.set(cacheRow(w, batch, kLayer, batch.sequence[t], batch.positions[t]) + i,
                     x.get(t * w.columns() + i));
    module->call("f", batch.batch, {x.data(), actual.data()}, 2);
    EXPECT_TRUE(actual == expected);
  }
}

TEST_P(Attention, LatentIsItsDefinition) {
  for (Widths w : {Widths{1, 32, 8}, Widths{3, 8, 8}, Widths{20, 40, 6}, Widths{64, 32, 8},
                   Widths{5, 33, 8}}) {
    SCOPED_TRACE(testing::PrintToString(w));
    checkLatent(w, "all", variant(), bf16());
  }
}

TEST_P(Attention, LatentOfFullWidth) {
  checkLatent({16, 512, 64}, "all", variant(), bf16());
}

/// Threads share the spans of a context, and the bits are those of one thread.
TEST_P(Attention, LatentMergesSpans) {
  Widths w{6, 32, 8};
  std::vector<TestBatch> contexts;
  for (std::vector<TestBatch::Sequence> sequences :
       {std::vector<TestBatch::Sequence>{{2100, 1}}, {{511, 2}, {1500, 4}}, {{512, 1}, {3, 2}}})
    contexts.emplace_back(sequences);
  checkLatent(w, "all", variant(), bf16(), contexts);
}

TEST_P(Attention, LatentKeepsToItsRange) {
  checkLatent({4, 32, 8}, "absorbed", variant(), bf16());
  checkLatent({4, 32, 8}, "expanded", variant(), bf16());
}

TEST_P(Attention, ExpandedIsItsDefinition) {
  for (Widths w : {Widths{1, 32, 8, 16, 24}, Widths{3, 8, 8, 70, 64}, Widths{2, 33, 8, 15, 130},
                   Widths{2, 40, 6, 17, 9}}) {
    SCOPED_TRACE(testing::PrintToString(w));
    checkExpanded(w, "all", variant(), bf16());
  }
}

TEST_P(Attention, ExpandedOfFullWidth) {
  checkExpanded({2, 512, 64, 128, 128}, "all", variant(), bf16());
}

TEST_P(Attention, ExpandedKeepsToItsRange) {
  checkExpanded({4, 32, 8, 16, 16}, "absorbed", variant(), bf16());
  checkExpanded({4, 32, 8, 16, 16}, "expanded", variant(), bf16());
}

/// A token's bits do not depend on the step that brought it.
TEST_P(Attention, ChunksChangeNoBit) {
  Widths w{3, 32, 8, 16, 16};
  TestBatch whole({{0, 330}, {7, 9}}), chunk({{290, 40}, {15, 1}}), one({{329, 1}, {14, 2}});
  for (bool expanded : {false, true}) {
    auto module = KernelModule::compile(expanded ? expandedText(w, bf16(), "all", 0.3)
                                                 : latentText(w, bf16(), "all", 0.3),
                                        variant());
    ASSERT_TRUE(module);
    int in = expanded ? w.dn + w.rope : w.columns(), out = expanded ? w.dv : w.latent;
    Buffer keys(bf16(), w.heads * 64 * 32), values = keys;
    keys.randomize(3, 0.2f);
    values.randomize(4, 0.2f);
    Buffer cache = makeCache(w, whole, bf16());
    auto call = [&](const TestBatch &batch) {
      Buffer query(bf16(), batch.positions.size() * w.heads * in);
      for (size_t t = 0; t < batch.positions.size(); ++t) {
        Buffer row(bf16(), w.heads * in);
        row.randomize(batch.positions[t] * 2 + batch.sequence[t]);
        std::memcpy(query.bytes.data() + t * row.bytes.size(), row.data(), row.bytes.size());
      }
      std::vector<void *> arguments{query.data(), cache.data()};
      if (expanded)
        arguments.insert(arguments.end(), {keys.data(), values.data()});
      return callOnThreads(*module, batch, arguments, bf16(),
                           batch.positions.size() * w.heads * out);
    };
    Buffer all = call(whole);
    for (const TestBatch *batch : {&chunk, &one}) {
      Buffer part = call(*batch);
      for (size_t t = 0; t < batch->positions.size(); ++t) {
        int s = batch->sequence[t];
        int twin = whole.starts[s] + batch->positions[t] - whole.prefix[s];
        for (int i = 0; i < w.heads * out; ++i)
          ASSERT_EQ(part.get(t * w.heads * out + i), all.get(twin * w.heads * out + i))
              << (expanded ? "expanded" : "latent") << " token " << t << " element " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, Attention,
                         testing::Combine(testing::Values("x86-64-v3", "x86-64-v4", "avx512bf16"),
                                          testing::Bool()),
                         name);
