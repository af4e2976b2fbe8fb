//===- AtomicFile.h - Files that appear whole or not at all -----*- C++ -*-===//
//
// A file that is written without a name and gets one when it is complete:
// killing the process leaves nothing behind. Where the file system has no
// unnamed files, a hidden temporary name is used and removed on failure.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_ATOMICFILE_H
#define RUNTIME_BUNDLE_ATOMICFILE_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <string>

namespace dsv2::bundle {

class AtomicFile {
public:
  /// Begins a file that will be called `path`. Errors: its folder does not
  /// exist or is not writable, or `path` is a folder.
  static Expected<AtomicFile> create(const std::string &path);

  AtomicFile(AtomicFile &&other);
  AtomicFile &operator=(AtomicFile &&) = delete;
  /// Without `commit`, nothing is left.
  ~AtomicFile();

  /// Reserves disk space for [0, bytes), which reads as zeros until written.
  /// Errors: no room.
  Status reserve(uint64_t bytes);

  /// Writes at an offset; several threads may do so at once.
  Status write(uint64_t offset, const void *data, uint64_t bytes);

  /// Sets the length, writes everything to disk and gives the file its name,
  /// replacing an older file. `mode` is cut by the process's umask.
  Status commit(uint64_t bytes, unsigned mode);

  int descriptor() const { return fd; }
  const std::string &path() const { return target; }

private:
  AtomicFile() = default;
  Status failed(const char *action) const;

  int fd = -1;
  std::string target;    // final name
  std::string folder;    // its folder
  std::string temporary; // name in use now, empty when unnamed
};

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_ATOMICFILE_H
