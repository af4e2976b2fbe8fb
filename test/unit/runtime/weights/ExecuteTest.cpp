//===- ExecuteTest.cpp - Weight programs at work --------------------------===//
//
// Packs matrices through the executor and compares with the packed layout's
// definition, in all types and with several threads.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/Convert.h"
#include "runtime/weights/Execute.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace dsv2;
using namespace dsv2::weights;

namespace {
/// One tensor whose element i has the bits of `bits(i)`.
class FakeSource final : public WeightSource {
public:
  FakeSource(ElementType type) : type(type) {}
  Expected<ElementType> typeOf(const std::string &tensor,
                               const std::vector<int64_t> &shape) override {
    if (tensor != "a")
      return Status::error("no tensor " + tensor);
    return type;
  }
  Status read(const std::string &tensor, const std::vector<int64_t> &shape,
              int64_t first, int64_t count, void *elements) override {
    for (int64_t i = 0; i < count; ++i)
      if (type == ElementType::F32) {
        float value = valueAt(first + i);
        std::memcpy(static_cast<char *>(elements) + 4 * i, &value, 4);
      } else {
        uint16_t bits = static_cast<uint16_t>((first + i) * 31 % 0x7000);
        std::memcpy(static_cast<char *>(elements) + 2 * i, &bits, 2);
      }
    return Status::success();
  }
  float valueAt(int64_t i) const {
    uint16_t bits = static_cast<uint16_t>(i * 31 % 0x7000);
    switch (type) {
    case ElementType::F32:
      return static_cast<float>(std::sin(double(i)));
    case ElementType::BF16:
      return fromBF16(bits);
    case ElementType::F16:
      return fromF16(bits);
    }
    return 0;
  }
  ElementType type;
};

/// Packs [n][k] into [n/64][k/2][64][2], with copies for the tails.
WeightProgram packProgram(int64_t n, int64_t k, ElementType type,
                          double scale) {
  int64_t blocks = (n + 63) / 64, pairs = (k + 1) / 2;
  int64_t elements = blocks * pairs * 128;
  Weight weight;
  weight.name = "packed";
  weight.type = type;
  weight.offset = 64;
  weight.bytes = elements * elementBytes(type);
  weight.shape = {blocks, pairs, 64, 2};
  auto add = [&](int64_t row, int64_t rows, int64_t column, int64_t width) {
    int64_t rowBlocks = rows >= 64 ? rows / 64 : 1;
    int64_t inBlock = rows >= 64 ? 64 : rows;
    WeightCopy copy;
    copy.source = "a";
    copy.sourceShape = {n, k};
    copy.scale = scale;
    copy.sourceOffset = row * k + column;
    copy.destinationOffset =
        (row / 64) * pairs * 128 + column / 2 * 128 + row % 64 * 2;
    int64_t two = width >= 2 ? 2 : 1;
    copy.sizes = {rowBlocks, width / two, inBlock, two};
    copy.sourceStrides = {64 * k, 2, k, 1};
    copy.destinationStrides = {pairs * 128, 128, 2, 1};
    if (rowBlocks && inBlock && width)
      weight.copies.push_back(copy);
  };
  for (auto [row, rows] : {std::pair{int64_t(0), n / 64 * 64},
                           std::pair{n / 64 * 64, n % 64}}) {
    if (!rows)
      continue;
    add(row, rows, 0, k / 2 * 2);
    add(row, rows, k / 2 * 2, k % 2);
  }
  WeightProgram program;
  program.bytes = 64 + (weight.bytes + 63) / 64 * 64;
  program.weights.push_back(weight);
  return program;
}

void checkPacking(int64_t n, int64_t k, ElementType from, ElementType to,
                  double scale, int threads) {
  WeightProgram program = packProgram(n, k, to, scale);
  Status valid = validate(program);
  ASSERT_TRUE(valid.ok()) << valid.message();
  FakeSource source(from);
  std::vector<char> memory(program.bytes, 0);
  MemorySink sink(memory.data());
  int64_t last = 0;
  Status status = executeWeightProgram(program, source, sink, threads,
                                       [&](int64_t done, int64_t total) {
                                         EXPECT_GE(done, last);
                                         EXPECT_LE(done, total);
                                         last = done;
                                       });
  ASSERT_TRUE(status.ok()) << status.message();
  int64_t pairs = (k + 1) / 2;
  int64_t elements = program.weights[0].bytes / elementBytes(to);
  int64_t wrong = 0;
  for (int64_t at = 0; at < elements; ++at) {
    int64_t column = at / 128 % pairs * 2 + at % 2;
    int64_t row = at / 128 / pairs * 64 + at % 128 / 2;
    float value = row < n && column < k
                      ? source.valueAt(row * k + column) * float(scale)
                      : 0;
    const char *place = memory.data() + 64 + at * elementBytes(to);
    if (to == ElementType::F32) {
      wrong += std::memcmp(place, &value, 4) != 0;
    } else {
      uint16_t bits = roundToBF16(value);
      wrong += std::memcmp(place, &bits, 2) != 0;
    }
  }
  EXPECT_EQ(wrong, 0);
}
} // namespace

TEST(Execute, PacksEveryTypeWithTails) {
  for (ElementType from :
       {ElementType::F32, ElementType::BF16, ElementType::F16})
    for (ElementType to : {ElementType::F32, ElementType::BF16}) {
      checkPacking(64, 32, from, to, 1, 1);
      checkPacking(130, 33, from, to, 0.25, 2);
      checkPacking(37, 7, from, to, 1, 1);
    }
}

TEST(Execute, ManyChunksAndThreads) {
  checkPacking(2000, 3001, ElementType::BF16, ElementType::BF16, 1, 5);
}

TEST(Execute, StopsAtTheFirstError) {
  WeightProgram program =
      packProgram(64, 2, ElementType::BF16, 1);
  program.weights[0].copies[0].source = "b";
  FakeSource source(ElementType::BF16);
  std::vector<char> memory(program.bytes, 0);
  MemorySink sink(memory.data());
  EXPECT_EQ(executeWeightProgram(program, source, sink, 3).message(),
            "no tensor b");
}

TEST(Convert, RoundsToNearestEven) {
  auto rounded = [](uint32_t bits) {
    return roundToBF16(std::bit_cast<float>(bits));
  };
  EXPECT_EQ(rounded(0x3f808000), 0x3f80); // half way, even below
  EXPECT_EQ(rounded(0x3f818000), 0x3f82); // half way, even above
  EXPECT_EQ(rounded(0x3f808001), 0x3f81);
  EXPECT_EQ(rounded(0x7f7fffff), 0x7f80); // overflows to infinity
  EXPECT_EQ(rounded(0x7f800001) & 0x7fc0, 0x7fc0);
  EXPECT_EQ(rounded(0x80000001), 0x8000);
}

TEST(Convert, ReadsEveryF16) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float expected =
        exponent == 31 ? (fraction ? NAN : INFINITY)
        : exponent     ? std::ldexp(float(1024 + fraction), exponent - 25)
                       : std::ldexp(float(fraction), -24);
    if (bits & 0x8000)
      expected = -expected;
    float got = fromF16(static_cast<uint16_t>(bits));
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(got));
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(got),
                std::bit_cast<uint32_t>(expected));
  }
}
