//===- Memory.cpp - Large allocations -------------------------------------===//
//
// mmap with huge-page advice.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/Memory.h"

#include "runtime/device/ControlGroup.h"
#include "runtime/device/Workers.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <malloc.h>
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

/// Makes the pages of [begin, begin + bytes) resident. Linux 5.14 does it in
/// one call, and says so when there is no memory.
static bool populateRange(uint8_t *begin, uint64_t bytes) {
#ifndef MADV_POPULATE_WRITE
  constexpr int MADV_POPULATE_WRITE = 23;
#endif
  if (madvise(begin, bytes, MADV_POPULATE_WRITE) == 0)
    return true;
  if (errno != EINVAL)
    return false;
  for (uint64_t at = 0; at < bytes; at += 4096) {
    volatile uint8_t *byte = begin + at;
    *byte = *byte;
  }
  return true;
}

Status Memory::populate(int threads, const char *what) {
  constexpr uint64_t Chunk = 64 << 20;
  std::atomic<uint64_t> next = 0;
  std::atomic<bool> failed = false;
  uint64_t chunks = (size + Chunk - 1) / Chunk;
  Status status = runWorkers(
      static_cast<int64_t>(std::min<uint64_t>(threads, chunks)), [&] {
        for (uint64_t i; !failed && (i = next.fetch_add(1)) < chunks;)
          if (!populateRange(base + i * Chunk, std::min(Chunk, size - i * Chunk)))
            failed = true;
      });
  if (failed)
    return Status::error(std::string("no memory for the ") + what + ": " +
                         std::to_string(size) + " bytes");
  return status;
}

void returnFreedMemory() { malloc_trim(0); }

Expected<ResidentMemory> residentMemory() {
  FILE *file = fopen("/proc/self/smaps_rollup", "re");
  if (!file)
    return Status::error("/proc/self/smaps_rollup: cannot be read");
  ResidentMemory memory;
  uint64_t all = 0;
  char line[256];
  unsigned long long kilobytes;
  while (fgets(line, sizeof(line), file)) {
    if (sscanf(line, "Rss: %llu kB", &kilobytes) == 1)
      all = kilobytes * 1024;
    else if (sscanf(line, "Anonymous: %llu kB", &kilobytes) == 1)
      memory.anonymous = kilobytes * 1024;
    else if (sscanf(line, "Pss_Shmem: %llu kB", &kilobytes) == 1)
      memory.shared = kilobytes * 1024;
  }
  fclose(file);
  memory.file = all - std::min(all, memory.anonymous + memory.shared);
  return memory;
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
