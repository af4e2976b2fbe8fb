//===- FuseNormLinear.cpp - A norm in the region of the products that read it ===//
//
// (add_)rms_norm, linear(s) -> norm_linears. Only where the products are all
// that reads the normed rows: any other reader waits for a barrier after the
// norm in any case, and the fusion would put it behind the products.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSENORMLINEARPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr llvm::StringLiteral kCategory = "dsv2-fuse-norm-linear";

/// The parts of a norm over whole rows: x, or x + delta.
struct Norm {
  Operation *op;
  Value x, delta, weight;
  FloatAttr eps;
  Value sum, normed; // sum: none without delta
};

std::optional<Norm> matchNorm(Operation *op) {
  if (auto norm = dyn_cast<RmsNormOp>(op)) {
    int64_t columns = cast<ShapedType>(norm.getX().getType()).getDimSize(1);
    if (!norm.getInits().empty() ||
        cast<ShapedType>(norm.getWeight().getType()).getDimSize(0) != columns)
      return std::nullopt;
    return Norm{norm, norm.getX(), {}, norm.getWeight(), norm.getEpsAttr(), {}, norm.getResult(0)};
  }
  if (auto norm = dyn_cast<AddRmsNormOp>(op); norm && norm.getInits().empty())
    return Norm{norm,
                norm.getX(),
                norm.getDelta(),
                norm.getWeight(),
                norm.getEpsAttr(),
                norm.getResult(0),
                norm.getResult(1)};
  return std::nullopt;
}

struct FuseNormLinear : public dsv2::impl::FuseNormLinearPassBase<FuseNormLinear> {
  /// Weights of a product of `normed` alone; none if `op` is something else.
  static SmallVector<Value> getWeights(Operation *op, Value normed) {
    if (auto linear = dyn_cast<LinearOp>(op))
      if (linear.getX() == normed && !linear.getBias() && linear.getInits().empty())
        return {linear.getWeight()};
    if (auto linears = dyn_cast<LinearsOp>(op))
      if (linears.getX() == normed && linears.getInits().empty())
        return llvm::to_vector(linears.getWeights());
    return {};
  }

  /// Where the fused op can stand: at the products, or at the norm when
  /// something between the two reads the sum.
  static Operation *getPlace(const Norm &norm, Operation *products, ArrayRef<Value> weights) {
    auto readsEarlier = [&](Operation *user) {
      Operation *inBlock = products->getBlock()->findAncestorOpInBlock(*user);
      return inBlock && inBlock->isBeforeInBlock(products);
    };
    if (!norm.sum || llvm::none_of(norm.sum.getUsers(), readsEarlier))
      return products;
    DominanceInfo dominance;
    bool available = llvm::all_of(
        weights, [&](Value weight) { return dominance.properlyDominates(weight, norm.op); });
    return available ? norm.op : nullptr;
  }

  /// rms_norm(x, w), linears(normed, (w0, w1)) -> norm_linears(x, w, (w0, w1))
  void fuse(const Norm &norm, Operation *products, ArrayRef<Value> weights, Operation *place,
            IRRewriter &rewriter) {
    SmallVector<Value> replaced;
    if (norm.sum)
      replaced.push_back(norm.sum);
    replaced.push_back(norm.normed);
    llvm::append_range(replaced, products->getResults());
    rewriter.setInsertionPoint(place);
    auto fused = NormLinearsOp::create(
        rewriter, rewriter.getFusedLoc({norm.op->getLoc(), products->getLoc()}),
        TypeRange(ValueRange(replaced)), norm.x, norm.delta, norm.weight, weights,
        /*inits=*/ValueRange{}, norm.eps);
    for (auto [old, result] : llvm::zip_equal(replaced, fused.getResults()))
      rewriter.replaceAllUsesWith(old, result);
    Location loc = products->getLoc();
    rewriter.eraseOp(products);
    rewriter.eraseOp(norm.op);
    remark::passed(loc, remarkOn(fused, "fused", kCategory))
        << "no barrier between norm and products of few rows";
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> norms;
    getOperation().walk([&](Operation *op) {
      if (matchNorm(op))
        norms.push_back(op);
    });
    for (Operation *op : norms) {
      // Anew: what it reads may have become a result of a norm fused before.
      Norm norm = *matchNorm(op);
      auto missed = [&](StringRef why) {
        remark::missed(norm.op->getLoc(), remarkOn(norm.op, "apart", kCategory))
            << why;
      };
      SmallVector<Value> weights;
      Operation *products = nullptr;
      for (Operation *user : norm.normed.getUsers())
        if (SmallVector<Value> found = getWeights(user, norm.normed); !found.empty()) {
          products = user;
          weights = found;
        }
      if (!products || products->getBlock() != norm.op->getBlock())
        continue;
      if (!norm.normed.hasOneUse()) {
        missed("other readers of the normed rows wait for a barrier anyway");
        continue;
      }
      if (Operation *place = getPlace(norm, products, weights))
        fuse(norm, products, weights, place, rewriter);
      else
        missed("the sum is read before the product's weight is made");
    }
  }
};

} // namespace
