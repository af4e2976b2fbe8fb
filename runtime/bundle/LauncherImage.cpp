//===- LauncherImage.cpp - The program of a compiled file -----------------===//
//
// The image as linked is trusted; what a file on disk begins with is not.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/LauncherImage.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <elf.h>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace dsv2::bundle {

/// Bytes of a note that depend on the rest of the file.
static constexpr size_t Said = sizeof(Slot) - offsetof(Slot, fileBytes);

static bool isNote(const char *at) {
  Slot slot;
  std::memcpy(&slot, at, sizeof(slot));
  return slot.nameBytes == sizeof(SlotName) && slot.descriptorBytes == Said &&
         std::memcmp(slot.name, SlotName, sizeof(SlotName)) == 0;
}

/// The program headers of an image and their offset; none where it is no ELF
/// image.
static std::vector<Elf64_Phdr> segmentsOf(const std::string &image,
                                          uint64_t &offset) {
  Elf64_Ehdr header;
  if (image.size() < sizeof(header))
    return {};
  std::memcpy(&header, image.data(), sizeof(header));
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  uint64_t bytes = segments.size() * sizeof(Elf64_Phdr);
  offset = header.e_phoff;
  if (std::memcmp(header.e_ident, "\177ELF\2\1\1", 7) != 0 ||
      header.e_phentsize != sizeof(Elf64_Phdr) || bytes > image.size() ||
      offset > image.size() - bytes)
    return {};
  std::memcpy(segments.data(), image.data() + offset, bytes);
  return segments;
}

/// Lets the dynamic linker's name be the one that the image has last.
static bool moveInterpreter(std::string &image) {
  uint64_t offset = 0;
  std::vector<Elf64_Phdr> segments = segmentsOf(image, offset);
  for (size_t i = 0; i < segments.size(); ++i) {
    Elf64_Phdr &segment = segments[i];
    if (segment.p_type != PT_INTERP)
      continue;
    if (segment.p_filesz > image.size() ||
        segment.p_offset > image.size() - segment.p_filesz)
      return false;
    size_t last = image.rfind(
        std::string_view(image).substr(segment.p_offset, segment.p_filesz));
    for (const Elf64_Phdr &load : segments) {
      if (load.p_type != PT_LOAD || last == segment.p_offset ||
          last < load.p_offset || last - load.p_offset >= load.p_filesz)
        continue;
      segment.p_offset = last;
      segment.p_vaddr = segment.p_paddr = load.p_vaddr + last - load.p_offset;
      std::memcpy(image.data() + offset + i * sizeof(segment), &segment,
                  sizeof(segment));
      return true;
    }
  }
  return false;
}

Expected<LauncherImage> LauncherImage::create(std::string image) {
  LauncherImage made;
  for (size_t at = 0; at + sizeof(Slot) <= image.size(); at += 4)
    if (isNote(image.data() + at)) {
      made.slot = at;
      break;
    }
  if (made.slot == 0)
    return Status::error("the launcher has no DSV2SLT note: it is not "
                         "dsv2-launcher");
  if (!moveInterpreter(image))
    return Status::error("the launcher is no ELF image that names its dynamic "
                         "linker twice: it is not dsv2-launcher");
  made.image = std::move(image);
  return made;
}

void LauncherImage::describe(uint64_t fileBytes, uint64_t footerHash) {
  Slot note;
  std::memcpy(&note, image.data() + slot, sizeof(note));
  note.fileBytes = fileBytes;
  note.footerHash = footerHash;
  std::memcpy(image.data() + slot, &note, sizeof(note));
}

/// Zeroes the part of the note that lies in [offset, offset + bytes).
static void forget(char *data, uint64_t bytes, uint64_t offset, uint64_t note) {
  uint64_t begin = std::max(note + offsetof(Slot, fileBytes), offset);
  uint64_t end = std::min(note + sizeof(Slot), offset + bytes);
  if (begin < end)
    std::memset(data + (begin - offset), 0, end - begin);
}

Hash128 LauncherImage::hash() const {
  std::string copy = image;
  forget(copy.data(), copy.size(), 0, slot);
  return hashBytes(copy.data(), copy.size());
}

Expected<Hash128> hashLauncher(int descriptor, uint64_t bytes, uint64_t note) {
  HashStream stream;
  char buffer[64 << 10];
  for (uint64_t at = 0; at < bytes;) {
    ssize_t got = pread(descriptor, buffer,
                        std::min<uint64_t>(sizeof(buffer), bytes - at), at);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return Status::error(got == 0 ? "the file ends early"
                                    : std::string("cannot read: ") +
                                          strerror(errno));
    forget(buffer, got, at, note);
    stream.add(buffer, got);
    at += got;
  }
  return stream.finish();
}

} // namespace dsv2::bundle
