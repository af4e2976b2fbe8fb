//===- FuseArgmax.cpp - The greedy choice in the region of the logits -----===//
//
// norm_linears, argmax -> norm_linears choose. The logits keep their other
// readers: they stay a result, and sampling with a temperature needs them.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSEARGMAXPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr llvm::StringLiteral kCategory = "dsv2-fuse-argmax";

struct FuseArgmax : public dsv2::impl::FuseArgmaxPassBase<FuseArgmax> {
  /// What `logits` are a product of; null where they are none.
  static NormLinearsOp getProduct(Value logits) {
    auto op = logits.getDefiningOp<NormLinearsOp>();
    bool normed = op && cast<OpResult>(logits).getResultNumber() < op.getFirstProduct();
    return normed ? NormLinearsOp() : op;
  }

  /// Why a choice from the product stays apart; nothing if it need not.
  static std::optional<StringRef> getObstacle(NormLinearsOp product) {
    if (!product)
      return "its logits are no product that is fused with its norm";
    if (product.getWeights().size() != 1)
      return "its logits are one of several products";
    return std::nullopt;
  }

  /// norm_linears(x, n, (w)), argmax(y) -> norm_linears(x, n, (w)) choose
  void fuse(ArgmaxOp argmax, NormLinearsOp product, IRRewriter &rewriter) {
    SmallVector<Type> types(product->getResultTypes());
    types.push_back(argmax.getResult(0).getType());
    rewriter.setInsertionPoint(product);
    auto fused = NormLinearsOp::create(
        rewriter, rewriter.getFusedLoc({product.getLoc(), argmax.getLoc()}), types, product.getX(),
        product.getDelta(), product.getNorm(), product.getWeights(), /*inits=*/ValueRange{},
        product.getEpsAttr(), rewriter.getUnitAttr());
    remark::passed(argmax.getLoc(), remarkOn(fused, "fused", kCategory))
        << "each thread looks at the logits that it has made";
    rewriter.replaceOp(argmax, fused->getResults().back());
    rewriter.replaceOp(product, fused->getResults().drop_back());
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<ArgmaxOp> choices;
    getOperation().walk([&](ArgmaxOp argmax) { choices.push_back(argmax); });
    for (ArgmaxOp argmax : choices) {
      NormLinearsOp product = getProduct(argmax.getLogits());
      if (!argmax.getInits().empty() || (product && !product.getInits().empty()))
        continue;
      if (std::optional<StringRef> obstacle = getObstacle(product))
        remark::missed(argmax.getLoc(), remarkOn(argmax, "apart", kCategory)) << *obstacle;
      else if (product.getChoose())
        rewriter.replaceOp(argmax, product->getResults().back());
      else
        fuse(argmax, product, rewriter);
    }
  }
};

} // namespace
