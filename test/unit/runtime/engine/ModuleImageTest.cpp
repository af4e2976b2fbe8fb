//===- ModuleImageTest.cpp - Modules that must not be trusted -------------===//
//
// Every byte of the headers and the descriptor is set to odd values: the mapper
// refuses or maps, and never crashes.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/engine/FakeModel.h"
#include "runtime/bundle/ModuleImage.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <random>
#include <unistd.h>

using namespace dsv2;
using namespace dsv2::bundle;
using testing::HasSubstr;

namespace {
/// An image in a file, to be changed in place.
class ImageFile {
public:
  ImageFile() : image(fakeModuleImage()) {
    fd = open(folder.path.c_str(), O_TMPFILE | O_RDWR, 0600);
    restore();
  }
  ~ImageFile() { close(fd); }
  void restore() { put(0, image); }
  void put(size_t at, const std::string &bytes) {
    ASSERT_EQ(pwrite(fd, bytes.data(), bytes.size(), at),
              static_cast<ssize_t>(bytes.size()));
  }
  std::string error(uint64_t offset = 0) {
    return ModuleImage::map(fd, offset, image.size()).message();
  }
  TemporaryFolder folder;
  std::string image;
  int fd;
};
} // namespace

TEST(ModuleImage, MapsAndRefuses) {
  ImageFile file;
  EXPECT_EQ(file.error(), "");
  EXPECT_THAT(file.error(8), HasSubstr("page-aligned"));
  file.put(0, "X");
  EXPECT_THAT(file.error(), HasSubstr("not an x86-64 module"));
  file.restore();
  // The descriptor's version and its maximum of tokens.
  size_t at = file.image.find("DVM2");
  ASSERT_NE(at, std::string::npos);
  file.put(at + 4, std::string("\1\0\0\0", 4));
  EXPECT_THAT(file.error(), HasSubstr("version 1"));
  file.restore();
  file.put(at + 24, std::string(8, '\xff'));
  EXPECT_THAT(file.error(), HasSubstr("maxTokens = -1"));
  file.restore();
  file.put(at + 12, std::string("\0\0\0\x7f", 4));
  EXPECT_THAT(file.error(), HasSubstr("entry point"));
}

TEST(ModuleImage, SurvivesHostileBytes) {
  ImageFile file;
  size_t descriptor = file.image.find("DVM2");
  std::mt19937 random(5);
  int mapped = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string changed = file.image;
    for (int i = 0; i < 1 + round % 3; ++i) {
      size_t at = round % 4 == 0 ? descriptor + random() % 112
                                 : random() % (64 + 56 * 6);
      const char odd[] = {0, 1, 2, 7, 127, char(128), char(255),
                          char(random())};
      changed[at] = odd[random() % sizeof(odd)];
    }
    size_t head = std::max<size_t>(64 + 56 * 6, descriptor + 112);
    file.put(0, changed.substr(0, head));
    mapped += file.error().empty();
  }
  EXPECT_GT(mapped, 0);
  EXPECT_LT(mapped, 20000);
}
