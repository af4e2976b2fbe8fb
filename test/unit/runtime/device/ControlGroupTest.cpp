//===- ControlGroupTest.cpp - Limits of containers ------------------------===//
//
// Both versions, on trees of files made for the test.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/ControlGroup.h"
#include "test/unit/runtime/bundle/FakeLauncher.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace dsv2::device;

namespace {
struct Tree : TemporaryFolder {
  void put(const std::string &name, const std::string &text) {
    std::filesystem::path file = path + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
};
} // namespace

TEST(ControlGroup, Version2TakesTheTightestLevel) {
  Tree tree;
  tree.put("/proc/self/cgroup", "0::/a/b\n");
  tree.put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  tree.put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  tree.put("/sys/fs/cgroup/a/b/memory.max", "1000000\n");
  tree.put("/sys/fs/cgroup/a/b/memory.current", "400000\n");
  tree.put("/sys/fs/cgroup/a/b/memory.stat", "anon 5\ninactive_file 100000\n");
  EXPECT_EQ(controlGroupCpus(tree.path), 1.5);
  EXPECT_EQ(controlGroupMemory(tree.path), 700000u);
}

TEST(ControlGroup, Version1) {
  Tree tree;
  tree.put("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n");
  tree.put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  tree.put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  tree.put("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
  tree.put("/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  tree.put("/sys/fs/cgroup/memory/memory.limit_in_bytes",
           "9223372036854771712\n");
  tree.put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "5\n");
  EXPECT_EQ(controlGroupCpus(tree.path), 2);
  EXPECT_EQ(controlGroupMemory(tree.path), 0u);
}

TEST(ControlGroup, NothingToRead) {
  Tree tree;
  EXPECT_EQ(controlGroupCpus(tree.path), 0);
  EXPECT_EQ(controlGroupMemory(tree.path), 0u);
  tree.put("/proc/self/cgroup", "nonsense\n:::\n0::\n");
  tree.put("/sys/fs/cgroup/cpu.max", "x y\n");
  EXPECT_EQ(controlGroupCpus(tree.path), 0);
}
