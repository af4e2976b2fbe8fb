//===- Evaluation.cpp - What a module computes, and where two differ ------===//
//
// Both sides run the same steps on the same weights; only the IR differs.
//
//===----------------------------------------------------------------------===//

#include "tools/equivalence/Evaluation.h"
#include "dialects/DSV2/reference/StepSession.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <map>

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

bool mlir::dsv2::isAboveLoops(ModuleOp module) {
  return !module
              .walk([](Operation *op) {
                StringRef dialect = op->getName().getDialectNamespace();
                bool known = llvm::is_contained({"builtin", "func", "dsv2", "tensor", "memref", "arith"},
                                                dialect);
                return known ? WalkResult::advance() : WalkResult::interrupt();
              })
              .wasInterrupted();
}

FailureOr<StepInterface> StepInterface::of(ModuleOp module) {
  auto step = module.lookupSymbol<func::FuncOp>("step");
  if (!step || step.isExternal())
    return module.emitError("expected a function @step, which is what is evaluated");
  StepInterface result{{}, 0};
  for (Type type : step.getArgumentTypes())
    if (auto batch = dyn_cast<BatchType>(type))
      result.batch = batch;
  // Logits are the result, or in destination form the argument, of rank two.
  auto look = [&](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (shaped && shaped.getRank() == 2 && !ShapedType::isDynamic(shaped.getDimSize(1)))
      result.vocabulary = shaped.getDimSize(1);
  };
  llvm::for_each(step.getArgumentTypes(), look);
  llvm::for_each(step.getResultTypes(), look);
  if (!result.batch || result.vocabulary < 1)
    return step.emitError("expected a batch as argument, and logits");
  return result;
}

FailureOr<Evaluation> mlir::dsv2::evaluateSteps(ModuleOp module, ModuleOp weightProgram,
                                                SeededWeights &weights,
                                                const StepSchedule &schedule,
                                                Precision precision) {
  auto step = module.lookupSymbol<func::FuncOp>("step");
  if (!step)
    return module.emitError("expected a function @step, which is what is evaluated");
  Evaluation result;
  int64_t number = 0;
  std::map<std::pair<std::string, std::optional<int64_t>>, int64_t> occurrences;
  auto keep = [&](StringRef name, std::optional<int64_t> layer, Location location,
                  const HostArray &array) {
    result.probes.push_back({number, name.str(), layer, occurrences[{name.str(), layer}]++,
                             location, SmallVector<int64_t>(array.shape()), array.flatten()});
  };
  InterpreterOptions options;
  options.precision = precision;
  options.readCheckpoint = [&](CheckpointOp op) { return weights.checkpoint(op); };
  options.readWeight = [&](WeightOp op) { return weights.slot(op); };
  options.probe = [&](ProbeOp op, std::optional<int64_t> layer, const HostArray &value) {
    keep(op.getName(), layer, op.getLoc(), value);
  };
  Interpreter interpreter(module, options);
  if (failed(interpreter.runWeightProgram(weightProgram ? weightProgram : module)))
    return failure();
  FailureOr<StepSession> session = StepSession::create(interpreter, step, schedule.pages);
  if (failed(session))
    return failure();
  for (const ScheduledStep &each : schedule.steps) {
    occurrences.clear();
    FailureOr<StepOutput> output = session->run(each.ids, each.batch);
    if (failed(output))
      return failure();
    keep(kLogitsResult, {}, step.getLoc(), output->logits);
    if (output->choices.rank())
      keep(kChoicesResult, {}, step.getLoc(), output->choices);
    ++number;
  }
  return result;
}

/// `attention of layer 3 in step 2`
static std::string describe(const ProbedValue &probe) {
  std::string text = probe.name == kLogitsResult    ? std::string("the result of @step")
                     : probe.name == kChoicesResult ? std::string("the choice of @step")
                                                    : llvm::formatv("probe \"{0}\"", probe.name).str();
  if (probe.layer)
    text += llvm::formatv(" of layer {0}", *probe.layer);
  if (probe.occurrence)
    text += llvm::formatv(" ({0} earlier ones of that name)", probe.occurrence);
  return text + llvm::formatv(" in step {0}", probe.step + 1).str();
}

/// The token that row `row` of a value with `rows` rows belongs to.
static std::string describeRow(const ScheduledStep &step, int64_t rows, int64_t row) {
  const BatchValue &batch = step.batch;
  int64_t token = rows == batch.tokens()    ? row
                  : rows == batch.outputs() ? batch.outputRows[row]
                                            : -1;
  std::string text = llvm::formatv("row {0}", row);
  if (token >= 0)
    text += llvm::formatv(" (sequence {0} at position {1}, {2})", batch.sequence[token],
                          batch.positions[token],
                          batch.covers(Range::Absorbed, token) ? "absorbed" : "expanded");
  return text;
}

