//===- FuseAddNorm.cpp - A sum and the norm that reads it -----------------===//
//
// add, rms_norm -> add_rms_norm: the row is normalized while it is at hand.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSEADDNORMPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr llvm::StringLiteral kCategory = "dsv2-fuse-add-norm";

struct FuseAddNorm : public dsv2::impl::FuseAddNormPassBase<FuseAddNorm> {
  /// Why `norm`, which reads `add`, stays apart; nothing if it need not.
  static std::optional<StringRef> getObstacle(AddOp add, RmsNormOp norm) {
    auto x = cast<ShapedType>(norm.getX().getType());
    if (x.getRank() != 2 ||
        cast<ShapedType>(norm.getWeight().getType()).getDimSize(0) != x.getDimSize(1))
      return "the norm is of leading columns only";
    if (!DominanceInfo().properlyDominates(norm.getWeight(), add))
      return "the norm's weight is made after the sum";
    return std::nullopt;
  }

  /// add(x, d), rms_norm(sum, w) -> add_rms_norm(x, d, w)
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<RmsNormOp> norms;
    getOperation().walk([&](RmsNormOp norm) { norms.push_back(norm); });
    for (RmsNormOp norm : norms) {
      // A sum that was fused with another norm is no add any more.
      auto add = norm.getX().getDefiningOp<AddOp>();
      if (!add || !add.getInits().empty() || !norm.getInits().empty())
        continue;
      if (std::optional<StringRef> obstacle = getObstacle(add, norm)) {
        remark::missed(norm.getLoc(), remarkOn(norm, "apart", kCategory))
            << *obstacle;
        continue;
      }
      Type type = norm.getX().getType();
      rewriter.setInsertionPoint(add);
      auto fused = AddRmsNormOp::create(rewriter, norm.getLoc(), TypeRange{type, type}, add.getLhs(),
                                        add.getRhs(), norm.getWeight(), /*inits=*/ValueRange{},
                                        norm.getEpsAttr());
      rewriter.replaceOp(norm, fused.getResult(1));
      rewriter.replaceOp(add, fused.getResult(0));
      remark::passed(fused.getLoc(), remarkOn(fused, "fused", kCategory))
          << "one pass over rows of " +
                 std::to_string(cast<ShapedType>(type).getDimSize(1)) +
                 " columns instead of two, a barrier less";
    }
  }
};

} // namespace
