//===- PackWeights.cpp - Lay weights out for streaming --------------------===//
//
// linear(x, w) -> linear(x, pack(w)), and likewise for the other products.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// The operands of `op` that its lowering streams, and the number of leading
/// dimensions (heads, experts) before each matrix.
SmallVector<OpOperand *> getStreamedWeights(Operation *op, int64_t &leading) {
  leading = 1;
  if (auto linear = dyn_cast<LinearOp>(op)) {
    leading = 0;
    return {&linear.getWeightMutable()};
  }
  if (auto linear = dyn_cast<HeadLinearOp>(op))
    return {&linear.getWeightMutable()};
  if (auto linear = dyn_cast<GroupedLinearOp>(op))
    return {&linear.getWeightMutable()};
  if (auto attention = dyn_cast<ExpandedAttentionOp>(op))
    return {&attention.getKeysMutable(), &attention.getValuesMutable()};
  return {};
}

struct PackWeights : public dsv2::impl::PackWeightsPassBase<PackWeights> {
  void runOnOperation() override {
    OpBuilder builder(&getContext());
    WalkResult result = getOperation().walk([&](Operation *op) {
      int64_t leading;
      for (OpOperand *weight : getStreamedWeights(op, leading)) {
        auto type = dyn_cast<RankedTensorType>(weight->get().getType());
        if (!type) {
          op->emitOpError("takes a buffer: weights are packed before bufferization");
          return WalkResult::interrupt();
        }
        if (isPackedWeight(type, leading))
          continue;
        if (!type.getElementType().isBF16() && !type.getElementType().isF32()) {
          op->emitOpError("needs a weight of bf16 or f32, got ") << type;
          return WalkResult::interrupt();
        }
        builder.setInsertionPoint(op);
        weight->set(PackOp::create(builder, op->getLoc(), PackOp::getPackedType(type),
                                   weight->get()));
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
