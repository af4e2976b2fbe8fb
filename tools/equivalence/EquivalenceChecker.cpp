//===- EquivalenceChecker.cpp - Holds every pass to what was there --------===//
//
// An instrumentation of the pass manager. Everything is compared with the
// module as it first was, so that errors cannot hide by adding up.
//
//===----------------------------------------------------------------------===//

#include "tools/equivalence/EquivalenceChecker.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "tools/equivalence/Evaluation.h"

using namespace mlir;
using namespace mlir::dsv2;

class EquivalenceChecker::State {
public:
  explicit State(const EquivalenceOptions &options)
      : options(options), weights(options.seed) {}

  /// Evaluates the module as it is before any pass.
  LogicalResult start(ModuleOp module);
  /// Compares the module after `pass`, when that changed it.
  LogicalResult check(Pass *pass, ModuleOp module);

  /// Drops what belongs to the context.
  void end() { weightProgram = {}; }

  bool started = false, ended = false, diverged = false;
  int64_t evaluations = 0;

private:
  FailureOr<Evaluation> evaluate(ModuleOp module);

  EquivalenceOptions options;
  SeededWeights weights;
  StepSchedule schedule;
  Evaluation expected;
  std::optional<OperationFingerPrint> last;
  OwningOpRef<ModuleOp> weightProgram; // as it last was
};

FailureOr<Evaluation> EquivalenceChecker::State::evaluate(ModuleOp module) {
  // A pass of the pipeline drops the weight program, which is lowered apart.
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("dsv2.weight_program")) {
      weightProgram = ModuleOp::create(module.getLoc());
      weightProgram->push_back(function.clone());
    }
  ++evaluations;
  return evaluateSteps(module, weightProgram.get(), weights, schedule);
}

LogicalResult EquivalenceChecker::State::start(ModuleOp module) {
  started = true;
  if (!isAboveLoops(module)) {
    ended = true;
    return module.emitError("equivalence is checked above loops only");
  }
  FailureOr<StepInterface> step = StepInterface::of(module);
  if (failed(step))
    return failure();
  schedule = makeSchedule(step->batch, step->vocabulary, {options.seed, options.crossPage});
  last.emplace(module);
  FailureOr<Evaluation> before = evaluate(module);
  if (failed(before))
    return failure();
  expected = std::move(*before);
  return success();
}

LogicalResult EquivalenceChecker::State::check(Pass *pass, ModuleOp module) {
  OperationFingerPrint now(module);
  if (ended || now == *last)
    return success();
  last = now;
  if (!isAboveLoops(module)) {
    ended = true;
    return success();
  }
  FailureOr<Evaluation> after = evaluate(module);
  StringRef name = pass->getArgument().empty() ? pass->getName() : pass->getArgument();
  if (failed(after))
    return module.emitError("after ") << name << " the module cannot be evaluated any more";
  auto divergence = findDivergence(expected, *after, schedule, options.tolerance);
  if (!divergence)
    return success();
  diverged = true;
  return emitError(divergence->location) << "after " << name << " " << divergence->text;
}

namespace {
class Instrumentation : public PassInstrumentation {
public:
  explicit Instrumentation(std::shared_ptr<EquivalenceChecker::State> state)
      : state(std::move(state)) {}
  ~Instrumentation() override { state->end(); }

  void runBeforePass(Pass *pass, Operation *op) override {
    if (!state->started && failed(state->start(moduleOf(op))))
      broken = true;
  }

  void runAfterPass(Pass *pass, Operation *op) override {
    if (broken || failed(state->check(pass, moduleOf(op)))) {
      broken = true;
      signalPassFailure(pass);
    }
  }

private:
  static ModuleOp moduleOf(Operation *op) {
    auto module = dyn_cast<ModuleOp>(op);
    return module ? module : op->getParentOfType<ModuleOp>();
  }

  std::shared_ptr<EquivalenceChecker::State> state;
  bool broken = false;
};
} // namespace

EquivalenceChecker::EquivalenceChecker(const EquivalenceOptions &options)
    : state(std::make_shared<State>(options)) {}

EquivalenceChecker::~EquivalenceChecker() = default;

void EquivalenceChecker::attach(PassManager &pm) {
  pm.getContext()->disableMultithreading();
  pm.addInstrumentation(std::make_unique<Instrumentation>(state));
}

bool EquivalenceChecker::hasDiverged() const { return state->diverged; }

int64_t EquivalenceChecker::evaluations() const { return state->evaluations; }
