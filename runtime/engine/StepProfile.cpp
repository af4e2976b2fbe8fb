//===- StepProfile.cpp - Where the time of steps goes ---------------------===//
//
// Adds up after the step, so that a barrier costs one look at the clock.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/StepProfile.h"

#include <algorithm>

namespace dsv2::engine {

void StepProfile::beginStep() {
  marks.clear();
  leaveBarrier(0);
}

void StepProfile::endStep() {
  leaveBarrier(0);
  for (size_t i = 1; i < marks.size(); ++i) {
    const Mark &from = marks[i - 1], &to = marks[i];
    auto known = std::find_if(sums.begin(), sums.end(), [&](const Segment &s) {
      return s.from == from.number && s.to == to.number;
    });
    if (known == sums.end())
      known = sums.insert(sums.end(), {from.number, to.number, 0, 0});
    known->seconds += std::chrono::duration<double>(to.time - from.time).count();
    ++known->executions;
  }
  ++stepCount;
}

double StepProfile::seconds() const {
  double sum = 0;
  for (const Segment &segment : sums)
    sum += segment.seconds;
  return sum;
}

} // namespace dsv2::engine
