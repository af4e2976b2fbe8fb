//===- VerifyPlanned.cpp - The contract of the planned stage --------------===//
//
// Buffers only, nothing copied, nothing allocated beside the arena.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/Passes.h"
#include "passes/analysis/CallOrder.h"
#include "passes/analysis/WeightValues.h"

#include <map>

namespace mlir::dsv2 {
#define GEN_PASS_DEF_VERIFYPLANNEDPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

/// What the runtime takes of a module. Code computes addresses of slots in 32 bits.
static constexpr uint64_t kMaxSlots = uint64_t(1) << 24;

namespace {

struct VerifyPlanned : public dsv2::impl::VerifyPlannedPassBase<VerifyPlanned> {
  LogicalResult check(Operation *op) {
    if (isa<memref::CopyOp>(op))
      return op->emitError("planned stage: bufferization inserted a copy");
    if (isa<memref::AllocOp, memref::AllocaOp, memref::DeallocOp>(op))
      return op->emitError("planned stage: allocates beside the arena");
    if (!isa<PlannedOpInterface, ProbeOp, WeightOp, BatchCountOp, BarrierOp, func::CallOp, func::ReturnOp,
             arith::ConstantOp, ViewLikeOpInterface>(op))
      return op->emitError("planned stage: op is not allowed");
    if (auto weight = dyn_cast<WeightOp>(op); weight && weight.getSlot() >= kMaxSlots)
      return op->emitError("planned stage: expected a slot below ")
             << kMaxSlots << ", got " << int64_t(weight.getSlot());
    for (Type type : op->getResultTypes()) {
      if (isa<TensorType>(type))
        return op->emitError("planned stage: makes a tensor");
      auto memref = dyn_cast<MemRefType>(type);
      if (memref && !memref.getLayout().isIdentity())
        return op->emitError("planned stage: layout is not the identity: ") << memref;
    }
    return success();
  }

  void runOnOperation() override {
    bool ok = true;
    std::map<int64_t, BarrierOp> numbered; // a DenseMap reserves two numbers
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kWeightProgramAttr)) {
        function.emitError("planned stage: the weight program is still there");
        ok = false;
      }
    for (func::FuncOp function : getStepFunctions(getOperation())) {
      if (function.getNumResults()) {
        function.emitError("planned stage: returns values");
        ok = false;
      }
      function.front().walk([&](Operation *op) { ok &= succeeded(check(op)); });
      function.front().walk([&](BarrierOp barrier) {
        int64_t number = barrier.getNumber();
        if (number && !numbered.try_emplace(number, barrier).second) {
          barrier.emitError("planned stage: another barrier has number ") << number;
          ok = false;
        }
      });
    }
    if (!ok)
      signalPassFailure();
  }
};

} // namespace
