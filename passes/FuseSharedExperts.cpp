//===- FuseSharedExperts.cpp - Shared experts beside the routed ones ------===//
//
// Finds the add of both kinds' outputs and joins their ops, pair by pair.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSESHAREDEXPERTSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

static constexpr llvm::StringLiteral kCategory = "dsv2-fuse-shared-experts";

namespace {

/// The ops of routed and shared experts.
struct Experts {
  GroupedCombineOp combine;
  GroupedGatedLinearOp gated;
  LinearOp sharedDown;
  GatedLinearOp sharedGated;
};

/// Completes `e`, which has its last ops; why it cannot be joined, or nothing.
StringRef findRest(Experts &e) {
  e.gated = e.combine.getX().getDefiningOp<GroupedGatedLinearOp>();
  e.sharedGated = e.sharedDown.getX().getDefiningOp<GatedLinearOp>();
  if (!e.gated || !e.sharedGated)
    return "gate, up and SwiGLU are not fused";
  if (e.combine.getSharedX() || e.gated.getSharedGate())
    return "other shared experts are there already";
  if (e.sharedDown.getBias())
    return "a bias is added";
  if (e.gated.getX() != e.sharedGated.getX())
    return "routed and shared experts have different inputs";
  if (!e.combine->hasOneUse() || !e.sharedDown->hasOneUse() || !e.gated->hasOneUse() ||
      !e.sharedGated->hasOneUse())
    return "a part has another use";
  if (e.combine.getResultTypes() != e.sharedDown.getResultTypes())
    return "routed and shared experts differ in type";
  return {};
}

/// Both kinds of experts as of `e`, in front of `op`; the sum of their outputs.
Value join(AddOp op, const Experts &e, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(op);
  GroupedGatedLinearOp oldGated = e.gated;
  Type types[] = {oldGated.getResult(0).getType(), e.sharedGated->getResult(0).getType()};
  auto gated = GroupedGatedLinearOp::create(
      rewriter, oldGated.getLoc(), types, oldGated.getX(), oldGated.getOffsets(),
      oldGated.getOrder(), oldGated.getGate(), oldGated.getUp(), e.sharedGated->getOperand(1),
      e.sharedGated->getOperand(2), oldGated.getExperts(), /*inits=*/ValueRange(),
      oldGated.getUnsortedTokensAttr());
  GroupedCombineOp old = e.combine;
  auto combine = GroupedCombineOp::create(
      rewriter, old.getLoc(), old.getResultTypes(), gated.getResult(0), old.getOffsets(),
      old.getOrder(), old.getWeights(), old.getDown(), gated.getResult(1),
      e.sharedDown->getOperand(1), old.getExperts(), /*inits=*/ValueRange(),
      old.getUnsortedTokensAttr());
  return combine.getResult(0);
}

struct FuseSharedExperts
    : public dsv2::impl::FuseSharedExpertsPassBase<FuseSharedExperts> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<AddOp> ops(getOperation().getOps<AddOp>());
    for (AddOp op : ops) {
      if (!op.getInits().empty())
        continue;
      Experts experts;
      for (auto [routed, shared] :
           {std::pair(op.getLhs(), op.getRhs()), std::pair(op.getRhs(), op.getLhs())})
        if (auto combine = routed.getDefiningOp<GroupedCombineOp>())
          if (auto linear = shared.getDefiningOp<LinearOp>())
            experts.combine = combine, experts.sharedDown = linear;
      if (!experts.combine)
        continue; // a sum of something else
      if (StringRef obstacle = findRest(experts); !obstacle.empty()) {
        remark::missed(op.getLoc(), remarkOn(op, "shared", kCategory))
            << obstacle;
        continue;
      }
      auto type = cast<ShapedType>(op.getResult(0).getType());
      int64_t columns = type.getShape().back();
      int64_t width = cast<ShapedType>(experts.sharedGated.getResult(0).getType()).getDimSize(1);
      // Both outputs are written once and read once.
      int64_t bytes = 4 * columns * type.getElementTypeBitWidth() / 8;
      remark::passed(op.getLoc(), remarkOn(op, "shared", kCategory))
          << llvm::formatv("shared experts of {0} columns join the routed ones, {1} bytes of "
                           "activations less for each token",
                           width, bytes)
                 .str();
      rewriter.replaceOp(op, join(op, experts, rewriter));
      for (Operation *old : {experts.combine.getOperation(), experts.gated.getOperation(),
                             experts.sharedDown.getOperation(), experts.sharedGated.getOperation()})
        rewriter.eraseOp(old);
    }
  }
};

} // namespace
