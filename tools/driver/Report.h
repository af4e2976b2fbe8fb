//===- Report.h - What the compiler expects of a step -----------*- C++ -*-===//
//
// Predictions for each op of a planned step, the memory it takes and the
// decisions that made it: as JSON (`--report`) and for reading (`--explain`).
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_REPORT_H
#define TOOLS_DRIVER_REPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/cost/StepCost.h"
#include "runtime/bundle/Manifest.h"
#include "runtime/bundle/SegmentTable.h"
#include "runtime/engine/MemoryPlan.h"
#include "tools/driver/RemarkCollector.h"

namespace mlir::dsv2 {

/// One op of the step.
struct ReportedOp {
  std::string name;     // "linear ?x2048 -> ?x3072"
  std::string weight;   // the first of its weights, as the first call has it
  std::string function; // @step or a kind of layer
  int64_t executions;
  int64_t barrier; // number of the barrier before it in its function; 0: none
  /// One execution's, for each workload of the report.
  std::vector<OpCost> costs;
  std::vector<Prediction> predictions;
};

struct Report {
  std::string model;
  TargetModel target;
  std::vector<::dsv2::bundle::Workload> workloads;
  std::vector<ReportedOp> ops; // in the order of a step
  int64_t weightBytes = 0;     // packed
  double cacheBytesPerToken = 0;
  int64_t arenaBytes = 0;
  int64_t barriers = 0; // of one step
  /// What memory plans depend on; scratch of threads is known with the code of
  /// a variant alone, and is left out.
  ::dsv2::engine::MemoryFacts memory;
  std::vector<Decision> decisions;

  /// Seconds of a step of the i-th workload.
  double seconds(size_t workload) const;
};

/// The steps that a report is about: decode of one sequence and of as many as
/// fit, and prefill of as many tokens as fit, without and after 4096 cached
/// tokens where the module's batch allows.
std::vector<::dsv2::bundle::Workload> getReportedWorkloads(ModuleOp planned);

/// The cost model's workload; classified as `planned` does.
Workload getCostWorkload(const ::dsv2::bundle::Workload &workload, ModuleOp planned);

/// What the cost model expects of one execution, for segments.json.
::dsv2::bundle::OpPrediction predictOp(Operation *op, const ::dsv2::bundle::Workload &workload,
                                       const TargetModel &target);

/// The report of a planned module.
Report makeReport(ModuleOp planned, const TargetModel &target, StringRef model,
                  ArrayRef<Decision> decisions);

std::string writeReport(const Report &report);
std::string explainReport(const Report &report);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_REPORT_H
