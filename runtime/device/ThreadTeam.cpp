//===- ThreadTeam.cpp - Threads that run one function together ------------===//
//
// Barriers count arrivals; the last thread advances a counter that the others
// watch, first in a loop, then asleep in a futex.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/ThreadTeam.h"

#include "runtime/device/Processors.h"

#include <climits>
#include <exception>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dsv2::device {

static void futex(std::atomic<uint32_t> &word, int operation, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), operation, value,
          nullptr, nullptr, 0);
}

ThreadTeam::ThreadTeam(int wanted) {
  // With more threads than processors, spinning takes time from the thread that
  // is waited for. Otherwise some 50 microseconds, more than between the parts
  // of a step.
  spins = wanted > availableProcessors() ? 16 : 2000;
  // The threads read `count` after their first start.
  for (int i = 1; i < wanted; ++i) {
    try {
      threads.emplace_back([this, i] { loop(i); });
    } catch (const std::exception &) {
      break;
    }
  }
  count = static_cast<int>(threads.size()) + 1;
}

ThreadTeam::~ThreadTeam() {
  task = nullptr;
  signal(start);
  for (std::thread &thread : threads)
    thread.join();
}

void ThreadTeam::wait(Event &event, uint32_t old) {
  for (int i = 0; i < spins; ++i) {
    if (event.value.load(std::memory_order_acquire) != old)
      return;
    __builtin_ia32_pause();
  }
  event.sleepers.fetch_add(1);
  while (event.value.load() == old)
    futex(event.value, FUTEX_WAIT_PRIVATE, old);
  event.sleepers.fetch_sub(1);
}

void ThreadTeam::signal(Event &event) {
  event.value.fetch_add(1);
  if (event.sleepers.load() != 0)
    futex(event.value, FUTEX_WAKE_PRIVATE, INT_MAX);
}

void ThreadTeam::barrier() {
  if (count == 1)
    return;
  uint32_t old = meet.value.load(std::memory_order_acquire);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
    arrived.store(0, std::memory_order_relaxed);
    signal(meet);
  } else {
    wait(meet, old);
  }
}

void ThreadTeam::loop(int thread) {
  for (uint32_t seen = 0;; ++seen) {
    wait(start, seen);
    if (!task)
      return;
    (*task)(thread);
    barrier();
  }
}

void ThreadTeam::run(const std::function<void(int)> &work) {
  if (count > 1) {
    task = &work;
    signal(start);
  }
  work(0);
  barrier();
}

} // namespace dsv2::device
