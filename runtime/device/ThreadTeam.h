//===- ThreadTeam.h - Threads that run one function together ----*- C++ -*-===//
//
// Steps are SPMD: every thread runs the same function with its own number and
// meets the others at barriers. Waiting spins briefly and then sleeps, so that
// an idle team costs nothing. Which thread does what never depends on time.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_DEVICE_THREADTEAM_H
#define RUNTIME_DEVICE_THREADTEAM_H

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace dsv2::device {

class ThreadTeam {
public:
  /// `threads` at least 1; the caller of `run` is one of them. Fewer when the
  /// system refuses to make as many: see `size`.
  explicit ThreadTeam(int threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam &) = delete;
  ThreadTeam &operator=(const ThreadTeam &) = delete;

  int size() const { return count; }

  /// Calls work(thread) on every thread, 0 being the caller, and returns when
  /// all have returned. `work` must not throw.
  void run(const std::function<void(int)> &work);

  /// Returns when all threads have called it; only inside `run`.
  void barrier();

private:
  /// A counter that threads wait on.
  struct alignas(64) Event {
    std::atomic<uint32_t> value = 0;
    std::atomic<uint32_t> sleepers = 0;
  };
  void wait(Event &event, uint32_t old);
  void signal(Event &event);
  void loop(int thread);

  int count = 1;
  int spins;
  Event start;  // one more for each run
  Event meet;   // one more for each barrier that everyone reached
  alignas(64) std::atomic<int> arrived = 0;
  const std::function<void(int)> *task = nullptr; // null ends the threads
  std::vector<std::thread> threads;
};

} // namespace dsv2::device

#endif // RUNTIME_DEVICE_THREADTEAM_H
