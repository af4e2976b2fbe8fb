//===- Probe.h - What this machine can do at best ---------------*- C++ -*-===//
//
// Read bandwidth and arithmetic peaks of a number of threads: the yardsticks
// that `bench` prints beside its results.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_PROBE_H
#define RUNTIME_LAUNCHER_PROBE_H

#include "runtime/device/Memory.h"
#include "runtime/device/ThreadTeam.h"

namespace dsv2::launcher {

class Probe {
public:
  /// Bytes of a buffer far larger than the caches. Errors: the machine has too
  /// little memory left.
  static Expected<uint64_t> bufferBytes();
  static Expected<Probe> create(uint64_t bytes);

  /// GB/s of all threads reading the buffer once, each its own part.
  double readBandwidth(device::ThreadTeam &team);
  /// GFLOP/s of fused multiply-adds in f32, in registers.
  double peakF32(device::ThreadTeam &team);
  /// GFLOP/s of bf16 dot products accumulating in f32, in registers; 0 where
  /// the CPU has no such instruction.
  double peakBF16(device::ThreadTeam &team);

  /// GB/s of all threads reading `bytes` of the buffer over and over, each its
  /// own part.
  double rereadBandwidth(device::ThreadTeam &team, uint64_t bytes);
  /// Seconds of one barrier of the team.
  double barrierSeconds(device::ThreadTeam &team);

private:
  device::Memory buffer;
};

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_PROBE_H
