//===- ControlGroup.cpp - Limits that a container sets --------------------===//
//
// /proc/self/cgroup names the groups; each level up to the root may limit. In a
// container the named path is often not mounted: the root then holds the limit.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/ControlGroup.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace dsv2::device {

/// The first bytes of a small file, or an empty text.
static std::string readSmall(const std::string &path) {
  std::string text;
  if (FILE *file = fopen(path.c_str(), "re")) {
    char buffer[4096];
    text.assign(buffer, fread(buffer, 1, sizeof(buffer), file));
    fclose(file);
  }
  return text;
}

/// A number at the beginning of a file; -1 for "max", -1 or nothing.
static double readNumber(const std::string &path) {
  std::string text = readSmall(path);
  char *end = nullptr;
  double value = strtod(text.c_str(), &end);
  return end == text.c_str() ? -1 : value;
}

/// Calls `visit(folder, isVersion2)` for each level of the group that holds
/// `controller`.
static void
forEachLevel(const std::string &root, const std::string &controller,
             const std::function<void(const std::string &, bool)> &visit) {
  std::string text = readSmall(root + "/proc/self/cgroup");
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    size_t first = line.find(':');
    size_t second = first == std::string::npos ? first
                                               : line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    bool version2 = controllers.empty();
    if (!version2 && ("," + controllers + ",").find("," + controller + ",") ==
                         std::string::npos)
      continue;
    std::vector<std::string> mounts;
    if (version2)
      mounts = {root + "/sys/fs/cgroup", root + "/sys/fs/cgroup/unified"};
    else
      mounts = {root + "/sys/fs/cgroup/" + controller,
                root + "/sys/fs/cgroup/" + controllers};
    for (const std::string &mount : mounts)
      for (std::string level = path == "/" ? "" : path;;) {
        visit(mount + level, version2);
        if (level.empty())
          break;
        size_t slash = level.rfind('/');
        level.resize(slash == std::string::npos ? 0 : slash);
      }
  }
}

double controlGroupCpus(const std::string &root) {
  double cpus = 0;
  forEachLevel(root, "cpu", [&](const std::string &folder, bool version2) {
    double quota = -1, period = -1;
    if (version2) {
      std::string text = readSmall(folder + "/cpu.max");
      if (sscanf(text.c_str(), "%lf %lf", &quota, &period) != 2)
        return;
    } else {
      quota = readNumber(folder + "/cpu.cfs_quota_us");
      period = readNumber(folder + "/cpu.cfs_period_us");
    }
    if (quota > 0 && period > 0)
      cpus = cpus == 0 ? quota / period : std::min(cpus, quota / period);
  });
  return cpus;
}

uint64_t controlGroupMemory(const std::string &root) {
  // Without a limit, version 1 shows a number near 2^63.
  constexpr double Unlimited = 1e18;
  double left = -1;
  forEachLevel(root, "memory", [&](const std::string &folder, bool version2) {
    double limit = readNumber(
        folder + (version2 ? "/memory.max" : "/memory.limit_in_bytes"));
    double used = readNumber(
        folder + (version2 ? "/memory.current" : "/memory.usage_in_bytes"));
    if (limit < 0 || limit > Unlimited || used < 0)
      return;
    // The page cache counts as used and yet can be had.
    std::string statistics = readSmall(folder + "/memory.stat");
    size_t at = statistics.find(version2 ? "\ninactive_file "
                                         : "\ntotal_inactive_file ");
    if (at != std::string::npos)
      used -= strtod(statistics.c_str() + statistics.find(' ', at), nullptr);
    double rest = std::max(1.0, limit - std::max(0.0, used));
    left = left < 0 ? rest : std::min(left, rest);
  });
  return left < 0 ? 0 : static_cast<uint64_t>(left);
}

} // namespace dsv2::device
