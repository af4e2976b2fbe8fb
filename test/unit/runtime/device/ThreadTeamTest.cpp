//===- ThreadTeamTest.cpp - Barriers and runs -----------------------------===//
//
// Counts what every thread sees after each barrier.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/Memory.h"
#include "runtime/device/Processors.h"
#include "runtime/device/ThreadTeam.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <thread>

using namespace dsv2::device;

TEST(ThreadTeam, BarriersSeparatePhases) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadTeam team(threads);
    ASSERT_EQ(team.size(), threads);
    std::atomic<int> entered = 0, wrong = 0;
    constexpr int Phases = 200;
    for (int run = 0; run < 5; ++run)
      team.run([&](int) {
        for (int phase = 1; phase <= Phases; ++phase) {
          ++entered;
          team.barrier();
          wrong += entered < (run * Phases + phase) * threads;
          team.barrier();
        }
      });
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(entered, 5 * Phases * threads);
  }
}

TEST(ThreadTeam, SleepersWakeAndEveryThreadRunsOnce) {
  ThreadTeam team(4);
  for (int run = 0; run < 3; ++run) {
    // Long enough for idle threads to fall asleep.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> seen[4] = {};
    team.run([&](int thread) {
      if (thread == 2)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      team.barrier();
      ++seen[thread];
    });
    for (std::atomic<int> &count : seen)
      EXPECT_EQ(count, 1);
  }
}

TEST(Processors, AtLeastOne) {
  EXPECT_GE(defaultThreads(), 1);
  EXPECT_LE(defaultThreads(), availableProcessors());
}

TEST(Memory, IsZeroAndAligned) {
  for (uint64_t bytes : {uint64_t(1), uint64_t(4097), uint64_t(5) << 20}) {
    dsv2::Expected<Memory> memory = Memory::allocate(bytes, "test");
    ASSERT_TRUE(memory.ok());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % 64, 0u);
    memory->data()[0] += 1;
    memory->data()[bytes - 1] += 1;
    EXPECT_EQ(memory->data()[0] + memory->data()[bytes - 1],
              bytes == 1 ? 4 : 2);
  }
  EXPECT_FALSE(Memory::allocate(uint64_t(1) << 62, "test").ok());
  EXPECT_GT(availableMemory(), 0u);
}

TEST(Memory, IsResidentOncePopulated) {
  constexpr uint64_t bytes = (uint64_t(70) << 20) + 4097;
  dsv2::Expected<Memory> memory = Memory::allocate(bytes, "test");
  ASSERT_TRUE(memory.ok());
  dsv2::Expected<ResidentMemory> before = residentMemory();
  ASSERT_TRUE(before.ok()) << before.message();
  ASSERT_TRUE(memory->populate(2, "test").ok());
  dsv2::Expected<ResidentMemory> after = residentMemory();
  ASSERT_TRUE(after.ok());
  EXPECT_NEAR(double(after->anonymous - before->anonymous), double(bytes),
              256 << 10);
  EXPECT_GT(after->file, uint64_t(100) << 10);
  EXPECT_EQ(memory->data()[bytes - 1], 0);
}
