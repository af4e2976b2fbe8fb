//===- EquivalenceChecker.h - Holds every pass to what was there *- C++ -*-===//
//
// Evaluates a module before the first pass and after each that changes it.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_EQUIVALENCE_EQUIVALENCECHECKER_H
#define TOOLS_EQUIVALENCE_EQUIVALENCECHECKER_H

#include "mlir/Pass/PassManager.h"

namespace mlir::dsv2 {

struct EquivalenceOptions {
  uint64_t seed = 0;       // of weights and steps
  double tolerance = 1e-9; // of f64, as a share of a row's largest value
  bool crossPage = true;   // see ScheduleOptions
};

/// The checks of one run of a pass manager on one module.
class EquivalenceChecker {
public:
  explicit EquivalenceChecker(const EquivalenceOptions &options);
  ~EquivalenceChecker();

  /// Has every pass of `pm` checked: a pass after which a probe differs fails,
  /// with a diagnostic that names the pass and the first such probe. Turns
  /// threading of the context off, as the module is evaluated between passes.
  /// Below the planned stage nothing is checked any more.
  void attach(PassManager &pm);

  /// Whether a pass was caught. Other failures, of a pass itself or of the
  /// interpreter, do not count.
  bool hasDiverged() const;

  /// Evaluations so far, the first included.
  int64_t evaluations() const;

  class State;

private:
  std::shared_ptr<State> state; // with the instrumentation
};

} // namespace mlir::dsv2

#endif // TOOLS_EQUIVALENCE_EQUIVALENCECHECKER_H
