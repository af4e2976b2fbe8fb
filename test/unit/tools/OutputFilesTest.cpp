//===- OutputFilesTest.cpp - All files of a compilation, or none ----------===//
//
// Published together, and what is left when one cannot be, or a signal comes.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/OutputFiles.h"
#include "test/unit/runtime/bundle/TemporaryFolder.h"
#include <csignal>
#include <fstream>
#include <gmock/gmock.h>

using namespace mlir::dsv2;
using testing::HasSubstr;
namespace fs = std::filesystem;

static std::string contentsOf(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

TEST(OutputFiles, AppearTogether) {
  TemporaryFolder folder;
  std::string one = folder.path + "/one", two = folder.path + "/two";
  OutputFiles outputs;
  auto text = outputs.beginText(one);
  auto stream = outputs.beginText(two);
  ASSERT_TRUE(text.ok() && stream.ok());
  EXPECT_TRUE((*text)->write("module {}").ok());
  std::ofstream((*stream)->getStreamPath()) << "remarks";
  EXPECT_TRUE(fs::is_empty(folder.path));
  ASSERT_TRUE(outputs.publish().ok());
  EXPECT_EQ(contentsOf(one), "module {}");
  EXPECT_EQ(contentsOf(two), "remarks");
}

TEST(OutputFiles, AreNotThereUnlessAllAre) {
  TemporaryFolder folder;
  std::string one = folder.path + "/one", two = folder.path + "/two";
  {
    OutputFiles outputs;
    ASSERT_TRUE(outputs.beginText(one).ok());
  }
  EXPECT_TRUE(fs::is_empty(folder.path));

  OutputFiles outputs;
  auto first = outputs.beginText(one), second = outputs.beginText(two);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_TRUE((*first)->write("1").ok() && (*second)->write("2").ok());
  // Meanwhile somebody takes the second name.
  fs::create_directory(two);
  EXPECT_THAT(outputs.publish().message(), HasSubstr(two));
  EXPECT_FALSE(fs::exists(one));
}

TEST(OutputFiles, CompanionsComeFirst) {
  TemporaryFolder folder;
  std::string owner = folder.path + "/chat", companion = owner + ".weights";
  std::ofstream(owner) << "older";
  std::ofstream(companion) << "older weights";
  auto begin = [&](OutputFiles &outputs) {
    auto first = outputs.beginFile(owner);
    ASSERT_TRUE(first.ok());
    auto second = outputs.beginCompanion(**first, "weights");
    ASSERT_TRUE(second.ok());
    EXPECT_EQ((*second)->path(), companion);
    EXPECT_TRUE((*first)->write(0, "new", 3).ok() && (*second)->write(0, "w", 1).ok());
  };
  {
    OutputFiles outputs;
    begin(outputs);
  }
  EXPECT_EQ(contentsOf(owner), "older");
  EXPECT_EQ(contentsOf(companion), "older weights");
  {
    OutputFiles outputs;
    begin(outputs);
    ASSERT_TRUE(outputs.publish().ok());
    EXPECT_EQ(contentsOf(owner), "new");
    EXPECT_EQ(contentsOf(companion), "w");
  }
  // Where the companion cannot have its name, no owner is there without it.
  OutputFiles outputs;
  begin(outputs);
  fs::remove(companion);
  fs::create_directory(companion);
  EXPECT_THAT(outputs.publish().message(), HasSubstr(companion));
  EXPECT_FALSE(fs::exists(owner));
}

TEST(OutputFiles, RefuseOneNameTwice) {
  TemporaryFolder folder;
  OutputFiles outputs;
  ASSERT_TRUE(outputs.beginText(folder.path + "/one").ok());
  EXPECT_THAT(outputs.beginFile(folder.path + "/one").message(), HasSubstr("two outputs"));
}

TEST(OutputFiles, WriteDevicesAsTheyStand) {
  OutputFiles outputs;
  auto null = outputs.beginText("/dev/null"), full = outputs.beginText("/dev/full");
  ASSERT_TRUE(null.ok() && full.ok());
  EXPECT_TRUE((*null)->write("x").ok());
  EXPECT_THAT((*full)->write("x").message(), HasSubstr("/dev/full: cannot write: No space"));
  EXPECT_TRUE(outputs.publish().ok());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_FALSE(outputs.beginFile("/dev/null").ok());
}

TEST(OutputFiles, AreRemovedBySignals) {
  for (int number : {SIGINT, SIGTERM}) {
    TemporaryFolder folder;
    EXPECT_EXIT(
        {
          OutputFiles outputs;
          auto text = outputs.beginText(folder.path + "/one");
          auto file = outputs.beginFile(folder.path + "/two");
          // As on a file system without unnamed files.
          std::ofstream((*file)->hiddenPath()) << "x";
          if (text.ok() && fs::exists((*file)->hiddenPath()))
            raise(number);
        },
        testing::KilledBySignal(number), "");
    EXPECT_TRUE(fs::is_empty(folder.path));
  }
}
