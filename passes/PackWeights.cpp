//===- PackWeights.cpp - Lay weights out for streaming --------------------===//
//
// linear(x, w) -> linear(x, pack(w)), and likewise for the other products.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/analysis/WeightValues.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

struct PackWeights : public dsv2::impl::PackWeightsPassBase<PackWeights> {
  void runOnOperation() override {
    OpBuilder builder(&getContext());
    WalkResult result = getOperation().walk([&](Operation *op) {
      for (auto [weight, leading] : getStreamedWeights(op)) {
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
