//===- CostTarget.cpp - The machine that a compilation decides by ---------===//
//
// Units of files are GB/s, GFLOP/s and microseconds; the cost model computes in
// bytes, FLOP and seconds.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/CostTarget.h"
#include "mlir/IR/Diagnostics.h"
#include "runtime/io/File.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;

static constexpr double kGiga = 1e9, kMicro = 1e-6;

static TargetModel modelOf(const bundle::TargetFigures &figures) {
  TargetModel target;
  target.name = figures.name;
  target.kind = figures.kind == "gpu" ? TargetKind::GPU : TargetKind::CPU;
  target.units = figures.units;
  target.memoryBandwidth = figures.memoryGBs * kGiga;
  target.cacheBandwidth = figures.cacheGBs * kGiga;
  target.peakF32 = figures.peakF32 * kGiga;
  target.peakBF16 = figures.peakBF16 * kGiga;
  target.peakInt8 = (figures.peakInt8 ? figures.peakInt8 : figures.peakF32) * kGiga;
  target.peakFP8 = (figures.peakFP8 ? figures.peakFP8 : figures.peakF32) * kGiga;
  target.l1Bytes = figures.l1Bytes;
  target.l2Bytes = figures.l2Bytes;
  target.lastLevelBytes = figures.lastLevelBytes;
  target.launchSeconds = figures.launchMicroseconds * kMicro;
  target.linkBandwidth = figures.linkGBs * kGiga;
  target.linkLatency = figures.linkLatencyMicroseconds * kMicro;
  target.memoryBytes = figures.memoryBytes;
  return target;
}

bundle::TargetFigures mlir::dsv2::figuresOf(const TargetModel &target) {
  bundle::TargetFigures figures;
  figures.name = target.name;
  figures.kind = target.kind == TargetKind::GPU ? "gpu" : "cpu";
  figures.units = target.units;
  figures.memoryGBs = target.memoryBandwidth / kGiga;
  figures.cacheGBs = target.cacheBandwidth / kGiga;
  figures.peakF32 = target.peakF32 / kGiga;
  figures.peakBF16 = target.peakBF16 / kGiga;
  figures.peakInt8 = target.peakInt8 / kGiga;
  figures.peakFP8 = target.peakFP8 / kGiga;
  figures.l1Bytes = target.l1Bytes;
  figures.l2Bytes = target.l2Bytes;
  figures.lastLevelBytes = target.lastLevelBytes;
  figures.launchMicroseconds = target.launchSeconds / kMicro;
  figures.linkGBs = target.linkBandwidth / kGiga;
  figures.linkLatencyMicroseconds = target.linkLatency / kMicro;
  figures.memoryBytes = target.memoryBytes;
  return figures;
}

FailureOr<TargetModel> mlir::dsv2::resolveCostTarget(const std::string &option,
                                                     ArrayRef<std::string> targets,
                                                     ArrayRef<std::string> variants,
                                                     Location loc) {
  if (option.empty()) {
    for (ArrayRef<std::string> names : {targets, variants})
      for (const std::string &name : names)
        if (const TargetModel *target = findBuiltinTarget(name))
          return *target;
    return emitError(loc, "--cost-target: no machine of the table belongs to --target");
  }
  if (const TargetModel *target = findBuiltinTarget(option))
    return *target;
  if (!::dsv2::fileExists(option)) {
    InFlightDiagnostic diag = emitError(loc, "--cost-target: expected a file or ");
    llvm::interleaveComma(getBuiltinTargets(), diag,
                          [&](const TargetModel &target) { diag << target.name; });
    return diag << ", got \"" << option << "\"";
  }
  ::dsv2::Expected<std::string> text = ::dsv2::readFile(option, 1 << 20);
  if (!text.ok())
    return emitError(loc, text.message());
  ::dsv2::Expected<bundle::TargetFigures> figures = bundle::parseTargetFile(*text, option);
  if (!figures.ok())
    return emitError(loc, figures.message());
  return modelOf(*figures);
}
