//===- FuseSiblingLinears.cpp - Products of one input in one region -------===//
//
// linear, linear -> linears: the pieces of all of them are one set of work.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSESIBLINGLINEARSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr llvm::StringLiteral kCategory = "dsv2-fuse-sibling-linears";

/// Blocks of 64 columns: the pieces of a few rows.
int64_t getBlocks(LinearOp linear) {
  int64_t columns = cast<ShapedType>(linear.getResult(0).getType()).getDimSize(1);
  return llvm::divideCeil(columns, kPackedColumns);
}

struct FuseSiblingLinears : public dsv2::impl::FuseSiblingLinearsPassBase<FuseSiblingLinears> {
  /// Siblings that can be computed where the first of them stands.
  static SmallVector<LinearOp> getSiblings(LinearOp first) {
    SmallVector<LinearOp> siblings;
    DominanceInfo dominance;
    for (Operation *user : first.getX().getUsers()) {
      auto linear = dyn_cast<LinearOp>(user);
      if (!linear || linear->getBlock() != first->getBlock() || !linear.getInits().empty())
        continue;
      StringRef obstacle;
      if (linear.getBias())
        obstacle = "a product with a bias is computed by itself";
      else if (!dominance.properlyDominates(linear.getWeight(), first))
        obstacle = "its weight is made after the first product of the same input";
      if (obstacle.empty())
        siblings.push_back(linear);
      else
        remark::missed(linear.getLoc(), remarkOn(linear, "apart", kCategory))
            << obstacle;
    }
    llvm::sort(siblings, [](LinearOp a, LinearOp b) { return a->isBeforeInBlock(b); });
    return siblings;
  }

  /// linear(x, w0), linear(x, w1) -> linears(x, (w0, w1))
  void fuse(ArrayRef<LinearOp> siblings, IRRewriter &rewriter) {
    SmallVector<Location> locations;
    SmallVector<Type> types;
    SmallVector<Value> weights;
    std::string apart;
    int64_t blocks = 0;
    for (LinearOp linear : siblings) {
      locations.push_back(linear.getLoc());
      types.push_back(linear.getResult(0).getType());
      weights.push_back(linear.getWeight());
      blocks += getBlocks(linear);
      apart += (apart.empty() ? "" : " + ") + std::to_string(getBlocks(linear));
    }
    LinearOp first = siblings.front();
    rewriter.setInsertionPoint(first);
    auto fused = LinearsOp::create(rewriter, rewriter.getFusedLoc(locations), types, first.getX(),
                                   weights, /*inits=*/ValueRange{});
    for (auto [linear, result] : llvm::zip_equal(siblings, fused.getResults()))
      rewriter.replaceOp(linear, result);
    remark::passed(fused.getLoc(), remarkOn(fused, "fused", kCategory))
        << std::to_string(siblings.size()) + " products of one input share their " +
               std::to_string(blocks) + " blocks (" + apart + ") among the threads";
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<LinearOp> linears;
    DenseSet<Value> inputs;
    getOperation().walk([&](LinearOp linear) {
      if (linear.getInits().empty() && !linear.getBias() && inputs.insert(linear.getX()).second)
        linears.push_back(linear); // the first of its input
    });
    for (LinearOp first : linears)
      if (SmallVector<LinearOp> siblings = getSiblings(first); siblings.size() > 1)
        fuse(siblings, rewriter);
  }
};

} // namespace
