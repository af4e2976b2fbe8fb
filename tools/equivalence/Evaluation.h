//===- Evaluation.h - What a module computes, and where two differ *- C++ -*-===//
//
// Runs `@step` in the reference interpreter over a schedule and keeps the
// value of every probe, the logits and the choices from them. Knows no op:
// whatever the interpreter evaluates is compared.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_EQUIVALENCE_EVALUATION_H
#define TOOLS_EQUIVALENCE_EVALUATION_H

#include "dialects/DSV2/reference/Precision.h"
#include "mlir/IR/BuiltinOps.h"
#include "tools/equivalence/SeededWeights.h"
#include "tools/equivalence/StepSchedule.h"

namespace mlir::dsv2 {

/// Names under which what `@step` gives comes last among the probes of a step.
inline constexpr char kLogitsResult[] = "result", kChoicesResult[] = "choices";

/// The value of one probe in one step.
struct ProbedValue {
  int64_t step;
  std::string name;
  std::optional<int64_t> layer;
  int64_t occurrence; // of this name and layer in this step
  Location location;
  SmallVector<int64_t> shape;
  std::vector<double> values;

  bool sameProbe(const ProbedValue &other) const {
    return step == other.step && name == other.name && layer == other.layer &&
           occurrence == other.occurrence;
  }
};

/// In the order of execution.
struct Evaluation {
  std::vector<ProbedValue> probes;
};

/// Whether the interpreter can evaluate the module: all of it lies above loops.
bool isAboveLoops(ModuleOp module);

/// What a schedule for `@step` needs to know of a module.
struct StepInterface {
  BatchType batch;
  int64_t vocabulary;

  /// A diagnostic when the module has no such function.
  static FailureOr<StepInterface> of(ModuleOp module);
};

/// Evaluates `@step`. `weightProgram` holds the weight program where the
/// module's own is gone; may be null.
FailureOr<Evaluation> evaluateSteps(ModuleOp module, ModuleOp weightProgram,
                                    SeededWeights &weights, const StepSchedule &schedule,
                                    reference::Precision precision = reference::Precision::F64);

/// The first value, in the order of `expected`, that is not what it was.
struct Divergence {
  std::string text; // which probe, where, by how much; no full stop
  Location location;
};

/// Compares row by row: an element may differ by `tolerance` of the largest
/// magnitude in its row. Undefined (NaN) equals only undefined. Another choice
/// than the expected one must be of a logit that may be as large: of the expected
/// logits, both may differ by twice the tolerance. No choice (-1) equals only that.
std::optional<Divergence> findDivergence(const Evaluation &expected, const Evaluation &got,
                                         const StepSchedule &schedule, double tolerance);

} // namespace mlir::dsv2

#endif // TOOLS_EQUIVALENCE_EVALUATION_H
