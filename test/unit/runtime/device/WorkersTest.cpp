#include "runtime/device/Workers.h"

#include <atomic>
#include <gtest/gtest.h>
#include <new>

using namespace dsv2;
using namespace dsv2::device;

TEST(Workers, AllPiecesAreDone) {
  for (int64_t threads : {0, 1, 3}) {
    std::atomic<int> next = 0, done = 0;
    ASSERT_TRUE(runWorkers(threads, [&] {
                  while (next++ < 100)
                    ++done;
                }).ok());
    EXPECT_EQ(done, 100);
  }
}

TEST(Workers, MemoryThatRunsOutOnAThreadIsAnError) {
  std::atomic<int> calls = 0;
  Status status = runWorkers(3, [&] {
    if (++calls == 2)
      throw std::bad_alloc();
  });
  EXPECT_EQ(status.message(), "out of memory");
  EXPECT_EQ(calls, 3);
}
