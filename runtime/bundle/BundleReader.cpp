//===- BundleReader.cpp - Opens a compiled file ---------------------------===//
//
// Size against the launcher's note, footer, index, launcher; then padding,
// sections, manifest: in this order, each with a line of its own.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BundleReader.h"

#include "runtime/bundle/BusErrors.h"
#include "runtime/bundle/LauncherImage.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace dsv2::bundle {

MappedWeights::MappedWeights(MappedWeights &&other)
    : begin(std::exchange(other.begin, nullptr)),
      size(std::exchange(other.size, 0)) {}

MappedWeights &MappedWeights::operator=(MappedWeights &&other) {
  std::swap(begin, other.begin);
  std::swap(size, other.size);
  return *this;
}

MappedWeights::~MappedWeights() {
  if (!begin || size == 0)
    return;
  nameBusErrors(nullptr, 0, "");
  munmap(const_cast<char *>(begin), size);
}

/// The path of the file that runs, as well as it can be known.
static std::string ownPath() {
  std::string path(4096, 0);
  ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length > 0) {
    path.resize(length);
    return path;
  }
  auto *name = reinterpret_cast<const char *>(getauxval(AT_EXECFN));
  return name ? name : "";
}

Expected<BundleReader> BundleReader::openSelf(const ExpectedFile &expected) {
  std::string path = ownPath();
  if (expected.bytes == 0)
    return Status::error("this is a bare launcher: dsv2-compile makes "
                         "executables out of it");
  FileDescriptor file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!file.valid() && errno != EACCES)
    file = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid())
    return Status::error(
        path + (errno == EACCES ? ": cannot be read: to run it needs read "
                                  "permission too (chmod +r)"
                                : ": cannot open its own file: no /proc, and "
                                  "the path is gone"));
  endOnBusErrors(path);
  return open(std::move(file), path, expected);
}

Expected<BundleReader> BundleReader::open(const std::string &path,
                                          const ExpectedFile &expected) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid())
    return Status::error(path + ": cannot open: " + strerror(errno));
  Expected<BundleReader> reader = open(std::move(file), path, expected);
  if (reader.ok())
    if (Status status = reader->checkContents(); !status.ok())
      return status;
  return reader;
}

Expected<BundleReader> BundleReader::open(FileDescriptor file,
                                          std::string path,
                                          const ExpectedFile &expected) {
  BundleReader reader;
  reader.file = std::move(file);
  reader.name = std::move(path);
  if (Status status = reader.readIndex(expected); !status.ok())
    return status;
  if (Status status = reader.check(reader.index.front(), 1); !status.ok())
    return status;
  return reader;
}

Status BundleReader::checkContents() {
  if (Status status = checkPadding(); !status.ok())
    return status;
  for (const IndexEntry &entry : std::span(index).subspan(1))
    if (entry.bytes <= HashedAtStart)
      if (Status status = check(entry, 1); !status.ok())
        return status;
  Expected<std::string> text = read(ManifestSection);
  if (!text.ok())
    return text.status();
  Expected<Manifest> manifest = parseManifest(*text);
  if (!manifest.ok())
    return Status::error(name + ": " + manifest.message());
  description = std::move(*manifest);
  return Status::success();
}

Status BundleReader::readIndex(const ExpectedFile &expected) {
  auto bad = [&](const std::string &what) {
    return Status::error(name + ": " + what);
  };
  struct stat info;
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return bad("is not a regular file");
  fileBytes = info.st_size;
  if (expected.bytes != 0 && fileBytes != expected.bytes) {
    return bad("has " + std::to_string(fileBytes) + " bytes, expected " +
               std::to_string(expected.bytes) +
               (fileBytes < expected.bytes
                    ? ": cut short, or stripped (strip and objcopy drop the "
                      "data behind the program); copy it again"
                    : ": changed; copy it again"));
  }
  if (fileBytes < sizeof(Footer) ||
      pread(file.get(), &tail, sizeof(tail), fileBytes - sizeof(tail)) !=
          static_cast<ssize_t>(sizeof(tail)))
    return bad("its footer cannot be read");
  if (std::memcmp(tail.magic, FooterMagic, sizeof(FooterMagic)) != 0 ||
      tail.footerHash != hashBytes(&tail, offsetof(Footer, footerHash)) ||
      tail.fileBytes != fileBytes ||
      (expected.bytes != 0 && tail.footerHash.low != expected.footerHash))
    return bad("its footer is damaged; copy it again");
  if (tail.version != FormatVersion)
    return bad("has format " + std::to_string(tail.version) + ", expected " +
               std::to_string(FormatVersion));
  uint64_t bytes = uint64_t(tail.sections) * sizeof(IndexEntry);
  if (tail.sections == 0 || tail.sections > MaxSections ||
      tail.indexOffset > fileBytes ||
      fileBytes - tail.indexOffset != sizeof(Footer) + bytes)
    return bad("its index is misplaced");
  index.resize(tail.sections);
  if (pread(file.get(), index.data(), bytes, tail.indexOffset) !=
      static_cast<ssize_t>(bytes))
    return bad("its index cannot be read");
  if (hashBytes(index.data(), bytes) != tail.indexHash)
    return bad("its index is damaged; copy it again");
  return checkIndex();
}

