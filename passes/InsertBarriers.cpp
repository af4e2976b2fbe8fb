//===- InsertBarriers.cpp - Barriers where threads exchange data ----------===//
//
// A forward scan over each function: an op that touches what an earlier op of
// the same phase wrote (or writes what one read) starts a new phase. Callees
// are summarized by what they touch before their first and after their last
// barrier.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/Passes.h"
#include "passes/analysis/MemoryPlan.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_INSERTBARRIERSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// Bytes `[begin, end)` of a function argument or a weight.
struct Access {
  Value root;
  int64_t begin, end;
  bool write;

  bool conflictsWith(const Access &other) const {
    return (write || other.write) && root == other.root && begin < other.end &&
           other.begin < end;
  }
};

using Accesses = SmallVector<Access>;

bool conflict(ArrayRef<Access> before, ArrayRef<Access> after) {
  return llvm::any_of(before, [&](const Access &a) {
    return llvm::any_of(after, [&](const Access &b) { return a.conflictsWith(b); });
  });
}

/// What a function touches before its first and after its last barrier.
struct Summary {
  Accesses entry, exit;
  bool hasBarrier = false;
};

/// Finds the argument or weight under the views that `value` is made of.
Access resolve(Value value, bool write) {
  while (true) {
    if (auto view = value.getDefiningOp<memref::ViewOp>()) {
      // Views of the arena: constant offset, bounded size (dsv2-plan-memory).
      FailureOr<int64_t> bytes = getMaximumBytes(view.getType(), view.getSizes());
      std::optional<int64_t> begin = getConstantIntValue(view.getByteShift());
      if (failed(bytes) || !begin)
        return {view.getSource(), 0, INT64_MAX, write};
      return {view.getSource(), *begin, *begin + *bytes, write};
    }
    auto view = value.getDefiningOp<ViewLikeOpInterface>();
    if (!view)
      return {value, 0, INT64_MAX, write};
    value = view.getViewSource();
  }
}

struct InsertBarriers : public dsv2::impl::InsertBarriersPassBase<InsertBarriers> {
  /// The callee's accesses in terms of the caller's roots.
  Accesses translate(ArrayRef<Access> accesses, func::CallOp call) {
    Accesses result;
    for (Access access : accesses) {
      auto argument = dyn_cast<BlockArgument>(access.root);
      if (!argument) {
        result.push_back(access);
        continue;
      }
      Access outer = resolve(call.getOperand(argument.getArgNumber()), access.write);
      // The arena is handed on whole: the callee's range within it stands.
      if (outer.begin == 0 && outer.end == INT64_MAX)
        outer.begin = access.begin, outer.end = access.end;
      result.push_back(outer);
    }
    return result;
  }

  /// The callee was analysed as if its arguments were apart.
  LogicalResult checkArguments(func::CallOp call) {
    Accesses arguments;
    for (Value operand : call.getOperands())
      if (isa<MemRefType>(operand.getType()))
        arguments.push_back(resolve(operand, /*write=*/true));
    for (auto [i, a] : llvm::enumerate(arguments))
      for (const Access &b : ArrayRef(arguments).drop_front(i + 1))
        if (a.end != INT64_MAX && b.end != INT64_MAX && a.conflictsWith(b))
          return call.emitError("arguments overlap in the arena");
    return success();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    DenseMap<Operation *, Summary> summaries;
    DenseMap<Operation *, int64_t> executed; // barriers of one execution
    int64_t number = 0;
    for (func::FuncOp function : getStepFunctions(module)) {
      Summary &summary = summaries[function];
      Accesses pending;
      for (Operation &op : llvm::make_early_inc_range(function.front())) {
        Accesses entry, exit;
        bool settles = false;
        if (auto call = dyn_cast<func::CallOp>(&op)) {
          Operation *callee = symbols.lookup(call.getCallee());
          const Summary &inner = summaries[callee];
          if (failed(checkArguments(call)))
            return signalPassFailure();
          entry = translate(inner.entry, call);
          exit = inner.hasBarrier ? translate(inner.exit, call) : entry;
          settles = inner.hasBarrier;
          executed[function] += executed[callee];
        } else if (isa<PlannedOpInterface>(&op)) {
          SmallVector<MemoryEffects::EffectInstance> effects;
          cast<MemoryEffectOpInterface>(&op).getEffects(effects);
          for (const auto &effect : effects)
            entry.push_back(resolve(effect.getValue(), isa<MemoryEffects::Write>(effect.getEffect())));
          exit = entry;
        } else {
          continue;
        }
        if (conflict(pending, entry)) {
          OpBuilder b(&op);
          BarrierOp::create(b, op.getLoc(), ++number);
          ++executed[function];
          ++numBarriers;
          pending.clear();
          summary.hasBarrier = true;
        }
        if (!summary.hasBarrier)
          llvm::append_range(summary.entry, entry);
        if (settles) {
          pending.clear();
          summary.hasBarrier = true;
        }
        llvm::append_range(pending, exit);
      }
      summary.exit = pending;
      if (function.isPublic())
        module->setAttr("dsv2.barriers", Builder(&getContext()).getI64IntegerAttr(executed[function]));
    }
  }
};

} // namespace
