//===- StridedCopyTest.cpp - Clipping and moving boxes --------------------===//
//
// Compares clipped and blocked copies with the definition, element by element,
// on random boxes.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/StridedCopy.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace dsv2::weights;

namespace {
/// A random injective layout: dimensions in random order with gaps.
CopyBox randomBox(std::mt19937 &random) {
  CopyBox box;
  box.rank = random() % 5;
  std::vector<int64_t> sizes;
  for (int i = 0; i < box.rank; ++i)
    sizes.push_back(1 + random() % 21 / (1 + random() % 4));
  auto strides = [&] {
    std::vector<int> order(box.rank);
    for (int i = 0; i < box.rank; ++i)
      order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    std::vector<int64_t> result(box.rank);
    int64_t stride = 1;
    for (int i : order) {
      result[i] = stride;
      stride = stride * sizes[i] + (random() % 3 == 0 ? random() % 5 : 0);
    }
    return result;
  };
  std::vector<int64_t> source = strides(), destination = strides();
  for (int i = 0; i < box.rank; ++i)
    box.dimensions[i] = {sizes[i], source[i], destination[i]};
  box.source = random() % 7;
  box.destination = random() % 7;
  return box;
}

/// The definition of a copy.
template <typename T>
void copyByDefinition(const CopyBox &box, const std::vector<T> &source,
                      std::vector<T> &destination) {
  std::vector<int64_t> index(box.rank, 0);
  while (true) {
    int64_t from = box.source, to = box.destination;
    for (int i = 0; i < box.rank; ++i) {
      from += index[i] * box.dimensions[i].source;
      to += index[i] * box.dimensions[i].destination;
    }
    destination[to] = source[from];
    int level = box.rank - 1;
    for (; level >= 0 && ++index[level] == box.dimensions[level].size; --level)
      index[level] = 0;
    if (level < 0)
      return;
  }
}

template <typename T> void checkRandomBoxes(int rounds) {
  std::mt19937 random(7);
  for (int round = 0; round < rounds; ++round) {
    CopyBox box = randomBox(random);
    std::vector<T> source(box.source + box.sourceReach() + 1);
    for (T &value : source)
      value = static_cast<T>(random());
    int64_t extent = box.destination + box.destinationReach() + 1;
    std::vector<T> expected(extent, 0), whole(extent, 0), pieces(extent, 0);
    copyByDefinition(box, source, expected);
    ASSERT_TRUE(normalize(box));
    moveElements(box, source.data(), whole.data(), sizeof(T));
    ASSERT_EQ(whole, expected) << "round " << round;
    int64_t step = 1 + random() % (extent + 3);
    for (int64_t at = 0; at < extent; at += step) {
      int64_t end = std::min(extent, at + step);
      std::vector<CopyBox> parts;
      clip(box, at, end, parts);
      std::vector<T> piece(end - at, 0);
      for (CopyBox part : parts) {
        ASSERT_GE(part.destination, at);
        ASSERT_LT(part.destination + part.destinationReach(), end);
        part.destination -= at;
        moveElements(part, source.data(), piece.data(), sizeof(T));
      }
      std::copy(piece.begin(), piece.end(), pieces.begin() + at);
    }
    ASSERT_EQ(pieces, expected) << "round " << round << " step " << step;
  }
}
} // namespace

TEST(StridedCopy, RandomBoxesOf16Bit) { checkRandomBoxes<uint16_t>(3000); }
TEST(StridedCopy, RandomBoxesOf32Bit) { checkRandomBoxes<uint32_t>(3000); }

TEST(StridedCopy, InterleavedDestinationIsNotNested) {
  CopyBox box;
  box.rank = 2;
  box.dimensions[0] = {2, 3, 3};
  box.dimensions[1] = {3, 1, 2};
  EXPECT_FALSE(normalize(box));
}
