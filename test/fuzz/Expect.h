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

/// A refusal is one line that a person can read. Returns true when `made` was
/// refused.
template <typename Made> bool refused(const Made &made) {
  if (made.ok())
    return false;
  expect(!made.message().empty(), "a refusal says why");
  for (unsigned char c : made.message())
    expect(c >= 0x20 && c != 0x7F, "a refusal is one line of printable text");
  return true;
}

#endif // TEST_FUZZ_EXPECT_H
