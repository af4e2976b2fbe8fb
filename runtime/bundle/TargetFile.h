//===- TargetFile.h - A machine's figures as JSON ---------------*- C++ -*-===//
//
// What the compiler's cost model knows of a machine, as a file: `OUT bench
// --write-target` measures and writes one, `dsv2-compile --cost-target` reads
// it, and the manifest records the one that a compilation decided by. Both
// directions in one place, so that the keys stay equal.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_TARGETFILE_H
#define RUNTIME_BUNDLE_TARGETFILE_H

#include "runtime/io/JsonCursor.h"
#include "runtime/io/JsonWriter.h"

namespace dsv2::bundle {

/// Figures of a whole machine. A peak of 0 in int8 or fp8 stands for "as f32".
struct TargetFigures {
  std::string name;
  std::string kind = "cpu";  // cpu | gpu
  int64_t units = 0;         // cores or SMs
  double memoryGBs = 0;      // read bandwidth, 1e9 bytes/s
  double cacheGBs = 0;       // from the last-level cache
  double peakF32 = 0, peakBF16 = 0, peakInt8 = 0, peakFP8 = 0; // GFLOP/s
  int64_t l1Bytes = 0, l2Bytes = 0; // of one unit
  int64_t lastLevelBytes = 0;       // of all units
  double launchMicroseconds = 0;    // one kernel launch or barrier
  double linkGBs = 0, linkLatencyMicroseconds = 0; // to other devices; 0: none
  int64_t memoryBytes = 0;

  bool operator==(const TargetFigures &) const = default;
};

/// Appends the figures as one object.
void writeTargetFigures(JsonWriter &json, const TargetFigures &figures);

/// Reads the object at a place. Errors name the field, what was expected and
/// what was found; a field that is unknown is one.
Expected<TargetFigures> readTargetFigures(const JsonCursor &at);

/// Text of a file, and back; `path` is named in errors.
std::string writeTargetFile(const TargetFigures &figures);
Expected<TargetFigures> parseTargetFile(const std::string &text, const std::string &path);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_TARGETFILE_H
