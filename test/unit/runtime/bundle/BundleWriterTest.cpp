//===- BundleWriterTest.cpp - Making compiled files -----------------------===//
//
// The layout on disk, and that nothing is left when writing stops early.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BundleWriter.h"

#include "test/unit/runtime/bundle/FakeLauncher.h"
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::bundle;
using testing::HasSubstr;

TEST(BundleWriter, PlacesSectionsAndPatchesTheLauncher) {
  TemporaryFolder folder;
  std::string path = folder.path + "/chat";
  Expected<AtomicFile> atomic = AtomicFile::create(path);
  ASSERT_TRUE(atomic.ok()) << atomic.message();
  Expected<BundleWriter> writer = BundleWriter::create(*atomic, fakeLauncher());
  ASSERT_TRUE(writer.ok()) << writer.message();
  EXPECT_TRUE(writer->addSection("one", "hello").ok());
  EXPECT_FALSE(writer->addSection("one", "again").ok());
  EXPECT_FALSE(writer->addSection(std::string(40, 'x'), "long").ok());
  EXPECT_FALSE(writer->writeWeights(0, "x", 1).ok());
  EXPECT_TRUE(writer->beginWeights(100).ok());
  EXPECT_TRUE(writer->writeWeights(96, "abcd", 4).ok());
  EXPECT_FALSE(writer->writeWeights(97, "abcd", 4).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
  ASSERT_TRUE(writer->finish(2).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
  ASSERT_TRUE(atomic->publish().ok());

  std::ifstream stream(path, std::ios::binary);
  std::string file((std::istreambuf_iterator<char>(stream)), {});
  Footer footer;
  std::memcpy(&footer, file.data() + file.size() - sizeof(footer),
              sizeof(footer));
  EXPECT_EQ(footer.fileBytes, file.size());
  ASSERT_EQ(footer.sections, 3u);
  std::vector<IndexEntry> index(3);
  std::memcpy(index.data(), file.data() + footer.indexOffset,
              3 * sizeof(IndexEntry));
  EXPECT_STREQ(index[0].name, LauncherSection);
  EXPECT_EQ(index[0].offset, 0u);
  EXPECT_EQ(index[0].note, fakeSlotOffset);
  EXPECT_EQ(file.substr(index[1].offset, index[1].bytes), "hello");
  EXPECT_EQ(index[2].offset % WeightsAlignment, 0u);
  EXPECT_EQ(file.substr(index[2].offset, index[2].bytes),
            std::string(96, 0) + "abcd");
  // The dynamic linker's name is the last one.
  Elf64_Phdr segment;
  std::memcpy(&segment, file.data() + sizeof(Elf64_Ehdr), sizeof(segment));
  EXPECT_EQ(segment.p_offset + segment.p_filesz, index[0].bytes);
  EXPECT_EQ(segment.p_vaddr, segment.p_offset + 4096);
  EXPECT_STREQ(file.data() + segment.p_offset, fakeInterpreter);
  Slot slot;
  std::memcpy(&slot, file.data() + fakeSlotOffset, sizeof(slot));
  EXPECT_EQ(slot.fileBytes, file.size());
  EXPECT_EQ(slot.footerHash, footer.footerHash.low);
  using std::filesystem::perms;
  EXPECT_NE(std::filesystem::status(path).permissions() & perms::owner_exec,
            perms::none);
}

TEST(BundleWriter, LeavesNothingUnlessPublished) {
  TemporaryFolder folder;
  {
    Expected<AtomicFile> file = AtomicFile::create(folder.path + "/chat");
    ASSERT_TRUE(file.ok());
    Expected<BundleWriter> writer = BundleWriter::create(*file, fakeLauncher());
    ASSERT_TRUE(writer.ok());
    EXPECT_TRUE(writer->addSection("one", "hello").ok());
    EXPECT_TRUE(writer->finish(1).ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

TEST(BundleWriter, LeavesNothingWhenKilled) {
  TemporaryFolder folder;
  EXPECT_EXIT(
      {
        Expected<AtomicFile> file = AtomicFile::create(folder.path + "/chat");
        Expected<BundleWriter> writer = BundleWriter::create(*file, fakeLauncher());
        if (writer.ok() && writer->beginWeights(1 << 20).ok() &&
            writer->writeWeights(0, "abcd", 4).ok())
          raise(SIGKILL);
      },
      testing::KilledBySignal(SIGKILL), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

TEST(BundleWriter, WantsTheLauncherWithItsNote) {
  TemporaryFolder folder;
  Expected<AtomicFile> file = AtomicFile::create(folder.path + "/x");
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(BundleWriter::create(*file, std::string(500, 0)).message(),
              HasSubstr("note"));
  std::string notElf = fakeLauncher();
  notElf[0] = 'x';
  EXPECT_THAT(BundleWriter::create(*file, notElf).message(),
              HasSubstr("no ELF image"));
}

TEST(AtomicFile, NamesTheFileThatCannotBe) {
  EXPECT_THAT(AtomicFile::create("/nonexistent/chat").message(),
              HasSubstr("/nonexistent/chat: cannot be created"));
  EXPECT_THAT(AtomicFile::create("/tmp").message(), HasSubstr("is a folder"));
  EXPECT_THAT(AtomicFile::create("/dev/null").message(), HasSubstr("is a device"));
}

TEST(AtomicFile, ReplacesWhatALinkLeadsTo) {
  TemporaryFolder folder;
  std::string target = folder.path + "/target", link = folder.path + "/link";
  std::ofstream(target) << "old";
  std::filesystem::create_symlink("target", link);
  Expected<AtomicFile> file = AtomicFile::create(link);
  ASSERT_TRUE(file.ok()) << file.message();
  ASSERT_TRUE(file->write(0, "new!", 4).ok());
  ASSERT_TRUE(file->complete(4, 0666).ok());
  ASSERT_TRUE(file->publish().ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  std::string text;
  std::ifstream(target) >> text;
  EXPECT_EQ(text, "new!");
}

TEST(Hash, DoesNotDependOnThreadsOrReading) {
  TemporaryFolder folder;
  std::string path = folder.path + "/w";
  uint64_t bytes = 2 * HashBlock + 12345;
  std::string data(bytes, 'q');
  data[HashBlock + 7] = 'r';
  Expected<AtomicFile> file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok()) << file.message();
  Expected<WeightsFileWriter> writer = WeightsFileWriter::create(*file, bytes);
  ASSERT_TRUE(writer.ok()) << writer.message();
  ASSERT_TRUE(writer->write(0, data.data(), bytes).ok());
  Expected<Hash128> one = writer->finish(1);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(*one, hashBlocks(data.data(), bytes));
  Expected<Hash128> back = parseHash(toHex(*one));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, *one);
  EXPECT_FALSE(parseHash("xyz").ok());
}