Status BundleReader::checkIndex() const {
  Status wrong = Status::error(name + ": its index is not that of a compiled "
                                      "file");
  uint64_t end = 0;
  for (const IndexEntry &entry : index) {
    if (entry.name[sizeof(entry.name) - 1] != 0 ||
        entry.offset % SectionAlignment != 0 || entry.offset < end ||
        entry.offset - end >= WeightsAlignment ||
        entry.offset > tail.indexOffset ||
        entry.bytes > tail.indexOffset - entry.offset)
      return wrong;
    end = entry.offset + entry.bytes;
  }
  const IndexEntry &launcher = index.front();
  if (std::string_view(launcher.name) != LauncherSection ||
      launcher.offset != 0 || launcher.bytes > HashedAtStart ||
      launcher.note > launcher.bytes ||
      sizeof(Slot) > launcher.bytes - launcher.note ||
      tail.indexOffset - end >= WeightsAlignment)
    return wrong;
  return Status::success();
}

Status BundleReader::checkPadding() const {
  std::vector<char> buffer;
  auto check = [&](uint64_t begin, uint64_t end) {
    buffer.resize(end - begin);
    if (pread(file.get(), buffer.data(), buffer.size(), begin) !=
        static_cast<ssize_t>(buffer.size()))
      return Status::error(name + ": what lies between its sections cannot be "
                                  "read");
    for (size_t i = 0; i < buffer.size(); ++i)
      if (buffer[i] != 0)
        return Status::error(name + ": is damaged at byte " +
                             std::to_string(begin + i) +
                             ", between its sections; copy it again");
    return Status::success();
  };
  uint64_t end = 0;
  for (const IndexEntry &entry : index) {
    if (Status status = check(end, entry.offset); !status.ok())
      return status;
    end = entry.offset + entry.bytes;
  }
  return check(end, tail.indexOffset);
}

Status BundleReader::check(const IndexEntry &entry, int threads) const {
  Expected<Hash128> hash =
      &entry == &index.front()
          ? hashLauncher(file.get(), entry.bytes, entry.note)
          : hashFile(file.get(), entry.offset, entry.bytes, threads);
  std::string where = name + ": section " + entry.name;
  if (!hash.ok())
    return Status::error(where + ": " + hash.message());
  if (*hash != entry.hash)
    return Status::error(where + " is damaged: expected hash " +
                         toHex(entry.hash) + ", got " + toHex(*hash) +
                         "; copy it again");
  return Status::success();
}

const IndexEntry *BundleReader::find(std::string_view section) const {
  for (const IndexEntry &entry : index)
    if (section == entry.name)
      return &entry;
  return nullptr;
}

