//===- FuseQueryRope.cpp - Turns absorbed queries where they are multiplied ===//
//
// rope, head_linear -> head_linear rope. What is left of the rope is for the
// tokens that are not absorbed.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSEQUERYROPEPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr llvm::StringLiteral kCategory = "dsv2-fuse-query-rope";

struct FuseQueryRope : public dsv2::impl::FuseQueryRopePassBase<FuseQueryRope> {
  /// Whether `user` passes the turned columns of `rope` through.
  static bool canTurn(Operation *user, RopeOp rope) {
    auto linear = dyn_cast<HeadLinearOp>(user);
    return linear && linear.getX() == rope.getResult(0) && !linear.getTable() &&
           2 * cast<ShapedType>(rope.getTable().getType()).getDimSize(1) <=
               int64_t(linear.getThrough());
  }

  /// head_linear(rope(q, t)) -> head_linear(q) rope t; the rope then serves the
  /// tokens that its other readers compute, which must be known to be expanded.
  void fuse(RopeOp rope, IRRewriter &rewriter) {
    SmallVector<HeadLinearOp> linears;
    Value batch;
    bool othersExpanded = true, hasOthers = false;
    Operation *reader = nullptr;
    for (Operation *user : rope.getResult(0).getUsers()) {
      if (canTurn(user, rope)) {
        linears.push_back(cast<HeadLinearOp>(user));
        continue;
      }
      hasOthers = true;
      auto attention = dyn_cast<ExpandedAttentionOp>(user);
      if (attention && attention.getRange() == dsv2::Range::Expanded)
        batch = attention.getBatch();
      else
        othersExpanded = false;
      reader = user;
    }
    auto missed = [&](const Twine &why) {
      remark::missed(rope.getLoc(), remarkOn(rope, "apart", kCategory))
          << why.str();
    };
    if (linears.empty()) {
      if (reader)
        missed(reader->getName().getStringRef() + " reads the turned query itself");
      return;
    }
    if (batch && !DominanceInfo().properlyDominates(batch, rope))
      return missed("the batch is made after the rope");
    if (!othersExpanded)
      return missed(reader->getName().getStringRef() + " reads the turned query of all tokens");
    for (HeadLinearOp linear : linears)
      rewriter.modifyOpInPlace(linear, [&] {
        linear.getXMutable().assign(rope.getX());
        linear.getTableMutable().assign(rope.getTable());
      });
    remark::passed(rope.getLoc(), remarkOn(rope, "fused", kCategory))
        << (hasOthers ? "absorbed queries are turned in the product; the rope is left to the "
                        "expanded range"
                      : "queries are turned in the product");
    if (!hasOthers)
      return rewriter.eraseOp(rope);
    rewriter.modifyOpInPlace(rope, [&] {
      rope.getBatchMutable().assign(batch);
      rope.setRange(dsv2::Range::Expanded);
    });
    // Beside the rope, not behind the attention that waits for it, nor behind
    // the append, whose rows would be taken for the product's result.
    Operation *place = rope->getNextNode();
    for (HeadLinearOp linear : linears)
      if (linear->getBlock() == rope->getBlock() &&
          succeeded(moveOperationDependencies(rewriter, linear, place)))
        rewriter.moveOpBefore(linear, place);
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<RopeOp> ropes;
    getOperation().walk([&](RopeOp rope) {
      if (rope.getInits().empty() && rope.getRange() == dsv2::Range::All &&
          cast<ShapedType>(rope.getX().getType()).getRank() == 3)
        ropes.push_back(rope);
    });
    for (RopeOp rope : ropes)
      fuse(rope, rewriter);
  }
};

} // namespace
