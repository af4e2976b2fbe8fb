//===- WriteTarget.cpp - bench --write-target -----------------------------===//
//
// Measures this machine with the probes of `bench` and writes what the
// compiler's cost model wants to know of it. Medians of the rounds count.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/TargetFile.h"
#include "runtime/io/File.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/Output.h"
#include "runtime/launcher/Probe.h"

#include <algorithm>
#include <functional>
#include <unistd.h>

namespace dsv2::launcher {

static double medianOf(int64_t rounds, const std::function<double()> &measure) {
  std::vector<double> values;
  for (int64_t round = 0; round < rounds; ++round)
    values.push_back(measure());
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Bytes of a cache, or a usual size where the system does not tell.
static int64_t cacheBytes(int name, int64_t otherwise) {
  long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

Status writeTarget(int threads, const Options &options) {
  Expected<uint64_t> bytes = Probe::bufferBytes();
  if (!bytes.ok())
    return bytes.status();
  Expected<Probe> probe = Probe::create(*bytes);
  if (!probe.ok())
    return probe.status();
  device::ThreadTeam team(threads);
  int64_t rounds = options.benchRounds;
  bundle::TargetFigures figures;
  figures.name = "measured";
  figures.units = team.size();
  figures.l1Bytes = cacheBytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10);
  figures.l2Bytes = std::max(cacheBytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20), figures.l1Bytes);
  figures.lastLevelBytes =
      std::max(cacheBytes(_SC_LEVEL3_CACHE_SIZE, 8 << 20), figures.l2Bytes);
  figures.memoryBytes = std::max<int64_t>(device::availableMemory(), figures.lastLevelBytes + 1);
  figures.memoryGBs = medianOf(rounds, [&] { return probe->readBandwidth(team); });
  // Half of it, more than the private caches hold: other data lives there too.
  uint64_t within = std::max(figures.lastLevelBytes / 2, 2 * figures.l2Bytes);
  figures.cacheGBs = std::max(
      medianOf(rounds, [&] { return probe->rereadBandwidth(team, within); }), figures.memoryGBs);
  figures.peakF32 = medianOf(rounds, [&] { return probe->peakF32(team); });
  figures.peakBF16 =
      std::max(medianOf(rounds, [&] { return probe->peakBF16(team); }), figures.peakF32);
  figures.launchMicroseconds =
      medianOf(rounds, [&] { return probe->barrierSeconds(team); }) * 1e6;
  Expected<OutputFile> file = OutputFile::create(options.writeTarget);
  if (!file.ok())
    return file.status();
  if (Status status = file->write(bundle::writeTargetFile(figures)); !status.ok())
    return status;
  return file->commit();
}

} // namespace dsv2::launcher
