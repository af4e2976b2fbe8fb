//===- BundleReaderTest.cpp - Opening compiled files ----------------------===//
//
// Every byte that is damaged is found, at the start or by verify.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/bundle/FakeLauncher.h"
#include "runtime/bundle/BundleReader.h"
#include "runtime/bundle/BusErrors.h"
#include "runtime/bundle/BundleWriter.h"
#include "runtime/bundle/CpuVariants.h"

#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <random>
#include <sys/mman.h>

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
  // Of the launcher, the sections, the index, the footer and what lies between;
  // but not of what the note says, which the process that runs compares.
  ASSERT_TRUE(BundleReader::open(path).ok());
  std::mt19937 random(3);
  auto flip = [&](size_t at) {
    std::string damaged = contents;
    damaged[at] ^= 1 << random() % 8;
    write(damaged);
    size_t said = fakeSlotOffset + offsetof(Slot, fileBytes);
    if (at < said || at >= fakeSlotOffset + sizeof(Slot))
      EXPECT_THAT(error(), HasSubstr("copy it again")) << "byte " << at;
  };
  for (size_t at = 0; at < 1100; at += 7)
    flip(at);
  for (size_t at = contents.size() - 700; at < contents.size(); at += 3)
    flip(at);
  for (int round = 0; round < 50; ++round)
    flip(random() % contents.size());
}

TEST_F(BundleReaderTest, FindsEveryCut) {
  ExpectedFile expected = {contents.size(), 1};
  std::mt19937 random(4);
  for (int round = 0; round < 50; ++round) {
    write(contents.substr(0, round == 0 ? contents.size() - 1
                                        : random() % contents.size()));
    EXPECT_THAT(error(expected), HasSubstr("cut short")) << "round " << round;
    EXPECT_NE(error(), "") << "round " << round;
  }
}

TEST_F(BundleReaderTest, RefusesOtherVersions) {
  for (uint32_t version : {FormatVersion - 1, FormatVersion + 1, 1u << 31}) {
    Footer footer;
    size_t at = contents.size() - sizeof(footer);
    std::memcpy(&footer, contents.data() + at, sizeof(footer));
    footer.version = version;
    footer.footerHash = hashBytes(&footer, offsetof(Footer, footerHash));
    std::string other = contents;
    std::memcpy(other.data() + at, &footer, sizeof(footer));
    write(other);
    EXPECT_THAT(error(), HasSubstr("has format " + std::to_string(version) +
                                   ", expected 2"));
  }
}

TEST_F(BundleReaderTest, RefusesAnIndexThatLies) {
  Footer footer;
  size_t at = contents.size() - sizeof(footer);
  std::memcpy(&footer, contents.data() + at, sizeof(footer));
  auto refuses = [&](auto change) {
    std::vector<IndexEntry> index(footer.sections);
    size_t bytes = index.size() * sizeof(IndexEntry);
    std::memcpy(index.data(), contents.data() + footer.indexOffset, bytes);
    change(index);
    Footer changed = footer;
    changed.indexHash = hashBytes(index.data(), bytes);
    changed.footerHash = hashBytes(&changed, offsetof(Footer, footerHash));
    std::string other = contents;
    std::memcpy(other.data() + footer.indexOffset, index.data(), bytes);
    std::memcpy(other.data() + at, &changed, sizeof(changed));
    write(other);
    EXPECT_THAT(error(), HasSubstr("is not that of a compiled file"));
  };
  using Index = std::vector<IndexEntry>;
  refuses([](Index &index) { index[1].offset += 1; });
  refuses([](Index &index) { index[1].offset = 0; }); // overlaps
  refuses([](Index &index) { std::swap(index[1], index[2]); });
  refuses([](Index &index) { index[1].bytes = ~uint64_t(0); });
  refuses([](Index &index) { index.back().bytes = ~uint64_t(0) / 2; });
  refuses([](Index &index) { index[1].name[39] = 'x'; });
  refuses([](Index &index) { index[0].name[0] = 'x'; });
  refuses([](Index &index) { index[0].note = index[0].bytes; });
  refuses([](Index &index) { index[0].note = ~uint64_t(0); });
  refuses([](Index &index) { index[0].bytes = uint64_t(1) << 40; });
}

TEST_F(BundleReaderTest, TruncationWhileMappedIsALine) {
  EXPECT_EXIT(
      {
        endOnBusErrors("chat");
        Expected<BundleReader> reader = BundleReader::open(path);
        Expected<MappedWeights> weights = reader->mapWeights();
        std::filesystem::resize_file(path, 1000);
        exit(*static_cast<const volatile char *>(weights->data()));
      },
      testing::ExitedWithCode(1), path + ": became shorter");
}

TEST_F(BundleReaderTest, AnyOtherMappedFileIsALineToo) {
  EXPECT_EXIT(
      {
        endOnBusErrors("any");
        int file = open(path.c_str(), O_RDONLY);
        void *memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file, 0);
        std::filesystem::resize_file(path, 0);
        exit(*static_cast<const volatile char *>(memory));
      },
      testing::ExitedWithCode(1), "^any: became shorter");
}

TEST(CpuVariants, TakesTheFirstThatRuns) {
  std::vector<ModuleVariant> modules = {{"a", {"x", "y"}}, {"b", {"x"}}};
  auto onlyX = [](const std::string &f) { return f == "x"; };
  EXPECT_EQ(*selectModule(modules, "", onlyX), 1u);
  EXPECT_EQ(*selectModule(modules, "b", onlyX), 1u);
  EXPECT_THAT(selectModule(modules, "a", onlyX).message(),
              HasSubstr("it lacks y"));
  EXPECT_THAT(selectModule(modules, "c", onlyX).message(),
              HasSubstr("no variant c"));
  EXPECT_FALSE(cpuProvides("avx9000"));
}

TEST(CpuVariants, SaysWhatIsMissingAndWhatToDo) {
  std::vector<ModuleVariant> modules = {
      {"avx512bf16", {"x86-64-v4", "avx512bf16"}}, {"x86-64-v4", {"x86-64-v4"}}};
  auto haswell = [](const std::string &f) {
    return f == "x86-64-v3" || !(f.starts_with("x86") || f.starts_with("avx512"));
  };
  EXPECT_EQ(selectModule(modules, "", haswell).message(),
            "this CPU runs none of the variants that the file carries "
            "(avx512bf16, x86-64-v4): it lacks x86-64-v4 (avx512f); compile it "
            "anew with dsv2-compile --target=x86-64-v3");
  auto skylake = [](const std::string &f) { return f != "avx512bf16"; };
  modules.pop_back();
  EXPECT_THAT(selectModule(modules, "", skylake).message(),
              HasSubstr("it lacks avx512bf16; compile it anew with "
                        "dsv2-compile --target=x86-64-v4"));
  auto old = [](const std::string &f) { return f == "avx"; };
  EXPECT_THAT(selectModule(modules, "", old).message(),
              HasSubstr("dsv2 compiles for CPUs with x86-64-v3 and more: "
                        "x86-64-v3 (avx2) is missing here"));
}
