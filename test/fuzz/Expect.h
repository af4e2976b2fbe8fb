//===- Expect.h - Properties that a fuzz target checks ----------*- C++ -*-===//
//
// A property that does not hold ends the process, which is what a fuzzer calls
// a finding.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_FUZZ_EXPECT_H
#define TEST_FUZZ_EXPECT_H

#include <cstdio>
#include <cstdlib>

inline void expect(bool holds, const char *property) {
  if (holds)
    return;
  fprintf(stderr, "does not hold: %s\n", property);
  abort();
}

#endif // TEST_FUZZ_EXPECT_H