/// NaN apart.
static double largestMagnitude(ArrayRef<double> values) {
  double largest = 0;
  for (double value : values)
    if (!std::isnan(value))
      largest = std::max(largest, std::abs(value));
  return largest;
}

/// Where two values of one probe differ most, as a share of the row's largest
/// magnitude.
static std::optional<std::string> compare(const ProbedValue &expected, const ProbedValue &got,
                                          const ScheduledStep &step, double tolerance) {
  if (expected.shape != got.shape)
    return "has another shape";
  int64_t rows = expected.shape.empty() ? 1 : expected.shape.front();
  int64_t columns = rows ? int64_t(expected.values.size()) / rows : 0;
  double overall = largestMagnitude(expected.values);
  for (int64_t row = 0; row < rows; ++row) {
    const double *a = &expected.values[row * columns], *b = &got.values[row * columns];
    // A row of rounding errors alone is measured against the others.
    double highest = std::max(overall * 1e-6, largestMagnitude({a, size_t(columns)}));
    double worst = 0;
    int64_t where = 0;
    for (int64_t i = 0; i < columns; ++i) {
      bool undefined = std::isnan(a[i]) || std::isnan(b[i]);
      double difference = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])) ? 0
                          : undefined || highest == 0 ? HUGE_VAL
                                                      : std::abs(a[i] - b[i]) / highest;
      if (difference > worst)
        worst = difference, where = i;
    }
    if (worst <= tolerance)
      continue;
    std::string text;
    llvm::raw_string_ostream(text)
        << "differs at " << describeRow(step, rows, row) << ", column " << where << ": expected "
        << llvm::format("%.9g", a[where]) << ", got " << llvm::format("%.9g", b[where])
        << ", an error of " << llvm::format("%.2g", worst) << " of the row's largest value where "
        << llvm::format("%.2g", tolerance) << " is allowed";
    return text;
  }
  return {};
}

/// Where a choice is of a smaller logit than the expected one, or there is one and
/// should be none.
static std::optional<std::string> compareChoices(const ProbedValue &logits,
                                                 const ProbedValue &expected,
                                                 const ProbedValue &got, const ScheduledStep &step,
                                                 double tolerance) {
  if (expected.shape != got.shape)
    return "has another shape";
  int64_t rows = expected.shape.front();
  int64_t columns = rows ? int64_t(logits.values.size()) / rows : 0;
  double overall = largestMagnitude(logits.values);
  for (int64_t row = 0; row < rows; ++row) {
    ArrayRef<double> of(&logits.values[row * columns], columns);
    double want = expected.values[row], have = got.values[row];
    if (want == have)
      continue;
    auto isColumn = [&](double value) { return value >= 0 && value < double(columns); };
    bool both = isColumn(want) && isColumn(have);
    // Each of the two may have moved.
    if (both && std::abs(of[int64_t(want)] - of[int64_t(have)]) <=
                    2 * tolerance * std::max(overall * 1e-6, largestMagnitude(of)))
      continue;
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "differs at " << describeRow(step, rows, row) << ": expected "
       << llvm::format("%.9g", want) << ", got " << llvm::format("%.9g", have);
    if (both)
      os << ", whose logits are " << llvm::format("%.9g", of[int64_t(want)]) << " and "
         << llvm::format("%.9g", of[int64_t(have)]);
    return text;
  }
  return {};
}

std::optional<Divergence> mlir::dsv2::findDivergence(const Evaluation &expected,
                                                     const Evaluation &got,
                                                     const StepSchedule &schedule,
                                                     double tolerance) {
  // Nearly always in the same order, but a pass may move a probe.
  size_t next = 0;
  const ProbedValue *logits = nullptr; // of the choices that follow
  for (const ProbedValue &probe : expected.probes) {
    auto same = [&](const ProbedValue &other) { return probe.sameProbe(other); };
    auto found = next < got.probes.size() && same(got.probes[next])
                     ? got.probes.begin() + next
                     : llvm::find_if(got.probes, same);
    if (found == got.probes.end())
      return Divergence{describe(probe) + " is gone", probe.location};
    next = found - got.probes.begin() + 1;
    const ScheduledStep &step = schedule.steps[probe.step];
    if (probe.name == kLogitsResult)
      logits = &probe;
    auto text = logits && probe.name == kChoicesResult
                    ? compareChoices(*logits, probe, *found, step, tolerance)
                    : compare(probe, *found, step, tolerance);
    if (text)
      return Divergence{describe(probe) + " " + *text, found->location};
  }
  return {};
}
