//===- FakeLauncher.h - What bundles of unit tests are made of --*- C++ -*-===//
//
// A launcher image that is nothing but the note, and a folder for a test.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H
#define TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H

#include "runtime/bundle/Format.h"
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

inline constexpr size_t fakeSlotOffset = 256;

inline std::string fakeLauncher() {
  std::string image(1000, 'L');
  dsv2::bundle::Slot slot = {8, 16, 1, {}, 0, 0, 0};
  std::memcpy(slot.name, dsv2::bundle::SlotName, sizeof(slot.name));
  std::memcpy(image.data() + fakeSlotOffset, &slot, sizeof(slot));
  return image;
}

/// Removed with everything in it at the end of a test.
struct TemporaryFolder {
  TemporaryFolder() {
    path = (std::filesystem::temp_directory_path() / "dsv2-test-XXXXXX")
               .string();
    if (!mkdtemp(path.data()))
      std::abort();
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder &) = delete;
  std::string path;
};

#endif // TEST_UNIT_RUNTIME_BUNDLE_FAKELAUNCHER_H
