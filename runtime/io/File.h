//===- File.h - Files as values, whole or in parts --------------*- C++ -*-===//
//
// Opens, reads and replaces files through POSIX calls, every failure a Status
// that starts with the file's path. Nothing is mapped: a file that is cut
// while it is read is an error and never a signal. Knows no file format.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_IO_FILE_H
#define RUNTIME_IO_FILE_H

#include "runtime/io/Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsv2 {

/// Owns one POSIX file descriptor.
class FileDescriptor {
public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor(descriptor) {}
  FileDescriptor(FileDescriptor &&other) noexcept;
  FileDescriptor &operator=(FileDescriptor &&other) noexcept;
  ~FileDescriptor();

  int get() const { return descriptor; }
  bool valid() const { return descriptor >= 0; }
  void close();

private:
  int descriptor = -1;
};

/// A regular file opened for reading. Reading through it is thread-safe.
class InputFile {
public:
  /// Follows symbolic links. Anything but a regular file is refused.
  static Expected<InputFile> open(std::string path);

  const std::string &path() const { return name; }
  /// The size in bytes when the file was opened.
  uint64_t size() const { return bytes; }
  /// Fills `destination` with the `count` bytes at `offset`; fewer is an error.
  Status read(uint64_t offset, size_t count, void *destination) const;
  /// An error if the file was written to since it was opened.
  Status checkUnchanged() const;

private:
  FileDescriptor file;
  std::string name;
  uint64_t bytes = 0;
  int64_t seconds = 0, nanoseconds = 0; // of the last write before it was opened
};

/// The content of a file or pipe of at most `maxBytes` bytes.
Expected<std::string> readFile(const std::string &path, size_t maxBytes);

/// The same of a regular file: anything else is refused, and never waited for.
Expected<std::string> readRegularFile(const std::string &path, size_t maxBytes);

/// Whether something that is not a directory is found under `path`.
bool fileExists(const std::string &path);

/// Whether `path` is there at all: a file, a folder, a link to nothing.
bool nameExists(const std::string &path);

/// Whether a file that begins so is the text that Git LFS leaves in place of a
/// file that it has not fetched.
bool isGitLfsPointer(std::string_view start);

/// A file that appears under its name complete or not at all: it is written
/// beside it and renamed by `commit`. Destroyed without `commit`, it leaves
/// nothing. A name that is a device or a pipe is written directly.
class OutputFile {
public:
  static Expected<OutputFile> create(std::string path, unsigned mode = 0666);
  OutputFile(OutputFile &&other) noexcept;
  OutputFile &operator=(OutputFile &&other) noexcept;
  ~OutputFile();

  const std::string &path() const { return name; }
  /// Appends `count` bytes.
  Status write(const void *data, size_t count);
  Status write(std::string_view text) { return write(text.data(), text.size()); }
  /// Closes the file and gives it its name.
  Status commit();

private:
  OutputFile() = default;
  void discard();

  FileDescriptor file;
  std::string name;
  std::string temporary; // empty: written directly
};

} // namespace dsv2

#endif // RUNTIME_IO_FILE_H
