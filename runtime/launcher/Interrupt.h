//===- Interrupt.h - Ctrl-C as a question -----------------------*- C++ -*-===//
//
// While one lives, SIGINT sets a flag and ends no program.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_INTERRUPT_H
#define RUNTIME_LAUNCHER_INTERRUPT_H

#include <csignal>

namespace dsv2::launcher {

class InterruptFlag {
public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag &) = delete;
  InterruptFlag &operator=(const InterruptFlag &) = delete;

  bool raised() const;
  void clear();
  /// Readable while the flag is raised, for poll; -1 when there is none.
  int descriptor() const;

private:
  struct sigaction before;
};

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_INTERRUPT_H
