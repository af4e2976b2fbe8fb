//===- SpecializeSteps.cpp - Steps in which one range is empty ------------===//
//
// Clones the step and its layers for decode (every sequence absorbed) and for
// prefill (none), and leaves out what then computes no token.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Iterators.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "passes/analysis/CallOrder.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_SPECIALIZESTEPSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr StringLiteral kCategory = "dsv2-specialize-steps";
constexpr StringLiteral kRange = "range";

/// The range of an op that has one, else All.
dsv2::Range getRange(Operation *op) {
  auto range = op->getAttrOfType<RangeAttr>(kRange);
  return range ? range.getValue() : dsv2::Range::All;
}

bool isLimited(Operation *op) {
  return isa<PlannedOpInterface>(op) && getRange(op) != dsv2::Range::All;
}

/// With `full` standing for all tokens and the other range empty:
///   op range = full update outs(%d)  ->  op range = all
///   op range = other update outs(%d) ->  %d
/// An op of the other range without `update` has no user left then.
void narrow(func::FuncOp function, dsv2::Range full, IRRewriter &rewriter) {
  SmallVector<Operation *> limited;
  function.walk([&](Operation *op) {
    if (isLimited(op))
      limited.push_back(op);
  });
  for (Operation *op : limited) {
    auto planned = cast<PlannedOpInterface>(op);
    if (getRange(op) == full) {
      rewriter.modifyOpInPlace(op, [&] {
        op->setAttr(kRange, RangeAttr::get(op->getContext(), dsv2::Range::All));
        if (auto linear = dyn_cast<HeadLinearOp>(op))
          linear.setUpdate(false);
        planned.getInitsMutable().clear();
      });
      continue;
    }
    if (planned.readsInits())
      for (auto [result, init] : llvm::zip(op->getResults(), planned.getInitsMutable()))
        rewriter.replaceAllUsesWith(result, init.get());
  }
}

/// Erases what nothing needs, last op first.
void eraseDead(func::FuncOp function, IRRewriter &rewriter) {
  function.walk<WalkOrder::PostOrder, ReverseIterator>([&](Operation *op) {
    if (isOpTriviallyDead(op))
      rewriter.eraseOp(op);
  });
}

/// Drops the arguments of a private function that it does not use, at its
/// calls too.
void dropUnusedArguments(func::FuncOp function, ArrayRef<func::CallOp> calls) {
  llvm::BitVector unused(function.getNumArguments());
  for (BlockArgument argument : function.getArguments())
    if (argument.use_empty())
      unused.set(argument.getArgNumber());
  for (func::CallOp call : calls)
    call->eraseOperands(unused);
  // Cannot fail: a func.func may lose any argument.
  (void)function.eraseArguments(unused);
}

struct SpecializeSteps : public dsv2::impl::SpecializeStepsPassBase<SpecializeSteps> {
  /// Clones all functions of a step; `@step` becomes `@name`.
  LogicalResult specialize(ArrayRef<func::FuncOp> functions, StringRef name, dsv2::Range full) {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    if (Operation *taken = symbols.lookup(name))
      return taken->emitError("takes the name of a specialized step");
    IRRewriter rewriter(&getContext());
    DenseMap<StringAttr, func::FuncOp> clones;
    DenseMap<Operation *, SmallVector<func::CallOp>> calls;
    SmallVector<func::FuncOp> order;
    for (func::FuncOp function : functions) {
      func::FuncOp clone = function.clone();
      clone.setSymName(function.isPublic() ? name.str()
                                           : (function.getSymName() + "_" + name).str());
      symbols.insert(clone); // renames it where that is taken
      clones[function.getSymNameAttr()] = clone;
      order.push_back(clone);
      clone.walk([&](func::CallOp call) {
        func::FuncOp callee = clones.lookup(call.getCalleeAttr().getAttr());
        if (!callee)
          return;
        call.setCallee(callee.getSymName());
        calls[callee].push_back(call);
      });
    }
    for (func::FuncOp clone : order) {
      narrow(clone, full, rewriter);
      eraseDead(clone, rewriter);
      if (clone.isPrivate())
        dropUnusedArguments(clone, calls[clone]);
    }
    return success();
  }

  void runOnOperation() override {
    auto step = getOperation().lookupSymbol<func::FuncOp>("step");
    if (!step) {
      getOperation().emitError("has no function @step");
      return signalPassFailure();
    }
    SmallVector<func::FuncOp> functions = getStepFunctions(getOperation());
    int64_t limited = 0;
    for (func::FuncOp function : functions) {
      if (function.isPublic() && function != step) {
        function.emitError("is public beside @step: steps are specialized once");
        return signalPassFailure();
      }
      function.walk([&](Operation *op) { limited += isLimited(op); });
    }
    if (limited == 0) {
      remark::missed(step.getLoc(), remarkOn(step, "one-range", kCategory))
          << "no op is limited to a range: all steps are alike";
      return;
    }
    if (failed(specialize(functions, "decode", dsv2::Range::Absorbed)) ||
        failed(specialize(functions, "prefill", dsv2::Range::Expanded)))
      return signalPassFailure();
    remark::passed(step.getLoc(), remarkOn(step, "specialized", kCategory))
        << "specialized for decode and prefill: " + std::to_string(limited) +
               " ops are limited to a range";
  }
};

} // namespace
