//===- Memory.h - Large allocations -----------------------------*- C++ -*-===//
//
// Zeroed anonymous memory, page-aligned, in huge pages where the kernel gives
// them; how much of it the machine has to give, and how much this process has.
// Pages that are never touched cost nothing.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_DEVICE_MEMORY_H
#define RUNTIME_DEVICE_MEMORY_H

#include "runtime/io/Status.h"
#include <cstdint>

namespace dsv2::device {

class Memory {
public:
  /// `what` names the allocation in the error. No bytes: data() is null.
  static Expected<Memory> allocate(uint64_t bytes, const char *what);

  Memory() = default;
  Memory(Memory &&other);
  Memory &operator=(Memory &&other);
  ~Memory();

  /// Takes all pages from the kernel now, with `threads` threads, so that no
  /// later access waits for one, or finds none. Errors name `what`.
  Status populate(int threads, const char *what);

  uint8_t *data() const { return base; }
  uint64_t bytes() const { return size; }

private:
  uint8_t *base = nullptr;
  uint64_t size = 0;
};

/// Bytes that this process can still use without swapping: what the kernel
/// calls available, or what the control group leaves. Zero when unknown.
uint64_t availableMemory();

/// What this process has of the machine's memory, in bytes.
struct ResidentMemory {
  uint64_t anonymous = 0; // its own, changed copies of mapped files included
  uint64_t shared = 0;    // shared memory
  uint64_t file = 0;      // mapped files, unchanged
};

/// As the kernel counts it now. Errors: /proc cannot be read.
Expected<ResidentMemory> residentMemory();

/// Gives memory that was freed back to the system.
void returnFreedMemory();

} // namespace dsv2::device

#endif // RUNTIME_DEVICE_MEMORY_H
