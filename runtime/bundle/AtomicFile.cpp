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
  size_t slash = path.rfind('/');
  file.folder = slash == std::string::npos ? "./" : path.substr(0, slash + 1);
  struct stat info;
  if (path.empty() || path.back() == '/' ||
      (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)))
    return Status::error(path + ": is a folder, expected the name of a file");
  // A file over the size limit must be an error of write, not a signal.
  signal(SIGXFSZ, SIG_IGN);
  file.fd = open(file.folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file.fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR ||
                      errno == EINVAL || errno == ENOENT)) {
    std::string name = file.folder + ".dsv2-XXXXXX";
    file.fd = mkostemp(name.data(), O_CLOEXEC);
    if (file.fd >= 0)
      file.temporary = name;
  }
  if (file.fd < 0)
    return Status::error(file.folder + ": cannot create a file here: " +
                         strerror(errno));
  return file;
}

AtomicFile::AtomicFile(AtomicFile &&other)
    : fd(std::exchange(other.fd, -1)), target(std::move(other.target)),
      folder(std::move(other.folder)),
      temporary(std::exchange(other.temporary, {})) {}

AtomicFile::~AtomicFile() {
  if (fd >= 0)
    close(fd);
  if (!temporary.empty())
    unlink(temporary.c_str());
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

Status AtomicFile::commit(uint64_t bytes, unsigned mode) {
  if (ftruncate(fd, bytes) != 0)
    return failed("cannot be sized");
  mode_t mask = umask(0);
  umask(mask);
  if (fchmod(fd, mode & ~mask) != 0)
    return failed("cannot set its mode");
  if (fdatasync(fd) != 0)
    return failed("cannot be written to disk");
  if (temporary.empty()) {
    static std::atomic<unsigned> serial = 0;
    std::string name = folder + ".dsv2-" + std::to_string(getpid()) + "-" +
                       std::to_string(serial++);
    std::string self = "/proc/self/fd/" + std::to_string(fd);
    unlink(name.c_str());
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(),
               AT_SYMLINK_FOLLOW) != 0)
      return failed("cannot be named");
    temporary = name;
  }
  if (rename(temporary.c_str(), target.c_str()) != 0)
    return failed("cannot be named");
  temporary.clear();
  int parent = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent >= 0) {
    fsync(parent);
    close(parent);
  }
  return Status::success();
}

} // namespace dsv2::bundle
