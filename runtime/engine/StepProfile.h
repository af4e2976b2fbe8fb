//===- StepProfile.h - Where the time of steps goes -------------*- C++ -*-===//
//
// Thread 0 notes the time at each numbered barrier that it leaves; sums are
// kept for each pair of barriers that follow each other. Generated code has no
// part in it: the runtime exchanges the function that it calls at barriers.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_STEPPROFILE_H
#define RUNTIME_ENGINE_STEPPROFILE_H

#include <chrono>
#include <cstdint>
#include <vector>

namespace dsv2::engine {

class StepProfile {
public:
  /// All time between barriers `from` and `to`, 0 being the beginning or the
  /// end of a step.
  struct Segment {
    int64_t from, to;
    double seconds;
    int64_t executions;
  };

  /// Thread 0, in this order: once, for each barrier, once.
  void beginStep();
  void leaveBarrier(int64_t number) { marks.push_back({number, Clock::now()}); }
  void endStep();

  int64_t steps() const { return stepCount; }
  /// Of all steps, from `beginStep` to `endStep`.
  double seconds() const;
  /// In the order of their first execution.
  const std::vector<Segment> &segments() const { return sums; }
  void clear() { *this = StepProfile(); }

private:
  using Clock = std::chrono::steady_clock;
  struct Mark {
    int64_t number;
    Clock::time_point time;
  };
  std::vector<Mark> marks; // of the step in progress
  std::vector<Segment> sums;
  int64_t stepCount = 0;
};

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_STEPPROFILE_H
