//===- BusErrors.cpp - A file that shrinks while it is mapped -------------===//
//
// Lines are made before they are needed; the handler only writes and exits.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BusErrors.h"

#include <csignal>
#include <cstdio>
#include <unistd.h>

namespace dsv2::bundle {

namespace {
struct Line {
  char text[512];
  size_t bytes = 0;

  void make(const std::string &name) {
    int length = snprintf(text, sizeof(text),
                          "%.400s: became shorter, or its disk failed, while it "
                          "was in use; copy it again\n",
                          name.c_str());
    bytes = length > 0 ? static_cast<size_t>(length) : 0;
  }
};
} // namespace

// A signal handler has no other way to its data.
static Line anyFile, rangeFile;
static const char *rangeBegin, *rangeEnd;

static void onBusError(int signal, siginfo_t *info, void *) {
  // Only mapped files give these.
  if (info->si_code == BUS_ADRERR || info->si_code == BUS_MCEERR_AR) {
    auto *address = static_cast<const char *>(info->si_addr);
    bool named = address >= rangeBegin && address < rangeEnd;
    const Line &line = named ? rangeFile : anyFile;
    ssize_t ignored = write(STDERR_FILENO, line.text, line.bytes);
    (void)ignored;
    _exit(1);
  }
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
}

void endOnBusErrors(const std::string &name) {
  anyFile.make(name);
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

void nameBusErrors(const void *memory, size_t bytes, const std::string &name) {
  rangeFile.make(name);
  rangeBegin = static_cast<const char *>(memory);
  rangeEnd = rangeBegin + bytes;
}

} // namespace dsv2::bundle