Expected<std::string> BundleReader::read(std::string_view section) const {
  const IndexEntry *entry = find(section);
  if (!entry)
    return Status::error(name + ": has no section " + std::string(section));
  if (entry->bytes > HashedAtStart)
    return Status::error(name + ": section " + std::string(section) + " has " +
                         std::to_string(entry->bytes) +
                         " bytes, expected at most " +
                         std::to_string(HashedAtStart));
  std::string text(entry->bytes, 0);
  for (size_t done = 0; done < text.size();) {
    ssize_t got = pread(file.get(), text.data() + done, text.size() - done,
                        entry->offset + done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return Status::error(name + ": section " + std::string(section) +
                           " cannot be read");
    done += got;
  }
  return text;
}

Expected<ModuleImage>
BundleReader::mapModule(const std::string &variant) const {
  const IndexEntry *entry = find(ModulePrefix + variant);
  if (!entry)
    return Status::error(name + ": has no code for the variant " + variant);
  Expected<ModuleImage> image =
      ModuleImage::map(file.get(), entry->offset, entry->bytes);
  if (!image.ok())
    return Status::error(name + ": its code for " + variant + " " +
                         image.message());
  return image;
}

std::string BundleReader::externalPath() const {
  return name.substr(0, name.rfind('/') + 1) + description.weights.file;
}

Expected<FileDescriptor> BundleReader::openExternalWeights() const {
  std::string path = externalPath();
  FileDescriptor weights(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!weights.valid())
    return Status::error(path + ": cannot open the weights that belong to " +
                         name + ": " + strerror(errno));
  uint64_t bytes = description.weights.bytes;
  uint64_t at = (bytes + SectionAlignment - 1) / SectionAlignment *
                SectionAlignment;
  struct stat info;
  WeightsFileFooter footer;
  if (fstat(weights.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return Status::error(path + ": is not a regular file");
  if (static_cast<uint64_t>(info.st_size) != at + sizeof(footer))
    return Status::error(path + ": has " + std::to_string(info.st_size) +
                         " bytes, expected " +
                         std::to_string(at + sizeof(footer)) +
                         " for the weights of " + name);
  if (pread(weights.get(), &footer, sizeof(footer), at) !=
          static_cast<ssize_t>(sizeof(footer)) ||
      std::memcmp(footer.magic, WeightsFileMagic, sizeof(footer.magic)) != 0 ||
      footer.footerHash !=
          hashBytes(&footer, offsetof(WeightsFileFooter, footerHash)) ||
      footer.bytes != bytes || footer.hash != *description.weights.hash)
    return Status::error(path + ": does not hold the weights of " + name);
  std::vector<char> padding(at - bytes), zeros(at - bytes);
  if (pread(weights.get(), padding.data(), padding.size(), bytes) !=
          static_cast<ssize_t>(padding.size()) ||
      padding != zeros)
    return Status::error(path + ": is damaged behind the weights; copy it again");
  return weights;
}

Expected<MappedWeights> BundleReader::mapWeights() const {
  FileDescriptor external;
  int descriptor = file.get();
  std::string path = name;
  uint64_t offset = 0, bytes = 0;
  if (description.weights.mode == WeightsMode::External) {
    Expected<FileDescriptor> opened = openExternalWeights();
    if (!opened.ok())
      return opened.status();
    external = std::move(*opened);
    if (description.weights.bytes <= HashedAtStart)
      if (Status status = checkExternalWeights(external.get(), 1); !status.ok())
        return status;
    path = externalPath();
    descriptor = external.get();
    bytes = description.weights.bytes;
  } else {
    const IndexEntry *entry = find(WeightsSection);
    if (!entry)
      return Status::error(name + ": has no section weights");
    offset = entry->offset;
    bytes = entry->bytes;
  }
  if (bytes == 0)
    return MappedWeights();
  void *memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE,
                      descriptor, offset);
  if (memory == MAP_FAILED)
    return Status::error(path + ": cannot map the weights: " +
                         strerror(errno));
  nameBusErrors(memory, bytes, path);
  return MappedWeights(static_cast<const char *>(memory), bytes);
}

Status BundleReader::verify(int threads) const {
  for (const IndexEntry &entry : index)
    if (Status status = check(entry, threads); !status.ok())
      return status;
  if (description.weights.mode != WeightsMode::External)
    return Status::success();
  Expected<FileDescriptor> weights = openExternalWeights();
  if (!weights.ok())
    return weights.status();
  return checkExternalWeights(weights->get(), threads);
}

Status BundleReader::checkExternalWeights(int descriptor, int threads) const {
  Expected<Hash128> hash =
      hashFile(descriptor, 0, description.weights.bytes, threads);
  if (!hash.ok())
    return Status::error(externalPath() + ": " + hash.message());
  if (*hash != *description.weights.hash)
    return Status::error(externalPath() +
                         ": is damaged: expected hash " +
                         toHex(*description.weights.hash) + ", got " +
                         toHex(*hash) + "; copy it again");
  return Status::success();
}

} // namespace dsv2::bundle
