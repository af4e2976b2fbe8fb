//===- GlibcCompatibility.cpp - Newer glibc functions, replaced -----------===//
//
// A compiled file starts on glibc 2.34. The static parts of the C++ runtime ask
// for two newer functions; hidden definitions of ours keep them out.
//
//===----------------------------------------------------------------------===//

#include <cstring>
#include <link.h>
#include <sys/random.h>

namespace {
struct UnwindQuery {
  ElfW(Addr) address;
  dl_find_object *result;
};
} // namespace

static int visitObject(dl_phdr_info *object, size_t, void *data) {
  auto *query = static_cast<UnwindQuery *>(data);
  ElfW(Addr) frames = 0, low = 0, high = 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = object->dlpi_phdr[i];
    ElfW(Addr) begin = object->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_GNU_EH_FRAME)
      frames = begin;
    if (segment.p_type == PT_LOAD && query->address - begin < segment.p_memsz) {
      low = begin;
      high = begin + segment.p_memsz;
    }
  }
  if (!high || !frames)
    return 0;
  std::memset(query->result, 0, sizeof(*query->result));
  query->result->dlfo_map_start = reinterpret_cast<void *>(low);
  query->result->dlfo_map_end = reinterpret_cast<void *>(high);
  query->result->dlfo_eh_frame = reinterpret_cast<void *>(frames);
  return 1;
}

/// glibc 2.35; libgcc's unwinder takes "no" for an answer and tries nothing
/// else.
extern "C" __attribute__((visibility("hidden"))) int
_dl_find_object(void *address, dl_find_object *result) noexcept {
  UnwindQuery query = {reinterpret_cast<ElfW(Addr)>(address), result};
  return dl_iterate_phdr(visitObject, &query) ? 0 : -1;
}

/// glibc 2.36; std::random_device.
extern "C" __attribute__((visibility("hidden"))) unsigned arc4random() noexcept {
  unsigned value;
  while (getrandom(&value, sizeof(value), 0) != sizeof(value)) {
  }
  return value;
}
