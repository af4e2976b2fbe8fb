//===- Processors.cpp - How many threads to use ---------------------------===//
//
// Siblings of one core share its arithmetic units, so a core counts once.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/Processors.h"

#include "runtime/device/ControlGroup.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sched.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dsv2::device {

/// Numbers of the processors within affinity; empty when unknown.
static std::vector<int> affinity() {
  // Machines may have more processors than a cpu_set_t holds.
  constexpr int MaxProcessors = 1 << 15;
  cpu_set_t *set = CPU_ALLOC(MaxProcessors);
  size_t bytes = CPU_ALLOC_SIZE(MaxProcessors);
  CPU_ZERO_S(bytes, set);
  std::vector<int> processors;
  if (sched_getaffinity(0, bytes, set) == 0)
    for (int i = 0; i < MaxProcessors; ++i)
      if (CPU_ISSET_S(i, bytes, set))
        processors.push_back(i);
  CPU_FREE(set);
  return processors;
}

static int readTopology(int processor, const char *name) {
  std::string path = "/sys/devices/system/cpu/cpu" + std::to_string(processor) +
                     "/topology/" + name;
  int value = -1;
  if (FILE *file = fopen(path.c_str(), "re")) {
    if (fscanf(file, "%d", &value) != 1)
      value = -1;
    fclose(file);
  }
  return value;
}

int availableProcessors() {
  return std::max<int>(1, affinity().size());
}

int defaultThreads() {
  std::vector<int> processors = affinity();
  std::set<std::pair<int, int>> cores;
  for (int processor : processors) {
    int core = readTopology(processor, "core_id");
    int package = readTopology(processor, "physical_package_id");
    // Unknown topology: every processor counts as a core.
    cores.insert(core < 0 ? std::pair(-1, processor) : std::pair(package, core));
  }
  int threads = std::max<int>(1, cores.size());
  if (double quota = controlGroupCpus(); quota > 0)
    threads = std::min(threads, std::max(1, static_cast<int>(std::ceil(quota))));
  return threads;
}

} // namespace dsv2::device
