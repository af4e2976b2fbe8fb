//===- Expect.h - Properties that a fuzz target checks ----------*- C++ -*-===//
//
// A property that does not hold ends the process, which is what a fuzzer calls
// a finding.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_FUZZ_EXPECT_H
#define TEST_FUZZ_EXPECT_H

#include "runtime/io/Status.h"

#include <cstdio>
#include <cstdlib>

inline void expect(bool holds, const char *property) {
  if (holds)
    return;
  fprintf(stderr, "does not hold: %s\n", property);
  abort();
}

/// How often the process was refused something. Replay.cpp asks.
inline size_t refusals = 0;

/// A refusal is one line that a person can read. Returns true when `made` was
/// refused.
template <typename Made> bool refused(const Made &made) {
  if (made.ok())
    return false;
  ++refusals;
  expect(!made.message().empty(), "a refusal says why");
  unsigned char before = 0;
  for (unsigned char c : made.message()) {
    bool control = c < 0x20 || c == 0x7F || (before == 0xC2 && c >= 0x80 && c < 0xA0);
    expect(!control, "a refusal is one line of printable text");
    before = c;
  }
  return true;
}

#endif // TEST_FUZZ_EXPECT_H
