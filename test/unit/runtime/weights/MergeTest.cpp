//===- MergeTest.cpp - Products of weights --------------------------------===//
//
// Temporaries of temporaries, read by several weights, against the definition.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/Convert.h"
#include "runtime/weights/Execute.h"
#include "runtime/weights/RandomWeights.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::weights;
using testing::HasSubstr;

namespace {
std::vector<float> tensor(const std::string &name,
                          std::vector<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  std::vector<float> values(count);
  EXPECT_TRUE(RandomSource(9, ElementType::F32)
                  .read(name, shape, 0, count, values.data())
                  .ok());
  return values;
}

/// [H, I, K] x [H, K, J], rounded to f32.
std::vector<float> product(const std::vector<float> &l,
                           const std::vector<float> &r, int64_t H, int64_t I,
                           int64_t K, int64_t J) {
  std::vector<float> result;
  for (int64_t h = 0; h < H; ++h)
    for (int64_t i = 0; i < I; ++i)
      for (int64_t j = 0; j < J; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < K; ++k)
          sum += double(l[(h * I + i) * K + k]) * r[(h * K + k) * J + j];
        result.push_back(static_cast<float>(sum));
      }
  return result;
}

std::string copyOf(const std::string &source, const std::string &shape,
                   int64_t count) {
  return R"([{"source": ")" + source + R"(", "source_shape": )" + shape +
         R"(, "source_offset": 0, "destination_offset": 0, "sizes": [)" +
         std::to_string(count) +
         R"(], "source_strides": [1], "destination_strides": [1]}])";
}

/// %m = a [2,3,5] x b [2,5,4]; %n = c [2,7,3] x %m; two weights hold them, the
/// first as bf16.
std::string program() {
  return R"({"version": 1, "bytes": 512, "temporaries": [
    {"name": "%m", "type": "f32", "shape": [2,3,4], "merge": {
      "lhs": {"type": "f32", "shape": [2,3,5], "copies": )" +
         copyOf("a", "[2,3,5]", 30) + R"(},
      "rhs": {"type": "f32", "shape": [2,5,4], "copies": )" +
         copyOf("b", "[2,5,4]", 40) + R"(}}},
    {"name": "%n", "type": "f32", "shape": [2,7,4], "merge": {
      "lhs": {"type": "f32", "shape": [2,7,3], "copies": )" +
         copyOf("c", "[2,7,3]", 42) + R"(},
      "rhs": {"type": "f32", "shape": [2,3,4], "copies": )" +
         copyOf("%m", "[2,3,4]", 24) + R"(}}}],
    "weights": [
    {"slot": 0, "name": "first", "offset": 0, "bytes": 64, "type": "bf16",
     "shape": [24], "copies": )" +
         copyOf("%m", "[2,3,4]", 24) + R"(},
    {"slot": 1, "name": "second", "offset": 64, "bytes": 256, "type": "f32",
     "shape": [56], "copies": )" +
         copyOf("%n", "[2,7,4]", 56) + R"(}]})";
}

std::string changed(const std::string &what, const std::string &to) {
  std::string text = program();
  size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), to);
}
} // namespace

TEST(Merge, EqualsTheDefinition) {
  Expected<WeightProgram> parsed = parseWeightProgram(program());
  ASSERT_TRUE(parsed.ok()) << parsed.message();
  std::vector<float> m = product(tensor("a", {2, 3, 5}), tensor("b", {2, 5, 4}),
                                 2, 3, 5, 4);
  std::vector<float> n = product(tensor("c", {2, 7, 3}), m, 2, 7, 3, 4);
  for (int threads : {1, 3}) {
    std::vector<char> memory(512, 0);
    MemorySink sink(memory.data());
    RandomSource source(9, ElementType::F32);
    int64_t last = 0;
    Status status = executeWeightProgram(
        *parsed, source, sink, threads,
        [&](int64_t done, int64_t) { last = done; });
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(last, 512);
    for (int i = 0; i < 24; ++i) {
      uint16_t bits;
      std::memcpy(&bits, memory.data() + 2 * i, 2);
      EXPECT_EQ(bits, roundToBF16(m[i]));
    }
    EXPECT_EQ(std::memcmp(memory.data() + 64, n.data(), 56 * 4), 0);
  }
}

TEST(Merge, RefusesWrongPrograms) {
  auto message = [](const std::string &text) {
    return parseWeightProgram(text).message();
  };
  EXPECT_THAT(message(changed("\"shape\": [2,3,5]", "\"shape\": [2,3,6]")),
              HasSubstr("temporary %m"));
  EXPECT_THAT(message(changed("\"name\": \"%m\"", "\"name\": \"m\"")),
              HasSubstr("begin with %"));
  EXPECT_THAT(message(changed("\"source\": \"a\"", "\"source\": \"%n\"")),
              HasSubstr("no earlier temporary"));
  EXPECT_THAT(message(changed("\"name\": \"%n\"", "\"name\": \"%m\"")),
              HasSubstr("twice"));
}

TEST(Convert, RoundsDoublesOnce) {
  // Through f32 these would round twice: a hair beside half way.
  double half = 1 + 0x1p-8;
  EXPECT_EQ(roundOnceToBF16(half), 0x3f80);
  EXPECT_EQ(roundOnceToBF16(half + 0x1p-40), 0x3f81);
  EXPECT_EQ(roundOnceToBF16(half - 0x1p-40), 0x3f80);
  EXPECT_EQ(roundOnceToBF16(-(half + 0x1p-40)), 0xbf81);
  EXPECT_EQ(roundOnceToBF16(half + 0x1p-7 - 0x1p-40), 0x3f81);
  EXPECT_EQ(roundOnceToBF16(1e300), 0x7f80);
  EXPECT_EQ(roundOnceToBF16(-1e-300), 0x8000);
  EXPECT_EQ(roundOnceToBF16(NAN) & 0x7fc0, 0x7fc0);
}
