//===- ModuleImage.cpp - A compiled module in memory ----------------------===//
//
// Checks ELF header, program headers and descriptor; every size is bounded
// before it is used in arithmetic.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/ModuleImage.h"

#include <cstring>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dsv2::bundle {

static constexpr uint64_t Page = 4096;
static constexpr uint64_t MaxSpan = uint64_t(1) << 31;

static Status wrong(const char *what) { return Status::error(what); }

static uint64_t pageDown(uint64_t value) { return value & ~(Page - 1); }
static uint64_t pageUp(uint64_t value) { return pageDown(value + Page - 1); }

static bool readAt(int descriptor, void *to, size_t bytes, uint64_t offset) {
  return pread(descriptor, to, bytes, offset) == static_cast<ssize_t>(bytes);
}

/// Reads the loadable segments of an image; they ascend by whole pages from 0,
/// lie inside the section and are not writable.
static Expected<std::vector<Elf64_Phdr>>
readSegments(int descriptor, uint64_t offset, uint64_t bytes,
             Elf64_Ehdr &header) {
  if (offset % Page != 0 || bytes < sizeof(header) || bytes > MaxSpan)
    return wrong("is not page-aligned or has an absurd size");
  if (!readAt(descriptor, &header, sizeof(header), offset))
    return wrong("cannot be read");
  uint64_t table = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (std::memcmp(header.e_ident, "\177ELF\2\1\1", 7) != 0 ||
      header.e_type != ET_DYN || header.e_machine != EM_X86_64 ||
      header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      header.e_phnum > 16 || table > bytes || header.e_phoff > bytes - table)
    return wrong("is not an x86-64 module");
  std::vector<Elf64_Phdr> all(header.e_phnum), loadable;
  if (!readAt(descriptor, all.data(), table, offset + header.e_phoff))
    return wrong("cannot be read");
  uint64_t end = 0;
  for (const Elf64_Phdr &segment : all) {
    if (segment.p_type == PT_INTERP || segment.p_type == PT_TLS)
      return wrong("asks for a dynamic linker or thread storage");
    if (segment.p_type != PT_LOAD)
      continue;
    if ((segment.p_flags & PF_W) || !(segment.p_flags & PF_R) ||
        segment.p_filesz != segment.p_memsz || segment.p_filesz == 0)
      return wrong("has a writable or zero-filled segment");
    if (segment.p_offset > bytes || segment.p_filesz > bytes - segment.p_offset)
      return wrong("has a segment outside its section");
    if (segment.p_offset % Page != segment.p_vaddr % Page ||
        segment.p_vaddr > MaxSpan || segment.p_memsz > MaxSpan)
      return wrong("has a misplaced segment");
    if (pageDown(segment.p_vaddr) < end ||
        (loadable.empty() && pageDown(segment.p_vaddr) != 0))
      return wrong("has overlapping or displaced segments");
    end = pageUp(segment.p_vaddr + segment.p_memsz);
    loadable.push_back(segment);
  }
  if (loadable.empty())
    return wrong("has no segments");
  return loadable;
}

/// Whether the descriptor lies in a readable segment that is not code.
static bool holdsDescriptor(const std::vector<Elf64_Phdr> &segments,
                            uint64_t entry) {
  if (entry % alignof(Dsv2ModuleDescriptor) != 0)
    return false;
  for (const Elf64_Phdr &segment : segments)
    if (!(segment.p_flags & PF_X) &&
        segment.p_memsz >= sizeof(Dsv2ModuleDescriptor) &&
        entry >= segment.p_vaddr &&
        entry - segment.p_vaddr <=
            segment.p_memsz - sizeof(Dsv2ModuleDescriptor))
      return true;
  return false;
}

