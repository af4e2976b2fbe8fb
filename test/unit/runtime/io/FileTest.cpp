//===- FileTest.cpp - Reading and replacing files -------------------------===//
//
// Limits, truncation and the all-or-nothing output file.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/File.h"

#include "test/unit/runtime/io/TemporaryDirectory.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dsv2;
using dsv2::test::TemporaryDirectory;
using testing::HasSubstr;

namespace {

size_t entriesOf(const TemporaryDirectory &directory) {
  std::filesystem::directory_iterator entries(directory.path());
  return size_t(std::distance(begin(entries), end(entries)));
}

TEST(File, ReadsWholeFilesUpToALimit) {
  TemporaryDirectory directory;
  std::string path = directory.write("f", "12345");
  EXPECT_EQ(*readFile(path, 5), "12345");
  EXPECT_THAT(readFile(path, 4).message(),
              HasSubstr("/f: expected at most 4 bytes, got 5"));
  EXPECT_EQ(*readFile(directory.write("empty", ""), 0), "");
  EXPECT_THAT(readFile(directory.file("none"), 9).message(),
              HasSubstr("/none: cannot open: No such file"));
  EXPECT_THAT(readFile(directory.path(), 9).message(),
              HasSubstr("got a directory"));
}

TEST(File, ReadsFilesThatAnnounceNoSize) {
  Expected<std::string> text = readFile("/proc/self/maps", 1 << 24);
  ASSERT_TRUE(text.ok()) << text.message();
  EXPECT_THAT(*text, HasSubstr("[stack]"));
  EXPECT_THAT(readFile("/dev/zero", 1 << 16).message(),
              HasSubstr("expected at most 65536 bytes, got more"));
}

TEST(File, TruncationIsAnError) {
  TemporaryDirectory directory;
  Expected<InputFile> file = InputFile::open(directory.write("f", "0123456789"));
  ASSERT_TRUE(file.ok());
  char data[10];
  EXPECT_TRUE(file->read(2, 8, data).ok());
  EXPECT_EQ(std::string(data, 8), "23456789");
  ASSERT_EQ(truncate(file->path().c_str(), 4), 0);
  EXPECT_THAT(file->read(2, 8, data).message(),
              HasSubstr("file ends at byte 4, expected 6 more"));
  EXPECT_THAT(file->read(~uint64_t(0) - 3, 8, data).message(),
              HasSubstr("beyond any file"));
}

TEST(File, PipesAreNoInputFiles) {
  TemporaryDirectory directory;
  std::string path = directory.file("pipe");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(InputFile::open(path).message(),
              HasSubstr("expected a regular file"));
}

TEST(File, OutputAppearsOnlyWhenCommitted) {
  TemporaryDirectory directory;
  std::string path = directory.write("out", "before");
  {
    Expected<OutputFile> file = OutputFile::create(path);
    ASSERT_TRUE(file.ok()) << file.message();
    EXPECT_TRUE(file->write("abandoned").ok());
  }
  EXPECT_EQ(*readFile(path, 100), "before");
  EXPECT_EQ(entriesOf(directory), 1u);

  Expected<OutputFile> file = OutputFile::create(path, 0755);
  ASSERT_TRUE(file.ok()) << file.message();
  EXPECT_TRUE(file->write("after").ok());
  EXPECT_EQ(*readFile(path, 100), "before");
  EXPECT_TRUE(file->commit().ok());
  EXPECT_EQ(*readFile(path, 100), "after");
  EXPECT_EQ(access(path.c_str(), X_OK), 0);
  EXPECT_EQ(entriesOf(directory), 1u);
}

TEST(File, OutputRefusals) {
  TemporaryDirectory directory;
  EXPECT_THAT(OutputFile::create(directory.file("no/out")).message(),
              HasSubstr("/no/out: cannot create: No such file"));
  EXPECT_THAT(OutputFile::create(directory.path()).message(),
              HasSubstr("got a directory"));
}

TEST(File, DevicesAreWrittenInPlace) {
  Expected<OutputFile> full = OutputFile::create("/dev/full");
  ASSERT_TRUE(full.ok()) << full.message();
  EXPECT_THAT(full->write("x").message(),
              HasSubstr("/dev/full: cannot write: No space left"));
  Expected<OutputFile> null = OutputFile::create("/dev/null");
  ASSERT_TRUE(null.ok());
  EXPECT_TRUE(null->write("x").ok());
  EXPECT_TRUE(null->commit().ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

} // namespace
