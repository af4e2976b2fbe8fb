//===- BundleReaderTest.cpp - Opening compiled files ----------------------===//
//
// Every byte that is damaged is found, at the start or by verify.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/bundle/FakeLauncher.h"
#include "runtime/bundle/BundleReader.h"
#include "runtime/bundle/BundleWriter.h"
#include "runtime/bundle/CpuVariants.h"

#include <fstream>
#include <gmock/gmock.h>
#include <random>

using namespace dsv2;
using namespace dsv2::bundle;
using testing::HasSubstr;

namespace {
/// A compiled file with a manifest, a tokenizer and weights.
class BundleReaderTest : public testing::Test {
protected:
  void SetUp() override {
    path = folder.path + "/chat";
    Expected<AtomicFile> file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    Expected<BundleWriter> writer = BundleWriter::create(*file, fakeLauncher());
    ASSERT_TRUE(writer.ok());
    Manifest manifest;
    manifest.vocabulary = manifest.maxContext = manifest.maxBatch =
        manifest.maxStepTokens = 1;
    manifest.modules = {{"x86-64-v3", {"x86-64-v3"}}};
    ASSERT_TRUE(writer->addSection(TokenizerSection, "{}").ok());
    ASSERT_TRUE(writer->beginWeights(4).ok());
    ASSERT_TRUE(writer->writeWeights(0, "abcd", 4).ok());
    ASSERT_TRUE(
        writer->addSection(ManifestSection, writeManifest(manifest)).ok());
    ASSERT_TRUE(writer->finish(1).ok());
    ASSERT_TRUE(file->publish().ok());
    std::ifstream stream(path, std::ios::binary);
    contents.assign(std::istreambuf_iterator<char>(stream), {});
  }
  void write(const std::string &bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::string error(const ExpectedFile &expected = {}) {
    return BundleReader::open(path, expected).message();
  }
  TemporaryFolder folder;
  std::string path, contents;
};
} // namespace

TEST_F(BundleReaderTest, ReadsSections) {
  Expected<BundleReader> reader = BundleReader::open(path);
  ASSERT_TRUE(reader.ok()) << reader.message();
  EXPECT_EQ(*reader->read(TokenizerSection), "{}");
  EXPECT_FALSE(reader->read("nothing").ok());
  Expected<MappedWeights> weights = reader->mapWeights();
  ASSERT_TRUE(weights.ok());
  EXPECT_EQ(std::string(weights->data(), weights->bytes()), "abcd");
  EXPECT_TRUE(reader->verify(2).ok());
  EXPECT_FALSE(reader->mapModule("x86-64-v3").ok());
}

TEST_F(BundleReaderTest, SaysHowItWasCut) {
  ExpectedFile expected;
  expected.bytes = contents.size();
  EXPECT_THAT(error(expected), HasSubstr("footer is damaged"));
  write(contents.substr(0, 1000));
  EXPECT_THAT(error(expected), HasSubstr("stripped"));
  EXPECT_THAT(error(), HasSubstr("footer"));
  write(contents + "x");
  EXPECT_THAT(error(expected), HasSubstr("changed"));
  write("");
  EXPECT_THAT(error(), HasSubstr("footer"));
}

TEST_F(BundleReaderTest, FindsEveryDamagedByte) {
  Expected<BundleReader> reader = BundleReader::open(path);
  ASSERT_TRUE(reader.ok());
  std::vector<std::pair<size_t, size_t>> ranges = {
      {reader->footer().indexOffset, contents.size()}};
  for (const IndexEntry &entry : reader->sections())
    ranges.emplace_back(entry.offset, entry.offset + entry.bytes);
  std::mt19937 random(3);
  for (int round = 0; round < 120; ++round) {
    auto [begin, end] = ranges[random() % ranges.size()];
    std::string damaged = contents;
    damaged[begin + random() % (end - begin)] ^= 1 << random() % 8;
    write(damaged);
    EXPECT_NE(error(), "") << "round " << round;
  }
}

TEST_F(BundleReaderTest, TruncationWhileMappedIsALine) {
  EXPECT_EXIT(
      {
        Expected<BundleReader> reader = BundleReader::open(path);
        Expected<MappedWeights> weights = reader->mapWeights();
        std::filesystem::resize_file(path, 1000);
        exit(*static_cast<const volatile char *>(weights->data()));
      },
      testing::ExitedWithCode(1), "became shorter");
}

TEST(CpuVariants, TakesTheFirstThatRuns) {
  std::vector<ModuleVariant> modules = {{"a", {"x", "y"}}, {"b", {"x"}}};
  auto onlyX = [](const std::string &f) { return f == "x"; };
  auto none = [](const std::string &) { return false; };
  EXPECT_EQ(*selectModule(modules, "", onlyX), 1u);
  EXPECT_EQ(*selectModule(modules, "b", onlyX), 1u);
  EXPECT_THAT(selectModule(modules, "a", onlyX).message(),
              HasSubstr("it lacks y"));
  EXPECT_THAT(selectModule(modules, "", none).message(),
              HasSubstr("none of the variants that the file carries (a, b)"));
  EXPECT_THAT(selectModule(modules, "c", none).message(),
              HasSubstr("no variant c"));
  EXPECT_FALSE(cpuProvides("avx9000"));
}
