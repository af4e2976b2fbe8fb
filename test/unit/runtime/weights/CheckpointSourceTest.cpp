//===- CheckpointSourceTest.cpp - Weights out of a checkpoint -------------===//
//
// Values that are not finite are found wherever they are, and others pass.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/CheckpointSource.h"
#include "runtime/io/SafetensorsWriter.h"
#include "test/unit/runtime/io/TemporaryDirectory.h"

#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::weights;

namespace {

struct Values {
  DType type;
  std::vector<uint32_t> finite, notFinite; // bits
};

const Values kinds[] = {
    {DType::F32, {0, 0x80000000, 1, 0x7F7FFFFF, 0xFF7FFFFF}, {0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF}},
    {DType::BF16, {0, 0x8000, 1, 0x7F7F, 0xFF7F}, {0x7F80, 0xFF80, 0x7FC0, 0x7F81, 0xFFFF}},
    {DType::F16, {0, 0x8000, 1, 0x7BFF, 0xFBFF}, {0x7C00, 0xFC00, 0x7E00, 0x7C01, 0xFFFF}}};

/// The message on reading elements `first` to `first + count` of a tensor of
/// these bits.
std::string readMessage(DType type, const std::vector<uint32_t> &bits, int64_t first,
                        int64_t count) {
  test::TemporaryDirectory directory;
  std::string path = directory.file("f");
  size_t width = dtypeBits(type) / 8;
  int64_t extent = bits.size();
  auto writer = SafetensorsWriter::create(path, {{"t", type, {extent}}});
  EXPECT_TRUE(writer.ok());
  for (uint32_t one : bits)
    EXPECT_TRUE(writer->append(&one, width).ok()); // little-endian
  EXPECT_TRUE(writer->finish().ok());
  auto checkpoint = Checkpoint::openFile(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.message();
  std::vector<char> data(count * width);
  std::string message =
      CheckpointSource(*checkpoint).read("t", {extent}, first, count, data.data()).message();
  size_t at = message.find(path);
  return at == message.npos ? message : message.replace(at, path.size(), "f");
}

TEST(CheckpointSource, ReadsFiniteNumbers) {
  for (const Values &kind : kinds)
    for (int64_t count = 0; count <= int64_t(kind.finite.size()); ++count)
      EXPECT_EQ(readMessage(kind.type, kind.finite, 0, count), "");
}

TEST(CheckpointSource, RefusesOthersWhereverTheyAre) {
  for (const Values &kind : kinds)
    for (uint32_t bad : kind.notFinite)
      for (size_t place : {0, 3, 10}) { // in whole words and in the rest
        std::vector<uint32_t> bits(11, kind.finite[3]); // the largest
        bits[place] = bad;
        EXPECT_THAT(readMessage(kind.type, bits, 0, 11),
                    testing::MatchesRegex("f: t: expected finite numbers, got (nan|-?inf) at element " +
                                          std::to_string(place)));
        EXPECT_EQ(readMessage(kind.type, bits, 0, place), "");
        EXPECT_THAT(readMessage(kind.type, bits, place, 11 - place),
                    testing::EndsWith("at element " + std::to_string(place)));
      }
}

TEST(CheckpointSource, NamesTheValue) {
  EXPECT_EQ(readMessage(DType::F32, {0x7F800000}, 0, 1), "f: t: expected finite numbers, got inf at element 0");
  EXPECT_EQ(readMessage(DType::BF16, {0, 0xFF80}, 0, 2), "f: t: expected finite numbers, got -inf at element 1");
  EXPECT_EQ(readMessage(DType::F16, {0x7E00}, 0, 1), "f: t: expected finite numbers, got nan at element 0");
}

} // namespace
