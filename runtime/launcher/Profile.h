//===- Profile.h - Time of each op, measured beside predicted ---*- C++ -*-===//
//
// What `bench --profile` prints: the segments between barriers, the longest
// first, with the names and predictions of the section segments.json.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_PROFILE_H
#define RUNTIME_LAUNCHER_PROFILE_H

#include "runtime/bundle/SegmentTable.h"
#include "runtime/engine/StepProfile.h"
#include "runtime/io/JsonWriter.h"

namespace dsv2::launcher {

/// A profiled measurement of `bench`.
struct ProfiledSteps {
  bundle::Workload workload; // of each of its steps
  bool predictable = true;   // whether all its steps are of that workload
  int threads = 1;
  const engine::StepProfile *profile = nullptr;
  double seconds = 0; // of all steps, with what lies beside generated code
  double readGbps = 0, peakGflops = 0; // of the machine, measured in the run
};

/// A member of the array `profiles`.
void writeProfile(JsonWriter &json, const bundle::SegmentTable &table,
                  const ProfiledSteps &steps);

/// A heading and a table of its segments.
std::string profileTable(const bundle::SegmentTable &table,
                         const ProfiledSteps &steps);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_PROFILE_H
