//===- Memory.h - Large allocations -----------------------------*- C++ -*-===//
//
// Zeroed anonymous memory, page-aligned, in huge pages where the kernel gives
// them, and how much of it the machine has to give. Pages that are never
// touched cost nothing.
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

  uint8_t *data() const { return base; }
  uint64_t bytes() const { return size; }

private:
  uint8_t *base = nullptr;
  uint64_t size = 0;
};

/// Bytes that this process can still use without swapping: what the kernel
/// calls available, or what the control group leaves. Zero when unknown.
uint64_t availableMemory();

} // namespace dsv2::device

#endif // RUNTIME_DEVICE_MEMORY_H
