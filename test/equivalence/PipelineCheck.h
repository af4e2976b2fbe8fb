//===- PipelineCheck.h - Whole pipelines on one module ----------*- C++ -*-===//
//
// The fast form of the checks: stages are compared, and single passes only
// where stages differ.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_EQUIVALENCE_PIPELINECHECK_H
#define TEST_EQUIVALENCE_PIPELINECHECK_H

#include "mlir/IR/OwningOpRef.h"
#include "passes/Pipelines.h"
#include "tools/equivalence/Evaluation.h"

namespace dsv2::test {

class PipelineCheck {
public:
  /// Of `imported`, which must outlive the check and stays as it is.
  PipelineCheck(mlir::ModuleOp imported, uint64_t seed, bool crossPage);

  /// Runs a copy to the planned stage, verifying after each pass, and compares
  /// the optimized and the planned stage with the imported one. Returns what is
  /// wrong, or nothing.
  std::string run(const mlir::dsv2::OptimizeOptions &options);

private:
  std::string findPass(const mlir::dsv2::OptimizeOptions &options);

  mlir::ModuleOp imported;
  uint64_t seed;
  bool crossPage;
  mlir::dsv2::SeededWeights weights;
  mlir::dsv2::StepSchedule schedule;
  std::string wrong; // with the imported module itself
  mlir::dsv2::Evaluation expected;
};

} // namespace dsv2::test

#endif // TEST_EQUIVALENCE_PIPELINECHECK_H
