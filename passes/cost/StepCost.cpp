//===- StepCost.cpp - What a whole step costs -----------------------------===//
//
// A walk through all calls.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/StepCost.h"
#include "passes/absorption/Classifier.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

struct StepWalk {
  explicit StepWalk(ModuleOp module) : symbols(module) {}

  void execute(func::FuncOp function) {
    for (Operation &op : function.front()) {
      if (hasOpCost(op.getName())) {
        auto [place, isNew] = index.try_emplace(&op, ops.size());
        if (isNew)
          ops.push_back({&op, 0});
        ++ops[place->second].executions;
      } else if (auto call = dyn_cast<func::CallOp>(op)) {
        if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
          execute(callee);
      }
    }
  }

  SymbolTable symbols;
  std::vector<StepOp> ops;
  DenseMap<Operation *, size_t> index;
};

} // namespace

std::vector<StepOp> mlir::dsv2::getStepOps(func::FuncOp step) {
  StepWalk walk(step->getParentOfType<ModuleOp>());
  walk.execute(step);
  return std::move(walk.ops);
}

bool mlir::dsv2::hasLaunch(Operation *op) {
  if (op->getNumResults())
    return true;
  for (Operation *before = op->getPrevNode(); before; before = before->getPrevNode()) {
    if (isa<BarrierOp>(before))
      return true;
    if (hasOpCost(before->getName()) || isa<func::CallOp>(before))
      return false;
  }
  return false;
}

OpCost mlir::dsv2::getStepCost(ArrayRef<StepOp> ops, const Workload &workload) {
  OpCost total;
  for (const StepOp &part : ops) {
    OpCost cost = *getOpCost(part.op, workload);
    for (double *value : {&cost.weightBytes, &cost.expertBytes, &cost.cacheBytes,
                          &cost.activationBytes, &cost.dotFlops, &cost.vectorFlops})
      *value *= double(part.executions);
    total += cost;
  }
  return total;
}

double mlir::dsv2::getStepSeconds(ArrayRef<StepOp> ops, const Workload &workload,
                                  const TargetModel &target) {
  double seconds = 0;
  for (const StepOp &part : ops)
    seconds += double(part.executions) *
               predict(*getOpCost(part.op, workload), target, hasLaunch(part.op)).seconds;
  return seconds;
}

void mlir::dsv2::classify(Workload &workload, ModuleOp module) {
  func::FuncOp classifier = findClassifier(module);
  if (!classifier)
    return;
  std::optional<bool> absorbed = evaluateClassifier(classifier, int64_t(workload.newTokens),
                                                    int64_t(workload.prefix), /*batch=*/0);
  if (absorbed)
    workload.absorbed = *absorbed;
}
