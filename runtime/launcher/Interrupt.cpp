//===- Interrupt.cpp - Ctrl-C as a question -------------------------------===//
//
// The handler may run on any thread, so the flag is atomic.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Interrupt.h"

#include <atomic>

namespace dsv2::launcher {

static std::atomic<bool> raisedFlag = false;
static_assert(std::atomic<bool>::is_always_lock_free);

static void raiseFlag(int) { raisedFlag = true; }

InterruptFlag::InterruptFlag() {
  raisedFlag = false;
  struct sigaction action = {};
  action.sa_handler = raiseFlag;
  // No SA_RESTART: a read that waits ends.
  sigaction(SIGINT, &action, &before);
}

InterruptFlag::~InterruptFlag() { sigaction(SIGINT, &before, nullptr); }

bool InterruptFlag::raised() const { return raisedFlag; }

void InterruptFlag::clear() { raisedFlag = false; }

} // namespace dsv2::launcher
