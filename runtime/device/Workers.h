//===- Workers.h - Threads that claim work until none is left ---*- C++ -*-===//
//
// For work that threads share without waiting for each other: hashing, packing.
// However few threads the system allows, the work is done.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_DEVICE_WORKERS_H
#define RUNTIME_DEVICE_WORKERS_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <functional>

namespace dsv2::device {

/// Calls `work` on at most `threads` threads, the caller being one of them, and
/// returns when all have returned. `work` claims pieces from a counter that the
/// threads share, so that any number of them completes it. Errors: memory ran
/// out in one of them, and its pieces are not done.
Status runWorkers(int64_t threads, const std::function<void()> &work);

} // namespace dsv2::device

#endif // RUNTIME_DEVICE_WORKERS_H
