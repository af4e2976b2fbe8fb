//===- Workers.cpp - Threads that claim work until none is left -----------===//
//
// What is thrown on a thread would end the process, so it ends here.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/Workers.h"

#include <atomic>
#include <exception>
#include <new>
#include <thread>
#include <vector>

namespace dsv2::device {

Status runWorkers(int64_t threads, const std::function<void()> &work) {
  std::atomic<bool> exhausted = false;
  auto guarded = [&] {
    try {
      work();
    } catch (const std::bad_alloc &) {
      exhausted = true;
    }
  };
  std::vector<std::thread> team;
  try {
    for (int64_t i = 1; i < threads; ++i)
      team.emplace_back(guarded);
  } catch (const std::exception &) {
    // No thread or no memory for one more: those that run do the work.
  }
  guarded();
  for (std::thread &thread : team)
    thread.join();
  return exhausted ? Status::error("out of memory") : Status::success();
}

} // namespace dsv2::device
