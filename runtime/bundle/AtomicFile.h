//===- AtomicFile.h - Files that appear whole or not at all -----*- C++ -*-===//
//
// A file that is written without a name and gets one when it is complete:
// killing the process leaves nothing behind. Where the file system has no
// unnamed files, a hidden temporary name is used and removed on failure. Several
// files that belong together are completed first, and then published.
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
  /// Begins a file that will be called `path`; where that is a symbolic link,
  /// what it leads to is replaced. Errors: its folder does not exist or is not
  /// writable, or `path` is a folder, a device or a pipe.
  static Expected<AtomicFile> create(const std::string &path);

  AtomicFile(AtomicFile &&other);
  AtomicFile &operator=(AtomicFile &&) = delete;
  /// Without `publish`, nothing is left.
  ~AtomicFile();

  /// Reserves disk space for [0, bytes), which reads as zeros until written.
  /// Errors: no room.
  Status reserve(uint64_t bytes);

  /// Writes at an offset; several threads may do so at once.
  Status write(uint64_t offset, const void *data, uint64_t bytes);

  /// Sets the length and writes everything to disk. `mode` is cut by the
  /// process's umask. What remains is the name.
  Status complete(uint64_t bytes, unsigned mode);

  /// Gives a completed file its name, replacing an older file.
  Status publish();

  int descriptor() const { return fd; }
  const std::string &path() const { return target; }
  /// The name that the file may have between now and `publish`; for removal
  /// where a signal ends the process.
  const std::string &hiddenPath() const { return hidden; }

private:
  AtomicFile() = default;
  Status failed(const char *action) const;

  int fd = -1;
  std::string target;  // final name
  std::string folder;  // its folder, ending in a slash
  std::string hidden;  // name before the final one, in the same folder
  bool named = false;  // whether the file has the hidden name now
};

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_ATOMICFILE_H
