//===- TemporaryFolder.h - A folder for one test ----------------*- C++ -*-===//
//
// Made empty, and removed at the end of the test.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_BUNDLE_TEMPORARYFOLDER_H
#define TEST_UNIT_RUNTIME_BUNDLE_TEMPORARYFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <string>

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

#endif // TEST_UNIT_RUNTIME_BUNDLE_TEMPORARYFOLDER_H
