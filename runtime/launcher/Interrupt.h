//===- Interrupt.h - Ctrl-C as a question -----------------------*- C++ -*-===//
//
// While one lives, SIGINT and SIGTERM set a flag and end no program.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_INTERRUPT_H
#define RUNTIME_LAUNCHER_INTERRUPT_H

#include <csignal>

namespace dsv2::launcher {

class InterruptFlag {
public:
  /// What a second signal does that comes before the first has been acted on.
  enum class Second { Nothing, Kills };

  explicit InterruptFlag(Second second);
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag &) = delete;

  bool raised() const { return pending() != 0; }
  /// Whether the program is asked to end, and not only what it is doing.
  bool terminated() const { return pending() == SIGTERM; }
  void clear();
  /// Readable while the flag is raised, for poll; -1 when there is none.
  int descriptor() const;

  /// The signal that raised a flag and was not cleared, also when the flag is
  /// gone: it ended a command. 0: none did.
  static int pending();

private:
  struct sigaction beforeInt, beforeTerm;
};

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_INTERRUPT_H
