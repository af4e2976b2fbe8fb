//===- StepSegments.cpp - What lies between two barriers ------------------===//
//
// Walks a step as a thread executes it.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/StepSegments.h"
#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

class SegmentCollector {
public:
  explicit SegmentCollector(ModuleOp module) : symbols(module) {}

  std::vector<StepSegment> collect(func::FuncOp step) {
    execute(step);
    endSegment(0);
    return std::move(segments);
  }

private:
  void execute(func::FuncOp function) {
    for (Operation &op : function.front()) {
      if (auto barrier = dyn_cast<BarrierOp>(op)) {
        if (barrier.getNumber())
          endSegment(barrier.getNumber());
      } else if (isa<PlannedOpInterface>(op)) {
        pending.push_back(&op);
      } else if (auto call = dyn_cast<func::CallOp>(op)) {
        if (auto callee = symbols.lookup<func::FuncOp>(call.getCallee()))
          execute(callee);
      }
    }
  }

  void endSegment(int64_t number) {
    auto [place, isNew] = index.try_emplace({last, number}, segments.size());
    if (isNew)
      segments.push_back({last, number, {}});
    SmallVector<SegmentOp> &ops = segments[place->second].ops;
    for (Operation *op : pending) {
      auto known = llvm::find_if(ops, [&](const SegmentOp &other) { return other.op == op; });
      if (known == ops.end())
        ops.push_back({op, 1});
      else
        ++known->executions;
    }
    pending.clear();
    last = number;
  }

  SymbolTable symbols;
  std::vector<StepSegment> segments;
  DenseMap<std::pair<int64_t, int64_t>, size_t> index;
  SmallVector<Operation *> pending; // since barrier `last`
  int64_t last = 0;
};

} // namespace

std::vector<StepSegment> dsv2::getStepSegments(func::FuncOp step) {
  return SegmentCollector(step->getParentOfType<ModuleOp>()).collect(step);
}
