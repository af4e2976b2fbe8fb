//===- BypassOps.cpp - Smaller modules of the same kind -------------------===//
//
// Knows types alone: every op whose results could be its operands can go. (The
// reduction tree of mlir-reduce erases ops without regard to their uses, which
// a straight line of data flow hardly ever survives.)
//
//===----------------------------------------------------------------------===//

#include "tools/dsv2-reduce/BypassOps.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Reducer/Tester.h"

using namespace mlir;
using namespace mlir::dsv2;

/// %r = op %a, %b -> %a, where types agree. Whether it could be done.
static bool bypass(Operation *op) {
  SmallVector<Value> values;
  for (Value result : op->getResults()) {
    auto operand = llvm::find_if(op->getOperands(), [&](Value candidate) {
      return candidate.getType() == result.getType() && !llvm::is_contained(values, candidate);
    });
    if (operand == op->operand_end())
      return false;
    values.push_back(*operand);
  }
  op->replaceAllUsesWith(values);
  op->erase();
  return true;
}

namespace {

struct BypassOps : PassWrapper<BypassOps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BypassOps)

  BypassOps() = default;
  BypassOps(const BypassOps &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "dsv2-bypass-ops"; }
  StringRef getDescription() const override {
    return "replaces ops by their operands while the test is interesting";
  }

  bool isInteresting(const Tester &tester, ModuleOp module) {
    return tester.isInteresting(module).first == Tester::Interestingness::True;
  }

  /// Tries on a copy first.
  void reduce(Operation *op, const Tester &tester) {
    if (isOpTriviallyDead(op))
      return op->erase();
    IRMapping mapping;
    OwningOpRef<ModuleOp> copy = cast<ModuleOp>(getOperation()->clone(mapping));
    if (bypass(mapping.lookup(op)) && isInteresting(tester, *copy))
      bypass(op);
  }

  void runOnOperation() override {
    std::vector<std::string> arguments(testerArguments.begin(), testerArguments.end());
    Tester tester(testerName, arguments);
    if (!isInteresting(tester, getOperation())) {
      getOperation().emitError("the test does not find the module interesting: there is nothing "
                               "to reduce");
      return signalPassFailure();
    }
    // Whole layers first; then from the end, so that what is used no more is
    // seen before what it used.
    SmallVector<Operation *> ops;
    getOperation().walk([&](func::CallOp call) { ops.push_back(call); });
    for (Operation *op : ops)
      reduce(op, tester);
    ops.clear();
    getOperation().walk([&](Operation *op) {
      if (isa<PlannedOpInterface, ProbeOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : llvm::reverse(ops))
      reduce(op, tester);
  }

  Option<std::string> testerName{*this, "test",
                                 llvm::cl::desc("Program that judges a file: not zero keeps it.")};
  ListOption<std::string> testerArguments{*this, "test-arg",
                                          llvm::cl::desc("Its arguments before the file.")};
};

} // namespace

void mlir::dsv2::registerBypassOpsPass() { PassRegistration<BypassOps>(); }
