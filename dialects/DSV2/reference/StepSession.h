//===- StepSession.h - Steps of a model, one after another ------*- C++ -*-===//
//
// Binds the arguments of `@step` by their roles, at any stage, and keeps the
// cache between steps.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_STEPSESSION_H
#define DIALECTS_DSV2_REFERENCE_STEPSESSION_H

#include "dialects/DSV2/reference/Interpreter.h"

namespace mlir::dsv2::reference {

/// What a step gives.
struct StepOutput {
  HostArray logits;  // [outputs, vocabulary]
  HostArray choices; // [outputs] of i32; of rank zero where the step makes none
};

class StepSession {
public:
  /// Recognizes the arguments of `step`; the cache gets `pages` pages of
  /// undefined contents.
  static FailureOr<StepSession> create(Interpreter &interpreter, func::FuncOp step,
                                       int64_t pages);

  /// Runs a step over `ids` [tokens].
  FailureOr<StepOutput> run(ArrayRef<int32_t> ids, const BatchValue &batch);

  /// Whether a sequence with so many new tokens after so many cached ones
  /// belongs to the absorbed range, beside `batch` sequences that do anyway: what
  /// the module's function with `dsv2.classifier` says, no without one.
  FailureOr<bool> absorbs(int64_t tokens, int64_t prefix, int64_t batch = 0);

  BatchType batchType() const { return type; }

private:
  enum class Role { Ids, Batch, Cache, Arena, Logits, Choices };

  StepSession(Interpreter &interpreter, func::FuncOp step)
      : interpreter(&interpreter), step(step) {}

  Interpreter *interpreter;
  func::FuncOp step;
  SmallVector<Role> roles; // of the arguments
  BatchType type;
  HostArray cache;
};

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_STEPSESSION_H
