//===- FuseAppend.cpp - What happens to a row on its way into the cache ---===//
//
// rms_norm, rope, append_latent -> append_latent norm rope.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_FUSEAPPENDPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr llvm::StringLiteral kCategory = "dsv2-fuse-append";

struct FuseAppend : public dsv2::impl::FuseAppendPassBase<FuseAppend> {
  /// append_latent(rope(rms_norm(rows, w), t)) -> append_latent(rows norm w rope t)
  void fuse(AppendLatentOp append, IRRewriter &rewriter) {
    Value rows = append.getRows();
    auto missed = [&](StringRef why) {
      remark::missed(append.getLoc(), remarkOn(append, "apart", kCategory))
          << why;
    };
    auto rope = rows.getDefiningOp<RopeOp>();
    if (rope && (!rope.getInits().empty() || rope.getRange() != dsv2::Range::All))
      rope = {};
    if (rope)
      rows = rope.getX();
    auto norm = rows.getDefiningOp<RmsNormOp>();
    if (norm && !norm.getInits().empty())
      norm = {};
    if (!rope && !norm)
      return;
    if ((rope && !rope.getResult(0).hasOneUse()) || (norm && !norm.getResult(0).hasOneUse()))
      return missed("the row has other readers before it is appended");
    int64_t normed = norm ? cast<ShapedType>(norm.getWeight().getType()).getDimSize(0) : 0;
    int64_t turned = rope ? 2 * cast<ShapedType>(rope.getTable().getType()).getDimSize(1) : 0;
    if (normed + turned > cast<ShapedType>(rows.getType()).getDimSize(1))
      return missed("columns are normed and turned");
    rewriter.modifyOpInPlace(append, [&] {
      append.getRowsMutable().assign(norm ? norm.getX() : rows);
      if (norm) {
        append.getNormMutable().assign(norm.getWeight());
        append.setEpsAttr(norm.getEpsAttr());
      }
      if (rope)
        append.getTableMutable().assign(rope.getTable());
    });
    if (rope)
      rewriter.eraseOp(rope);
    if (norm)
      rewriter.eraseOp(norm);
    remark::passed(append.getLoc(), remarkOn(append, "fused", kCategory))
        << "one pass over each new row of the cache instead of " +
               std::to_string(1 + bool(rope) + bool(norm)) + ", a barrier less for each saved";
  }

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](AppendLatentOp append) {
      if (!append.getNorm() && !append.getTable() && isa<RankedTensorType>(append.getRows().getType()))
        fuse(append, rewriter);
    });
  }
};

} // namespace
