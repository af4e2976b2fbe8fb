//===- BusErrors.cpp - A file that shrinks while it is mapped -------------===//
//
// The line is made before it is needed; the handler only writes and exits.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/BusErrors.h"

#include <csignal>
#include <cstdio>
#include <unistd.h>

namespace dsv2::bundle {

// A signal handler has no other way to its data.
static const char *rangeBegin, *rangeEnd;
static char line[512];
static size_t lineBytes;

static void onBusError(int signal, siginfo_t *info, void *) {
  auto *address = static_cast<const char *>(info->si_addr);
  bool ours = info->si_code == BUS_ADRERR || info->si_code == BUS_MCEERR_AR;
  if (ours && address >= rangeBegin && address < rangeEnd) {
    ssize_t ignored = write(STDERR_FILENO, line, lineBytes);
    (void)ignored;
    _exit(1);
  }
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
}

void reportBusErrors(const void *memory, size_t bytes,
                     const std::string &name) {
  int length = snprintf(line, sizeof(line),
                        "%.400s: became shorter, or its disk failed, while its "
                        "weights were read; copy it again\n",
                        name.c_str());
  lineBytes = length > 0 ? static_cast<size_t>(length) : 0;
  rangeBegin = static_cast<const char *>(memory);
  rangeEnd = rangeBegin + bytes;
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

} // namespace dsv2::bundle
