//===- TemporaryDirectory.h - A folder for one test -------------*- C++ -*-===//
//
// Made empty, gone with everything in it at the end of the test.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_RUNTIME_IO_TEMPORARYDIRECTORY_H
#define TEST_UNIT_RUNTIME_IO_TEMPORARYDIRECTORY_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace dsv2::test {

class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dsv2-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(root); }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

  const std::string &path() const { return root; }
  std::string file(const std::string &name) const { return root + "/" + name; }
  /// Writes a file and returns its path.
  std::string write(const std::string &name, const std::string &content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }

private:
  std::string root;
};

} // namespace dsv2::test

#endif // TEST_UNIT_RUNTIME_IO_TEMPORARYDIRECTORY_H
