//===- AtomicFile.cpp - Files that appear whole or not at all -------------===//
//
// O_TMPFILE, fallocate, pwrite, fdatasync, linkat to a hidden name (linkat
// never replaces), rename over the target, fsync of the folder.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/AtomicFile.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace dsv2::bundle {

Status AtomicFile::failed(const char *action) const {
  return Status::error(target + ": " + action + ": " + strerror(errno));
}

Expected<AtomicFile> AtomicFile::create(const std::string &path) {
  AtomicFile file;
  file.target = path;
  struct stat info;
  bool exists = stat(path.c_str(), &info) == 0;
  if (path.empty() || path.back() == '/' || (exists && S_ISDIR(info.st_mode)))
    return Status::error(path + ": is a folder, expected the name of a file");
  if (exists && !S_ISREG(info.st_mode))
    return Status::error(path + ": is a device or a pipe, expected the name of a file");
  if (char *real = exists ? realpath(path.c_str(), nullptr) : nullptr) {
    file.target = real;
    free(real);
  }
  size_t slash = file.target.rfind('/');
  file.folder = slash == std::string::npos ? "./" : file.target.substr(0, slash + 1);
  // A file over the size limit must be an error of write, not a signal.
  signal(SIGXFSZ, SIG_IGN);
  static std::atomic<unsigned> serial = 0;
  auto nextName = [&] {
    file.hidden = file.folder + ".dsv2-" + std::to_string(getpid()) + "-" +
                  std::to_string(serial++);
    return file.hidden.c_str();
  };
  nextName();
  file.fd = open(file.folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file.fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR ||
                      errno == EINVAL || errno == ENOENT)) {
    do
      file.fd = open(nextName(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    while (file.fd < 0 && errno == EEXIST);
    file.named = file.fd >= 0;
  }
  if (file.fd < 0)
    return Status::error(path + ": cannot be created: " + strerror(errno));
  return file;
}

AtomicFile::AtomicFile(AtomicFile &&other)
    : fd(std::exchange(other.fd, -1)), target(std::move(other.target)),
      folder(std::move(other.folder)), hidden(std::move(other.hidden)),
      named(std::exchange(other.named, false)) {}

AtomicFile::~AtomicFile() {
  if (fd >= 0)
    close(fd);
  if (named)
    unlink(hidden.c_str());
}

Status AtomicFile::reserve(uint64_t bytes) {
  if (bytes == 0 || fallocate(fd, 0, 0, bytes) == 0)
    return Status::success();
  // Not every file system can reserve; a full disk is then found by write.
  if (errno == EOPNOTSUPP || errno == ENOSYS)
    return ftruncate(fd, bytes) == 0 ? Status::success()
                                     : failed("cannot be sized");
  std::string action = "no room for " + std::to_string(bytes) + " bytes";
  return failed(action.c_str());
}

Status AtomicFile::write(uint64_t offset, const void *data, uint64_t bytes) {
  const char *from = static_cast<const char *>(data);
  while (bytes != 0) {
    ssize_t written = pwrite(fd, from, bytes, offset);
    if (written < 0) {
      if (errno == EINTR)
        continue;
      return failed("cannot write");
    }
    from += written;
    offset += written;
    bytes -= written;
  }
  return Status::success();
}

Status AtomicFile::complete(uint64_t bytes, unsigned mode) {
  if (ftruncate(fd, bytes) != 0)
    return failed("cannot be sized");
  mode_t mask = umask(0);
  umask(mask);
  if (fchmod(fd, mode & ~mask) != 0)
    return failed("cannot set its mode");
  if (fdatasync(fd) != 0)
    return failed("cannot be written to disk");
  return Status::success();
}

Status AtomicFile::publish() {
  if (!named) {
    std::string self = "/proc/self/fd/" + std::to_string(fd);
    unlink(hidden.c_str());
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, hidden.c_str(),
               AT_SYMLINK_FOLLOW) != 0)
      return failed("cannot be named");
    named = true;
  }
  if (rename(hidden.c_str(), target.c_str()) != 0)
    return failed("cannot be named");
  named = false;
  int parent = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) {
    fsync(parent);
    close(parent);
  }
  return Status::success();
}

} // namespace dsv2::bundle
