//===- StepSchedule.h - Steps that exercise a module ------------*- C++ -*-===//
//
// A few consecutive steps with everything that a server mixes: prefill, decode
// and chunks side by side, sequences that come and go, prefixes in the cache,
// pages out of order, some rows of logits.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_EQUIVALENCE_STEPSCHEDULE_H
#define TOOLS_EQUIVALENCE_STEPSCHEDULE_H

#include "dialects/DSV2/reference/BatchValue.h"

namespace mlir::dsv2 {

struct ScheduledStep {
  std::vector<int32_t> ids; // [tokens]
  reference::BatchValue batch;
};

struct StepSchedule {
  std::vector<ScheduledStep> steps;
  int64_t pages = 0; // of the cache
};

struct ScheduleOptions {
  uint64_t seed = 0;
  /// Whether a sequence grows over the end of its first page, where `type`
  /// permits; costs more than 64 tokens.
  bool crossPage = true;
};

/// Steps within the maxima of `type`, on ids below `vocabulary`. How many
/// sequences are absorbed is drawn too, whatever a classifier would say: a
/// module computes the same either way.
StepSchedule makeSchedule(BatchType type, int64_t vocabulary, const ScheduleOptions &options);

} // namespace mlir::dsv2

#endif // TOOLS_EQUIVALENCE_STEPSCHEDULE_H
