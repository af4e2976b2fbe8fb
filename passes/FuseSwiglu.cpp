//===- FuseSwiglu.cpp - One op of gate, up and SwiGLU ---------------------===//
//
// Two products of one input, and the SwiGLU that alone reads them.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSESWIGLUPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

static constexpr llvm::StringLiteral kCategory = "dsv2-fuse-swiglu";

namespace {

/// Why two products cannot be one op, or nothing.
template <typename Product> StringRef getObstacle(SwigluOp op, Product gate, Product up) {
  if (!gate->hasOneUse() || !up->hasOneUse())
    return "a product has another use";
  if (gate->getOperandTypes() != up->getOperandTypes())
    return "the products differ in type";
  if (gate.getResultTypes() != op.getResultTypes())
    return "the products have another element type than the input";
  if constexpr (std::is_same_v<Product, LinearOp>) {
    if (gate.getBias() || up.getBias())
      return "a bias is added";
  } else if (gate.getOffsets() != up.getOffsets() || gate.getOrder() != up.getOrder()) {
    return "the rows are grouped in two ways";
  } else if (cast<ShapedType>(gate.getX().getType()).getRank() != 2) {
    return "the input is not the tokens";
  }
  if (gate.getX() != up.getX())
    return "the products have different inputs";
  if (cast<ShapedType>(gate.getX().getType()).getElementType() !=
      cast<ShapedType>(gate.getResult(0).getType()).getElementType())
    return "the products have another element type than the input";
  return {};
}

struct FuseSwiglu : public dsv2::impl::FuseSwigluPassBase<FuseSwiglu> {
  /// swiglu(linear(x, gate), linear(x, up)) -> gated_linear(x, gate, up)
  static Operation *makeFused(SwigluOp op, LinearOp gate, LinearOp up, IRRewriter &rewriter) {
    return GatedLinearOp::create(rewriter, op.getLoc(), op.getResultTypes(), gate.getX(),
                                 gate.getWeight(), up.getWeight(), /*inits=*/ValueRange());
  }

  /// swiglu(grouped_linear(x, o, r, gate), grouped_linear(x, o, r, up))
  ///   -> grouped_gated_linear(x, o, r, gate, up)
  static Operation *makeFused(SwigluOp op, GroupedLinearOp gate, GroupedLinearOp up,
                              IRRewriter &rewriter) {
    return GroupedGatedLinearOp::create(
        rewriter, op.getLoc(), op.getResultTypes(), gate.getX(), gate.getOffsets(),
        gate.getOrder(), gate.getWeight(), up.getWeight(), /*shared_gate=*/Value(),
        /*shared_up=*/Value(), /*experts=*/Value(), /*inits=*/ValueRange(),
        /*unsorted_tokens=*/IntegerAttr());
  }

  template <typename Product> bool fuse(SwigluOp op, IRRewriter &rewriter) {
    auto gate = op.getGate().getDefiningOp<Product>(), up = op.getUp().getDefiningOp<Product>();
    if (!gate || !up)
      return false;
    if (StringRef obstacle = getObstacle(op, gate, up); !obstacle.empty()) {
      remark::missed(op.getLoc(), remarkOn(op, "swiglu", kCategory))
          << obstacle;
      return true;
    }
    auto type = cast<ShapedType>(op.getResult(0).getType());
    int64_t columns = type.getShape().back();
    // Two results, each written once and read once.
    int64_t bytes = 4 * columns * type.getElementTypeBitWidth() / 8;
    remark::passed(op.getLoc(), remarkOn(op, "swiglu", kCategory))
        << llvm::formatv("two products of {0} columns in one op, {1} bytes of activations less "
                         "for each {2}",
                         columns, bytes, type.getRank() == 2 ? "token" : "token and expert")
               .str();
    rewriter.setInsertionPoint(op);
    rewriter.replaceOp(op, makeFused(op, gate, up, rewriter));
    rewriter.eraseOp(gate);
    rewriter.eraseOp(up);
    return true;
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<SwigluOp> ops(getOperation().getOps<SwigluOp>());
    for (SwigluOp op : ops) {
      if (!op.getInits().empty())
        continue;
      if (!fuse<LinearOp>(op, rewriter) && !fuse<GroupedLinearOp>(op, rewriter))
        remark::missed(op.getLoc(), remarkOn(op, "swiglu", kCategory))
            << "gate and up are no products of one kind";
    }
  }
};

} // namespace
