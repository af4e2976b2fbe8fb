//===- File.cpp - Files as values, whole or in parts ----------------------===//
//
// The loops around read, pread and write that make short transfers, signals
// and vanishing files either work or a message.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/File.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

using namespace dsv2;

namespace {

/// Linux transfers at most 2 GiB a call; smaller pieces also keep a signal's
/// loss small.
constexpr size_t maxTransfer = size_t(1) << 30;

Status systemError(const std::string &path, const char *action) {
  return Status::error(path + ": cannot " + action + ": " + strerror(errno));
}

int openRetrying(const char *path, int flags, unsigned mode = 0) {
  int descriptor;
  do
    descriptor = ::open(path, flags | O_CLOEXEC, mode);
  while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

} // namespace

FileDescriptor::FileDescriptor(FileDescriptor &&other) noexcept
    : descriptor(std::exchange(other.descriptor, -1)) {}

FileDescriptor &FileDescriptor::operator=(FileDescriptor &&other) noexcept {
  if (this != &other) {
    close();
    descriptor = std::exchange(other.descriptor, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() { close(); }

void FileDescriptor::close() {
  if (descriptor >= 0)
    ::close(std::exchange(descriptor, -1));
}

Expected<InputFile> InputFile::open(std::string path) {
  InputFile input;
  // Non-blocking, so that opening a pipe without a writer is refused below
  // instead of waiting; it means nothing to regular files.
  input.file = FileDescriptor(openRetrying(path.c_str(), O_RDONLY | O_NONBLOCK));
  if (!input.file.valid())
    return systemError(path, "open");
  struct stat info;
  if (fstat(input.file.get(), &info) != 0)
    return systemError(path, "inspect");
  if (S_ISDIR(info.st_mode))
    return Status::error(path + ": expected a file, got a directory");
  if (!S_ISREG(info.st_mode))
    return Status::error(path + ": expected a regular file");
  input.bytes = static_cast<uint64_t>(info.st_size);
  input.seconds = info.st_mtim.tv_sec;
  input.nanoseconds = info.st_mtim.tv_nsec;
  input.name = std::move(path);
  return input;
}

Status InputFile::read(uint64_t offset, size_t count, void *destination) const {
  constexpr uint64_t maxOffset = std::numeric_limits<int64_t>::max();
  if (offset > maxOffset || count > maxOffset - offset)
    return Status::error(name + ": offset " + std::to_string(offset) +
                         " is beyond any file");
  char *cursor = static_cast<char *>(destination);
  while (count > 0) {
    ssize_t got = pread(file.get(), cursor, std::min(count, maxTransfer),
                        static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError(name, "read");
    if (got == 0)
      return Status::error(name + ": file ends at byte " +
                           std::to_string(offset) + ", expected " +
                           std::to_string(count) + " more");
    cursor += got;
    offset += static_cast<uint64_t>(got);
    count -= static_cast<size_t>(got);
  }
  return Status::success();
}

Status InputFile::checkUnchanged() const {
  struct stat info;
  if (fstat(file.get(), &info) != 0)
    return systemError(name, "inspect");
  if (uint64_t(info.st_size) != bytes || info.st_mtim.tv_sec != seconds ||
      info.st_mtim.tv_nsec != nanoseconds)
    return Status::error(name + ": was changed while it was read");
  return Status::success();
}

Expected<std::string> dsv2::readRegularFile(const std::string &path,
                                            size_t maxBytes) {
  Expected<InputFile> file = InputFile::open(path);
  if (!file.ok())
    return file.status();
  if (file->size() > maxBytes)
    return Status::error(path + ": expected at most " +
                         std::to_string(maxBytes) + " bytes, got " +
                         std::to_string(file->size()));
  std::string content(static_cast<size_t>(file->size()), '\0');
  if (Status status = file->read(0, content.size(), content.data()); !status.ok())
    return status;
  return content;
}

Expected<std::string> dsv2::readFile(const std::string &path, size_t maxBytes) {
  FileDescriptor file(openRetrying(path.c_str(), O_RDONLY));
  if (!file.valid())
    return systemError(path, "open");
  struct stat info;
  if (fstat(file.get(), &info) != 0)
    return systemError(path, "inspect");
  if (S_ISDIR(info.st_mode))
    return Status::error(path + ": expected a file, got a directory");
  auto tooLarge = [&](const std::string &size) {
    return Status::error(path + ": expected at most " +
                         std::to_string(maxBytes) + " bytes, got " + size);
  };
  uint64_t announced = S_ISREG(info.st_mode) ? uint64_t(info.st_size) : 0;
  if (announced > maxBytes)
    return tooLarge(std::to_string(announced));

  // Pipes and files of /proc announce nothing, so the size is only a hint. One
  // byte more than announced is asked for, to see the end without growing.
  std::string content(static_cast<size_t>(announced) + 1, '\0');
  size_t used = 0;
  while (true) {
    if (used == content.size())
      content.resize(std::max<size_t>(4096, content.size() * 2));
    ssize_t got = ::read(file.get(), content.data() + used,
                         std::min(content.size() - used, maxTransfer));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return systemError(path, "read");
    if (got == 0)
      break;
    used += static_cast<size_t>(got);
    if (used > maxBytes)
      return tooLarge("more");
  }
  content.resize(used);
  return content;
}

bool dsv2::fileExists(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

bool dsv2::nameExists(const std::string &path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

bool dsv2::isGitLfsPointer(std::string_view start) {
  constexpr std::string_view prefix = "version https://git-lfs";
  return start.substr(0, prefix.size()) == prefix;
}

Expected<OutputFile> OutputFile::create(std::string path, unsigned mode) {
  OutputFile output;
  struct stat info;
  bool exists = stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return Status::error(path + ": expected a file, got a directory");
  if (exists && !S_ISREG(info.st_mode)) {
    // Renaming over /dev/stdout or /dev/null would replace the device.
    output.file = FileDescriptor(openRetrying(path.c_str(), O_WRONLY));
    if (!output.file.valid())
      return systemError(path, "write");
    output.name = std::move(path);
    return output;
  }

  std::string temporary = path + ".partial-XXXXXX";
  int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0)
    return systemError(path, "create");
  output.file = FileDescriptor(descriptor);
  output.temporary = std::move(temporary);
  output.name = std::move(path);
  // mkostemp creates 0600; give what open() would have given.
  mode_t mask = umask(0);
  umask(mask);
  if (fchmod(descriptor, mode & ~mask) != 0)
    return systemError(output.name, "set the permissions");
  return output;
}

OutputFile::OutputFile(OutputFile &&other) noexcept
    : file(std::move(other.file)), name(std::move(other.name)),
      temporary(std::exchange(other.temporary, {})) {}

OutputFile &OutputFile::operator=(OutputFile &&other) noexcept {
  if (this != &other) {
    discard();
    file = std::move(other.file);
    name = std::move(other.name);
    temporary = std::exchange(other.temporary, {});
  }
  return *this;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() {
  file.close();
  if (!temporary.empty())
    unlink(temporary.c_str());
  temporary.clear();
}

Status OutputFile::write(const void *data, size_t count) {
  const char *cursor = static_cast<const char *>(data);
  while (count > 0) {
    ssize_t put = ::write(file.get(), cursor, std::min(count, maxTransfer));
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return systemError(name, "write");
    cursor += put;
    count -= static_cast<size_t>(put);
  }
  return Status::success();
}

Status OutputFile::commit() {
  // Some file systems report a full disk only when asked to finish.
  if (!temporary.empty() && fsync(file.get()) != 0 && errno != EINVAL)
    return systemError(name, "write");
  file.close();
  if (temporary.empty())
    return Status::success();
  if (rename(temporary.c_str(), name.c_str()) != 0)
    return systemError(name, "create");
  temporary.clear();
  return Status::success();
}
