//===- PlanMemory.cpp - Temporaries become views of one arena -------------===//
//
// Applies a MemoryPlan.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "passes/analysis/MemoryPlan.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

struct PlanMemory : public dsv2::impl::PlanMemoryPassBase<PlanMemory> {
  /// Results of an entry point that are its own arguments carry nothing new
  /// (`drop-equivalent-buffer-results` leaves public functions alone).
  void dropArgumentResults(func::FuncOp function) {
    auto terminator = cast<func::ReturnOp>(function.front().getTerminator());
    BitVector drop(function.getNumResults());
    for (auto [i, value] : llvm::enumerate(terminator.getOperands()))
      if (isa<BlockArgument>(value))
        drop.set(i);
    for (int i = drop.find_last(); i >= 0; i = drop.find_prev(i))
      terminator.getOperandsMutable().erase(i);
    (void)function.eraseResults(drop);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> functions = getStepFunctions(module);
    for (func::FuncOp function : functions)
      if (function.isPublic())
        dropArgumentResults(function);
    FailureOr<MemoryPlan> plan = MemoryPlan::compute(module);
    if (failed(plan))
      return signalPassFailure();

    OpBuilder b(&getContext());
    auto arenaType = MemRefType::get({plan->arenaBytes}, b.getI8Type());
    module->setAttr("dsv2.arena_bytes", b.getI64IntegerAttr(plan->arenaBytes));
    auto arenaAttr = b.getDictionaryAttr({b.getNamedAttr("dsv2.arena", b.getUnitAttr())});
    for (func::FuncOp function : functions) {
      PlannedFrame &frame = plan->frames[function];
      remark::analysis(function.getLoc(), remarkOn(function, "MemoryPlan", "dsv2-plan-memory"))
          << llvm::formatv("frame of {0} bytes at {1} for {2} temporaries; live peak {3} bytes",
                           frame.end - frame.base, frame.base, frame.buffers.size(), frame.livePeak)
                 .str();
      if (function.isPublic())
        remark::analysis(function.getLoc(), remarkOn(function, "Arena", "dsv2-plan-memory"))
            << llvm::formatv("arena of {0} bytes; what is live at one time takes {1}, {2:P1} of it",
                             plan->arenaBytes, frame.lowerBound,
                             plan->arenaBytes ? double(frame.lowerBound) / double(plan->arenaBytes)
                                              : 1.0)
                   .str();
      (void)function.insertArgument(0, arenaType, arenaAttr, function.getLoc());
      Value arena = function.getArgument(0);
      for (auto call : function.front().getOps<func::CallOp>())
        call->insertOperands(0, arena);
      for (PlannedBuffer &buffer : frame.buffers) {
        b.setInsertionPoint(buffer.alloc);
        Location loc = buffer.alloc.getLoc();
        Value offset = arith::ConstantIndexOp::create(b, loc, buffer.offset);
        Value view = memref::ViewOp::create(b, loc, buffer.alloc.getType(), arena, offset,
                                            buffer.alloc.getDynamicSizes());
        buffer.alloc.replaceAllUsesWith(view);
        buffer.alloc.erase();
      }
    }
  }
};

} // namespace
