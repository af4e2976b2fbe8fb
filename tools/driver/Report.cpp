//===- Report.cpp - What the compiler expects of a step -------------------===//
//
// Collects the figures; ReportText.cpp prints them.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/Report.h"
#include "passes/analysis/CallOrder.h"
#include "tools/driver/SegmentTableOf.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;

static func::FuncOp getStep(ModuleOp module) { return module.lookupSymbol<func::FuncOp>("step"); }

std::vector<bundle::Workload> mlir::dsv2::getReportedWorkloads(ModuleOp planned) {
  auto batch = cast<BatchType>(getBatchArgument(getStep(planned)).getType());
  std::vector<bundle::Workload> workloads;
  auto add = [&](bool prefill, int64_t tokens, int64_t sequences) {
    for (int64_t depth : {0, 4096})
      if (bundle::Workload workload{prefill, tokens, sequences, depth};
          depth + tokens <= batch.getSpan() && !llvm::is_contained(workloads, workload))
        workloads.push_back(workload);
  };
  add(/*prefill=*/false, 1, 1);
  add(/*prefill=*/false, 1,
      std::min({batch.getSequences(), batch.getTokens(), batch.getOutputs()}));
  add(/*prefill=*/true, std::min(batch.getTokens(), batch.getSpan()), 1);
  return workloads;
}

Workload mlir::dsv2::getCostWorkload(const bundle::Workload &workload, ModuleOp planned) {
  Workload result;
  result.sequences = double(workload.batch);
  result.newTokens = double(workload.tokens);
  result.prefix = double(workload.depth);
  result.outputs = double(workload.batch); // the last token of each
  classify(result, planned);
  return result;
}

bundle::OpPrediction mlir::dsv2::predictOp(Operation *op, const bundle::Workload &workload,
                                           const TargetModel &target) {
  auto module = op->getParentOfType<ModuleOp>();
  OpCost cost = getOpCost(op, getCostWorkload(workload, module)).value_or(OpCost());
  Prediction prediction = predict(cost, target, hasLaunch(op));
  return {cost.bytes(), cost.flops(), prediction.seconds, stringifyBound(prediction.bound).str()};
}

/// The weight behind an operand: its own, or what the first call passes.
static std::string findWeight(Value value, ModuleOp module) {
  if (auto weight = value.getDefiningOp<WeightOp>())
    return weight.getName().str();
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return {};
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function || function.isPublic())
    return {};
  std::string found;
  module.walk([&](func::CallOp call) {
    if (call.getCallee() != function.getName())
      return WalkResult::advance();
    found = findWeight(call.getOperand(argument.getArgNumber()), module);
    return WalkResult::interrupt();
  });
  return found;
}

/// Number of the last barrier before `op` in its function.
static int64_t getBarrier(Operation *op) {
  for (Operation *before = op->getPrevNode(); before; before = before->getPrevNode())
    if (auto barrier = dyn_cast<BarrierOp>(before); barrier && barrier.getNumber())
      return barrier.getNumber();
  return 0;
}

double Report::seconds(size_t workload) const {
  double sum = 0;
  for (const ReportedOp &op : ops)
    sum += double(op.executions) * op.predictions[workload].seconds;
  return sum;
}

Report mlir::dsv2::makeReport(ModuleOp planned, const TargetModel &target, StringRef model,
                              ArrayRef<Decision> decisions) {
  Report report;
  report.model = model.str();
  report.target = target;
  report.decisions.assign(decisions.begin(), decisions.end());
  report.workloads = getReportedWorkloads(planned);
  std::vector<StepOp> ops = getStepOps(getStep(planned));
  for (const StepOp &part : ops) {
    ReportedOp &op = report.ops.emplace_back();
    op.name = describeOp(part.op);
    op.function = part.op->getParentOfType<func::FuncOp>().getName().str();
    op.executions = part.executions;
    op.barrier = getBarrier(part.op);
    for (Value operand : part.op->getOperands())
      if (op.weight.empty())
        op.weight = findWeight(operand, planned);
    for (const bundle::Workload &workload : report.workloads) {
      op.costs.push_back(*getOpCost(part.op, getCostWorkload(workload, planned)));
      op.predictions.push_back(predict(op.costs.back(), target, hasLaunch(part.op)));
    }
  }
  planned.walk([&](WeightOp weight) {
    auto type = cast<ShapedType>(weight.getResult().getType());
    report.weightBytes += type.getNumElements() * type.getElementTypeBitWidth() / 8;
  });
  Workload one{.prefix = 1}, none{};
  report.cacheBytesPerToken =
      getStepCost(ops, one).cacheBytes - getStepCost(ops, none).cacheBytes;
  auto attribute = [&](StringRef name) {
    auto value = planned->getAttrOfType<IntegerAttr>(name);
    return value ? value.getInt() : 0;
  };
  report.arenaBytes = attribute("dsv2.arena_bytes");
  report.barriers = attribute("dsv2.barriers");
  return report;
}
