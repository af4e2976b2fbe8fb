//===- VerifyOptimized.cpp - The contract of the optimized stage ----------===//
//
// Forms are chosen, weights are slots, what streams is packed.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/analysis/BatchCounts.h"
#include "passes/analysis/CallOrder.h"
#include "passes/analysis/WeightValues.h"

#include <map>

namespace mlir::dsv2 {
#define GEN_PASS_DEF_VERIFYOPTIMIZEDPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

struct VerifyOptimized : public dsv2::impl::VerifyOptimizedPassBase<VerifyOptimized> {
  /// One op of a step.
  LogicalResult check(Operation *op) {
    if (isa<MlaAttentionOp, RouteOp, ExpertMlpOp>(op))
      return op->emitError("optimized stage: op is a definition, its form is not chosen");
    // A reshape makes a weight only of a weight: activations may be static too.
    bool ofWeights = llvm::all_of(op->getOperands(), [](Value operand) {
      return operand.getDefiningOp<WeightOp>();
    });
    bool makesWeight = isWeightOp(op) && (isa<DSV2Dialect>(op->getDialect()) || ofWeights);
    if (makesWeight || isa<StoreWeightOp>(op))
      return op->emitError("optimized stage: belongs into the weight program");
    if (!isa<PlannedOpInterface, ProbeOp, WeightOp, BatchCountOp, tensor::EmptyOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp, arith::ConstantOp, func::CallOp, func::ReturnOp>(op))
      return op->emitError("optimized stage: op is not allowed");
    for (const StreamedWeight &weight : getStreamedWeights(op))
      if (Type type = weight.operand->get().getType();
          !isPackedWeight(cast<ShapedType>(type), weight.leading))
        return op->emitError("optimized stage: weight ") << type << " is not packed";
    for (Value operand : op->getOperands())
      if (isa<MemRefType>(operand.getType()))
        return op->emitError("optimized stage: takes a buffer");
    return success();
  }

  /// The weight program fills each slot once.
  LogicalResult readProgram(func::FuncOp program) {
    if (!program.getBody().hasOneBlock())
      return program.emitError("weight program: expected a body of one block");
    for (Operation &op : program.front()) {
      auto store = dyn_cast<StoreWeightOp>(op);
      if (!store) {
        if (!isWeightOp(&op) && !isa<func::ReturnOp>(op))
          return op.emitError("weight program: op is not allowed");
        continue;
      }
      auto [place, isNew] = slots.insert({store.getSlot(), store});
      if (!isNew) {
        InFlightDiagnostic diag = store.emitError("weight program: slot ")
                                  << store.getSlot() << " is filled a second time";
        diag.attachNote(place->second.getLoc()) << "filled here";
        return diag;
      }
    }
    return success();
  }

  LogicalResult checkSlot(WeightOp weight) {
    auto found = slots.find(weight.getSlot());
    if (found == slots.end())
      return weight.emitError("slot ")
             << weight.getSlot() << " is not filled by the weight program";
    StoreWeightOp store = found->second;
    if (store.getValue().getType() != weight.getType() || store.getName() != weight.getName()) {
      InFlightDiagnostic diag = weight.emitError("slot ")
                                << weight.getSlot() << " holds \"" << store.getName() << "\" of "
                                << store.getValue().getType();
      diag.attachNote(store.getLoc()) << "filled here";
      return diag;
    }
    return success();
  }

  void runOnOperation() override {
    BatchCounts counts(getOperation());
    slots.clear();
    bool ok = true, hasProgram = false;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(kWeightProgramAttr)) {
        hasProgram = true;
        ok &= succeeded(readProgram(function));
      }
    for (func::FuncOp function : getStepFunctions(getOperation())) {
      if (!function.getBody().hasOneBlock()) {
        function.emitError("optimized stage: has branches");
        ok = false;
        continue;
      }
      bool allowed = true;
      for (Operation &op : function.front())
        allowed &= succeeded(check(&op));
      // A module without program gets its table from elsewhere (a test).
      if (hasProgram)
        for (auto weight : function.front().getOps<WeightOp>())
          ok &= succeeded(checkSlot(weight));
      ok &= allowed && succeeded(counts.verify(function));
    }
    if (!ok)
      signalPassFailure();
  }

  // A DenseMap reserves two numbers, and any may stand in a module.
  std::map<uint64_t, StoreWeightOp> slots;
};

} // namespace
