//===- PipelineCheck.cpp - Whole pipelines on one module ------------------===//
//
// Three evaluations a run.
//
//===----------------------------------------------------------------------===//

#include "test/equivalence/PipelineCheck.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "tools/equivalence/EquivalenceChecker.h"

#include <cmath>

using namespace mlir;
using namespace mlir::dsv2;
using namespace ::dsv2::test;

static constexpr double kTolerance = 1e-9;

namespace {
/// Errors as text.
class Errors {
public:
  explicit Errors(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            llvm::raw_string_ostream(text) << diagnostic.getLocation() << ": " << diagnostic << "\n";
          return success();
        }) {}

  std::string text;

private:
  ScopedDiagnosticHandler handler;
};
} // namespace

PipelineCheck::PipelineCheck(ModuleOp imported, uint64_t seed, bool crossPage)
    : imported(imported), seed(seed), crossPage(crossPage), weights(seed) {
  Errors errors(imported.getContext());
  FailureOr<StepInterface> step = StepInterface::of(imported);
  if (succeeded(step)) {
    schedule = makeSchedule(step->batch, step->vocabulary, {seed, crossPage});
    FailureOr<Evaluation> evaluation = evaluateSteps(imported, {}, weights, schedule);
    if (succeeded(evaluation))
      expected = std::move(*evaluation);
  }
  wrong = errors.text;
  for (const ProbedValue &probe : expected.probes)
    if (llvm::any_of(probe.values, [](double value) { return std::isnan(value); }))
      wrong = "the imported module leaves " + probe.name + " undefined";
}

std::string PipelineCheck::run(const OptimizeOptions &options) {
  if (!wrong.empty())
    return wrong;
  Errors errors(imported.getContext());
  OwningOpRef<ModuleOp> module = imported.clone();
  OwningOpRef<ModuleOp> optimized;
  auto compare = [&](ModuleOp stage, const char *name) -> std::string {
    FailureOr<Evaluation> got =
        evaluateSteps(stage, optimized ? *optimized : ModuleOp(), weights, schedule);
    if (failed(got))
      return (Twine(name) + " stage cannot be evaluated: " + errors.text).str();
    if (auto divergence = findDivergence(expected, *got, schedule, kTolerance))
      return (Twine(name) + " stage: " + divergence->text).str();
    return {};
  };
  PassManager optimize(imported.getContext());
  buildImportedToOptimizedPipeline(optimize, options);
  if (failed(optimize.run(*module)))
    return "optimizing fails: " + errors.text;
  std::string text = compare(*module, "optimized");
  if (text.empty()) {
    optimized = module->clone();
    PassManager plan(imported.getContext());
    buildOptimizedToPlannedPipeline(plan);
    if (failed(plan.run(*module)))
      return "planning fails: " + errors.text;
    text = compare(*module, "planned");
  }
  return text.empty() ? text : text + "\n" + findPass(options);
}

/// Names the pass, by looking after each.
std::string PipelineCheck::findPass(const OptimizeOptions &options) {
  Errors errors(imported.getContext());
  OwningOpRef<ModuleOp> module = imported.clone();
  EquivalenceChecker checker({seed, kTolerance, crossPage});
  PassManager pm(imported.getContext());
  buildImportedToOptimizedPipeline(pm, options);
  buildOptimizedToPlannedPipeline(pm);
  checker.attach(pm);
  (void)pm.run(*module);
  return errors.text;
}