Expected<ModuleImage> ModuleImage::map(int descriptor, uint64_t offset,
                                       uint64_t bytes) {
  Elf64_Ehdr header;
  Expected<std::vector<Elf64_Phdr>> segments =
      readSegments(descriptor, offset, bytes, header);
  if (!segments.ok())
    return segments.status();
  if (!holdsDescriptor(*segments, header.e_entry))
    return wrong("has no descriptor at its entry address");

  ModuleImage image;
  const Elf64_Phdr &last = segments->back();
  size_t span = pageUp(last.p_vaddr + last.p_memsz);
  void *room = mmap(nullptr, span, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    return wrong("finds no room in memory");
  image.base = static_cast<char *>(room);
  image.span = span;
  for (const Elf64_Phdr &segment : *segments) {
    uint64_t lead = segment.p_vaddr % Page;
    int protection = PROT_READ | (segment.p_flags & PF_X ? PROT_EXEC : 0);
    if (mmap(image.base + segment.p_vaddr - lead, segment.p_memsz + lead,
             protection, MAP_PRIVATE | MAP_FIXED, descriptor,
             offset + segment.p_offset - lead) == MAP_FAILED)
      return wrong(
          "may not be mapped as code (is its disk mounted noexec?)");
    if (segment.p_flags & PF_X) {
      image.codeBegin = segment.p_vaddr;
      image.codeEnd = segment.p_vaddr + segment.p_memsz;
    }
  }
  image.entry = reinterpret_cast<const Dsv2ModuleDescriptor *>(
      image.base + header.e_entry);
  if (Status status = image.check(); !status.ok())
    return status;
  return image;
}

bool ModuleImage::executable(int32_t offset) const {
  int64_t at = reinterpret_cast<const char *>(entry) - base + offset;
  return at >= static_cast<int64_t>(codeBegin) &&
         at < static_cast<int64_t>(codeEnd);
}

Status ModuleImage::check() const {
  const Dsv2ModuleDescriptor &d = *entry;
  if (d.magic != DSV2_ABI_MAGIC)
    return wrong("has no descriptor at its entry address");
  if (d.abiVersion != DSV2_ABI_VERSION || d.size != sizeof(d))
    return Status::error("speaks version " + std::to_string(d.abiVersion) +
                         " of the interface, expected " +
                         std::to_string(DSV2_ABI_VERSION));
  if (!executable(d.step) || (d.absorbs != 0 && !executable(d.absorbs)))
    return wrong("has an entry point outside its code");
  if (d.elementType != DSV2_F32 && d.elementType != DSV2_BF16)
    return wrong("has an unknown element type");
  constexpr int64_t Million = int64_t(1) << 20;
  constexpr int64_t Absurd = int64_t(1) << 44;
  struct {
    const char *name;
    int64_t value, min, max;
  } fields[] = {
      {"maxTokens", d.maxTokens, 1, Million},
      {"maxSequences", d.maxSequences, 1, Million},
      {"maxOutputs", d.maxOutputs, 1, Million},
      {"maxSpan", d.maxSpan, 1, int64_t(1) << 30},
      {"vocabulary", d.vocabulary, 1, int64_t(1) << 26},
      {"layers", d.layers, 1, 1 << 16},
      {"cacheRowElements", d.cacheRowElements, 1, Million},
      {"weightCount", d.weightCount, 0, 16 * Million},
      {"arenaBytes", d.arenaBytes, 0, Absurd},
      {"scratchBytes", d.scratchBytes, 0, Absurd},
  };
  for (const auto &field : fields)
    if (field.value < field.min || field.value > field.max)
      return Status::error("has " + std::string(field.name) + " = " +
                           std::to_string(field.value) + ", expected " +
                           std::to_string(field.min) + " to " +
                           std::to_string(field.max));
  return Status::success();
}

Dsv2Step ModuleImage::step() const {
  return reinterpret_cast<Dsv2Step>(reinterpret_cast<uintptr_t>(entry) +
                                    entry->step);
}

Dsv2Absorbs ModuleImage::absorbs() const {
  if (entry->absorbs == 0)
    return nullptr;
  return reinterpret_cast<Dsv2Absorbs>(reinterpret_cast<uintptr_t>(entry) +
                                       entry->absorbs);
}

ModuleImage::ModuleImage(ModuleImage &&other)
    : base(std::exchange(other.base, nullptr)), span(other.span),
      codeBegin(other.codeBegin), codeEnd(other.codeEnd), entry(other.entry) {}

ModuleImage::~ModuleImage() {
  if (base)
    munmap(base, span);
}

} // namespace dsv2::bundle
