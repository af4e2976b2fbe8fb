//===- Interrupt.cpp - Ctrl-C as a question -------------------------------===//
//
// The handler may run on any thread, so the flag is atomic, and what waits for
// input polls a pipe that the handler writes to.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Interrupt.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace dsv2::launcher {

static std::atomic<int> raisedSignal = 0;
static_assert(std::atomic<int>::is_always_lock_free);
static int ends[2] = {-1, -1}; // of the pipe, made once

static void raiseFlag(int signal) {
  int error = errno, before = 0;
  // SIGTERM outranks SIGINT.
  while (before != SIGTERM &&
         !raisedSignal.compare_exchange_weak(before, signal))
    ;
  if (before == 0 && ends[1] >= 0) {
    ssize_t ignored = write(ends[1], "", 1);
    (void)ignored;
  }
  errno = error;
}

InterruptFlag::InterruptFlag(Second second) {
  if (ends[0] < 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    ends[0] = ends[1] = -1;
  clear();
  struct sigaction action = {};
  action.sa_handler = raiseFlag;
  action.sa_flags = second == Second::Kills ? int(SA_RESETHAND) : 0;
  sigaction(SIGINT, &action, &beforeInt);
  sigaction(SIGTERM, &action, &beforeTerm);
}

InterruptFlag::~InterruptFlag() {
  sigaction(SIGINT, &beforeInt, nullptr);
  sigaction(SIGTERM, &beforeTerm, nullptr);
}

int InterruptFlag::pending() { return raisedSignal; }

void InterruptFlag::clear() {
  char drained[16];
  while (ends[0] >= 0 && read(ends[0], drained, sizeof drained) > 0)
    ;
  raisedSignal = 0;
}

int InterruptFlag::descriptor() const { return ends[0]; }

} // namespace dsv2::launcher
