//===- GroupExperts.cpp - Compute each expert's tokens together -----------===//
//
// Routing becomes a linear and a choice; the experts' MLPs become products
// over rows sorted by expert.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/PatternMatch.h"
#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "passes/cost/Workload.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_GROUPEXPERTSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// route(x, gate) -> select_experts(linear(x, gate) : f32)
void splitRoute(RouteOp op, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(op);
  auto x = cast<RankedTensorType>(op.getX().getType());
  auto gate = cast<RankedTensorType>(op.getGate().getType());
  auto logits = RankedTensorType::get({x.getDimSize(0), gate.getDimSize(0)},
                                      rewriter.getF32Type());
  auto linear = LinearOp::create(rewriter, op.getLoc(), TypeRange{logits}, op.getX(),
                                 op.getGate(), /*bias=*/Value(), /*inits=*/ValueRange{});
  rewriter.replaceOpWithNewOp<SelectExpertsOp>(
      op, op.getResultTypes(), linear.getResult(0), /*inits=*/ValueRange{},
      op.getGroupsAttr(), op.getKeptGroupsAttr(), op.getScaleAttr(),
      op.getNormalizeAttr());
}

/// expert_mlp(x, w, e, gate, up, down)
///   -> combine(grouped_linear(swiglu(grouped_linear(x, gate),
///                                    grouped_linear(x, up)), down), w)
/// with rows in the order of dispatch(e)
void groupExperts(ExpertMlpOp op, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(op);
  Location loc = op.getLoc();
  auto x = cast<RankedTensorType>(op.getX().getType());
  auto gate = cast<RankedTensorType>(op.getGate().getType());
  auto choice = cast<RankedTensorType>(op.getExperts().getType());
  auto rows = [&](int64_t columns) {
    return RankedTensorType::get({choice.getDimSize(0), choice.getDimSize(1), columns},
                                 x.getElementType());
  };
  auto offsets = RankedTensorType::get({gate.getDimSize(0) + 1}, choice.getElementType());
  auto dispatch = DispatchOp::create(rewriter, loc, TypeRange{offsets, choice, choice},
                                     op.getExperts(), /*inits=*/ValueRange{},
                                     /*unsorted_tokens=*/IntegerAttr());
  auto product = [&](Value input, Value weight, int64_t columns) {
    return GroupedLinearOp::create(rewriter, loc, TypeRange{rows(columns)}, input,
                                   dispatch.getResult(0), dispatch.getResult(1), weight,
                                   /*inits=*/ValueRange{})
        .getResult(0);
  };
  Value gated = product(op.getX(), op.getGate(), gate.getDimSize(1));
  Value up = product(op.getX(), op.getUp(), gate.getDimSize(1));
  Value hidden = SwigluOp::create(rewriter, loc, TypeRange{up.getType()}, gated, up,
                                  /*inits=*/ValueRange{})
                     .getResult(0);
  Value down = product(hidden, op.getDown(), x.getDimSize(1));
  rewriter.replaceOpWithNewOp<CombineOp>(op, op.getResultTypes(), down,
                                         dispatch.getResult(2), op.getWeights(),
                                         /*inits=*/ValueRange{});
}

/// The most tokens of a step, or zero if no batch is at hand.
int64_t getMaxTokens(func::FuncOp function) {
  for (Type type : function.getArgumentTypes())
    if (auto batch = dyn_cast<BatchType>(type))
      return batch.getTokens();
  return 0;
}

void explain(ExpertMlpOp op, int64_t maxTokens) {
  auto gate = cast<RankedTensorType>(op.getGate().getType());
  int64_t experts = gate.getDimSize(0);
  int64_t chosen = cast<RankedTensorType>(op.getExperts().getType()).getDimSize(1);
  SmallVector<int64_t> counts = {1, 32};
  if (maxTokens > 0 && !llvm::is_contained(counts, maxTokens))
    counts.push_back(maxTokens);
  std::string text;
  for (int64_t tokens : counts)
    text += llvm::formatv("{0}{1:F1} for {2} token{3}", text.empty() ? "" : ", ",
                          expectedDistinctExperts(experts, chosen, tokens), tokens,
                          tokens == 1 ? "" : "s");
  remark::passed(op.getLoc(), remarkOn(op, "grouped", "dsv2-group-experts"))
      << "expected distinct experts of " + std::to_string(experts) + ": " + text;
}

struct GroupExperts : public dsv2::impl::GroupExpertsPassBase<GroupExperts> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    int64_t maxTokens = getMaxTokens(getOperation());
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (!isa<RouteOp, ExpertMlpOp>(op))
        return WalkResult::advance();
      if (!cast<PlannedOpInterface>(op).getInitsMutable().empty()) {
        op->emitOpError("has destinations: experts are grouped in value form");
        return WalkResult::interrupt();
      }
      if (auto route = dyn_cast<RouteOp>(op)) {
        splitRoute(route, rewriter);
        return WalkResult::advance();
      }
      auto mlp = cast<ExpertMlpOp>(op);
      explain(mlp, maxTokens);
      groupExperts(mlp, rewriter);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
