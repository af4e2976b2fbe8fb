//===- TargetModel.cpp - A machine as the cost model sees it --------------===//
//
// The built-in table. Nominal figures of data sheets; where a machine is what
// it is, `OUT bench --write-target` writes a file that says it better.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/TargetModel.h"

using namespace mlir::dsv2;

double TargetModel::peak(NumberType type) const {
  switch (type) {
  case NumberType::F32:
    return peakF32;
  case NumberType::BF16:
    return peakBF16;
  case NumberType::Int8:
    return peakInt8;
  case NumberType::FP8:
    return peakFP8;
  }
  llvm_unreachable("all types are listed");
}

namespace {

/// One socket of a server part.
struct Socket {
  const char *name;
  int64_t cores;
  double gigahertz; // base clock
  /// FLOP of one core and cycle. int8 counts where the ISA level has it.
  double f32, bf16, int8;
  double memoryGBs;       // channels x transfers x 8 bytes
  double cacheBytesCycle; // of one core, from the last level
  int64_t l1, l2, lastLevel;
};

constexpr int64_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;

// FLOP a cycle from the throughput of FMA, VDPBF16PS and VPDPBUSD (uops.info);
// AMX is not counted, because the generated code does not use it.
constexpr Socket kSockets[] = {
    // EPYC 7763 (Zen 3): 2 FMA of 256 bits; 8 channels of DDR4-3200.
    {"x86-64-v3", 64, 2.45, 32, 32, 32, 204.8, 32, 32 * kKiB, 512 * kKiB, 256 * kMiB},
    // Xeon 8380 (Ice Lake): 2 FMA of 512 bits; 8 channels of DDR4-3200.
    {"x86-64-v4", 40, 2.3, 64, 64, 64, 204.8, 16, 48 * kKiB, 1280 * kKiB, 60 * kMiB},
    // The first CPUs with AVX512_BF16 that are common: as znver4.
    {"avx512bf16", 96, 2.4, 32, 64, 128, 460.8, 32, 32 * kKiB, 1 * kMiB, 384 * kMiB},
    // EPYC 9654: 512 bits in two passes; 12 channels of DDR5-4800.
    {"znver4", 96, 2.4, 32, 64, 128, 460.8, 32, 32 * kKiB, 1 * kMiB, 384 * kMiB},
    // EPYC 9755: 512 bits in one pass; 12 channels of DDR5-6400.
    {"znver5", 128, 2.7, 64, 128, 256, 614.4, 32, 48 * kKiB, 1 * kMiB, 512 * kMiB},
    // Xeon 8480+: VDPBF16PS on one port; 8 channels of DDR5-4800.
    {"sapphirerapids", 56, 2.0, 64, 64, 256, 307.2, 16, 48 * kKiB, 2 * kMiB, 105 * kMiB},
};

TargetModel makeCPU(const Socket &socket) {
  double cycles = double(socket.cores) * socket.gigahertz * 1e9;
  TargetModel target;
  target.name = socket.name;
  target.kind = TargetKind::CPU;
  target.units = socket.cores;
  target.memoryBandwidth = socket.memoryGBs * 1e9;
  target.cacheBandwidth = socket.cacheBytesCycle * cycles;
  target.peakF32 = socket.f32 * cycles;
  target.peakBF16 = socket.bf16 * cycles;
  target.peakInt8 = socket.int8 * cycles;
  target.peakFP8 = target.peakF32; // no instruction
  target.l1Bytes = socket.l1;
  target.l2Bytes = socket.l2;
  target.lastLevelBytes = socket.lastLevel;
  // Assumed: a spinning barrier of a full socket, a few trips across it.
  target.launchSeconds = 1e-6;
  target.memoryBytes = 256 * kGiB;
  return target;
}

/// SXM boards with 132 SMs; peaks are dense (NVIDIA data sheets).
TargetModel makeHopper(const char *name, double terabytes, int64_t memory, double linkGBs) {
  TargetModel target;
  target.name = name;
  target.kind = TargetKind::GPU;
  target.units = 132;
  target.memoryBandwidth = terabytes * 1e12;
  // Measured on an H100, assumed of the others: all SMs read a buffer of 20 to 40
  // MiB over and over.
  target.cacheBandwidth = 7.3e12;
  target.peakF32 = 67e12;
  target.peakBF16 = 989e12;
  target.peakInt8 = target.peakFP8 = 1979e12;
  target.l1Bytes = 256 * kKiB;
  target.l2Bytes = target.lastLevelBytes = 50 * kMiB;
  // Measured on an H100, assumed of the others: a graph of empty kernels, each after
  // the one before, of 132 blocks of 256 threads.
  target.launchSeconds = 1.1e-6;
  target.linkBandwidth = linkGBs * 1e9;
  target.linkLatency = 3e-6; // a small all-reduce of eight
  target.memoryBytes = memory;
  return target;
}

} // namespace

llvm::ArrayRef<TargetModel> mlir::dsv2::getBuiltinTargets() {
  static const std::vector<TargetModel> targets = [] {
    std::vector<TargetModel> result;
    for (const Socket &socket : kSockets)
      result.push_back(makeCPU(socket));
    result.push_back(makeHopper("h800", 3.35, 80'000'000'000, 200));
    result.push_back(makeHopper("h100", 3.35, 80'000'000'000, 450));
    result.push_back(makeHopper("h200", 4.8, 141'000'000'000, 450));
    return result;
  }();
  return targets;
}

const TargetModel *mlir::dsv2::findBuiltinTarget(llvm::StringRef name) {
  for (const TargetModel &target : getBuiltinTargets())
    if (name == target.name)
      return &target;
  return nullptr;
}
