//===- Memory.cpp - Large allocations -------------------------------------===//
//
// mmap with huge-page advice.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/Memory.h"

#include "runtime/device/ControlGroup.h"

#include <algorithm>
#include <cstdio>
#include <sys/mman.h>
#include <utility>

namespace dsv2::device {

Expected<Memory> Memory::allocate(uint64_t bytes, const char *what) {
  Memory memory;
  if (bytes == 0)
    return memory;
  // Room to begin at a huge page, or its advice would be lost on the ends.
  constexpr uint64_t Huge = 2 << 20;
  bool large = bytes >= Huge;
  uint64_t room = large ? bytes + Huge : bytes;
  void *base = mmap(nullptr, room, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return Status::error(std::string("no memory for the ") + what + ": " +
                         std::to_string(bytes) + " bytes");
  auto *begin = static_cast<uint8_t *>(base);
  if (large) {
    uint64_t lead = (Huge - reinterpret_cast<uintptr_t>(begin) % Huge) % Huge;
    uint64_t kept = (bytes + 4095) / 4096 * 4096;
    if (lead)
      munmap(begin, lead);
    if (room / 4096 * 4096 > lead + kept)
      munmap(begin + lead + kept, room - lead - kept);
    begin += lead;
    madvise(begin, bytes, MADV_HUGEPAGE);
  }
  memory.base = begin;
  memory.size = bytes;
  return memory;
}

Memory::Memory(Memory &&other)
    : base(std::exchange(other.base, nullptr)),
      size(std::exchange(other.size, 0)) {}

Memory &Memory::operator=(Memory &&other) {
  std::swap(base, other.base);
  std::swap(size, other.size);
  return *this;
}

Memory::~Memory() {
  if (base)
    munmap(base, size);
}

uint64_t availableMemory() {
  uint64_t available = 0;
  if (FILE *file = fopen("/proc/meminfo", "re")) {
    char line[128];
    unsigned long long kilobytes;
    while (fgets(line, sizeof(line), file))
      if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1)
        available = kilobytes * 1024;
    fclose(file);
  }
  uint64_t group = controlGroupMemory();
  if (group == 0)
    return available;
  return available ? std::min(available, group) : group;
}

} // namespace dsv2::device
