//===- FuseCombine.cpp - Sum experts' outputs while they are made ---------===//
//
// The down-projection of sorted rows, and the weighted sum that alone reads it.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSECOMBINEPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

static constexpr llvm::StringLiteral kCategory = "dsv2-fuse-combine";

namespace {

/// Why `op` cannot sum while `product` is made, or nothing.
StringRef getObstacle(CombineOp op, GroupedLinearOp product) {
  if (!product)
    return "its rows are not those of a grouped_linear";
  if (!product->hasOneUse())
    return "the product has another use";
  if (cast<ShapedType>(product.getX().getType()).getRank() != 3)
    return "the product's input is not sorted";
  auto dispatch = op.getPlaces().getDefiningOp<DispatchOp>();
  if (!dispatch || op.getPlaces() != dispatch->getResult(2) ||
      product.getOffsets() != dispatch->getResult(0) ||
      product.getOrder() != dispatch->getResult(1))
    return "the rows are not in the order of one dispatch";
  Type type = cast<ShapedType>(product.getX().getType()).getElementType();
  if (cast<ShapedType>(op.getResult(0).getType()).getElementType() != type ||
      cast<ShapedType>(product.getResult(0).getType()).getElementType() != type)
    return "the result has another element type than the input";
  return {};
}

struct FuseCombine : public dsv2::impl::FuseCombinePassBase<FuseCombine> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<CombineOp> ops(getOperation().getOps<CombineOp>());
    for (CombineOp op : ops) {
      if (!op.getInits().empty())
        continue;
      auto product = op.getY().getDefiningOp<GroupedLinearOp>();
      if (StringRef obstacle = getObstacle(op, product); !obstacle.empty()) {
        remark::missed(op.getLoc(), remarkOn(op, "combine", kCategory))
            << obstacle;
        continue;
      }
      auto type = cast<ShapedType>(op.getY().getType());
      int64_t choices = type.getDimSize(1), columns = type.getDimSize(2);
      // Each row is written once and read once.
      int64_t bytes = 2 * choices * columns * type.getElementTypeBitWidth() / 8;
      remark::passed(op.getLoc(), remarkOn(op, "combine", kCategory))
          << llvm::formatv("{0} rows of {1} columns are summed while they are made, {2} bytes "
                           "of activations less for each token",
                           choices, columns, bytes)
                 .str();
      // combine(grouped_linear(h, o, r, down), p, w) -> grouped_combine(h, o, r, w, down)
      rewriter.setInsertionPoint(op);
      rewriter.replaceOpWithNewOp<GroupedCombineOp>(
          op, op.getResultTypes(), product.getX(), product.getOffsets(), product.getOrder(),
          op.getWeights(), product.getWeight(), /*shared_x=*/Value(), /*shared_down=*/Value(),
          /*experts=*/Value(), /*inits=*/ValueRange(), /*unsorted_tokens=*/IntegerAttr());
      rewriter.eraseOp(product);
    }
  }
};

} // namespace
