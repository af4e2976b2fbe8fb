//===- SkipDispatch.cpp - Few tokens go to their experts unsorted ---------===//
//
// Sets the most tokens for which reading an expert twice is cheaper than the
// region that sorts.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "passes/cost/TargetAttr.h"
#include "passes/cost/Workload.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_SKIPDISPATCHPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

static constexpr llvm::StringLiteral kCategory = "dsv2-skip-dispatch";

namespace {

/// What decides, of one dispatch.
struct Grouping {
  int64_t experts;
  int64_t choices;    // of a token
  double expertBytes; // all weights of one expert

  /// Experts that `tokens` unsorted tokens read more than once.
  double getRepeated(double tokens) const {
    return tokens * double(choices) -
           expectedDistinctExperts(double(experts), double(choices), tokens);
  }

  /// The most tokens for which reading those takes no longer than a launch.
  int64_t getUnsortedTokens(const TargetModel &target) const {
    double affordable = target.launchSeconds * target.memoryBandwidth / expertBytes;
    int64_t tokens = 1;
    // Far beyond what a step without a sort is good for.
    constexpr int64_t most = 64;
    while (tokens < most && getRepeated(double(tokens + 1)) <= affordable)
      ++tokens;
    return tokens;
  }
};

/// Bytes of one matrix of a stack of experts' weights.
double getExpertBytes(Value weight, int64_t experts) {
  auto type = cast<ShapedType>(weight.getType());
  return double(type.getNumElements()) * type.getElementTypeBitWidth() / 8 / double(experts);
}

struct SkipDispatch : public dsv2::impl::SkipDispatchPassBase<SkipDispatch> {
  using SkipDispatchPassBase::SkipDispatchPassBase;

  /// Null where a reader has no unsorted form.
  std::optional<Grouping> getGrouping(DispatchOp dispatch) {
    auto offsets = cast<ShapedType>(dispatch.getResult(0).getType());
    auto choice = cast<ShapedType>(dispatch.getExperts().getType());
    Grouping grouping{offsets.getDimSize(0) - 1, choice.getDimSize(1), 0};
    for (Operation *user : getReaders(dispatch)) {
      if (auto gated = dyn_cast<GroupedGatedLinearOp>(user))
        for (Value weight : {gated.getGate(), gated.getUp()})
          grouping.expertBytes += getExpertBytes(weight, grouping.experts);
      else if (auto combine = dyn_cast<GroupedCombineOp>(user))
        grouping.expertBytes += getExpertBytes(combine.getDown(), grouping.experts);
      else
        return std::nullopt;
    }
    return grouping;
  }

  /// Users, each once.
  static llvm::SetVector<Operation *> getReaders(DispatchOp dispatch) {
    return {dispatch->user_begin(), dispatch->user_end()};
  }

  void handle(DispatchOp dispatch, const TargetModel &model) {
    auto missed = [&](StringRef why) {
      remark::missed(dispatch.getLoc(), remarkOn(dispatch, "unsorted", kCategory))
          << why;
    };
    std::optional<Grouping> grouping = getGrouping(dispatch);
    if (!grouping)
      return missed("a reader has no unsorted form");
    int64_t limit = tokens < 0 ? grouping->getUnsortedTokens(model) : int64_t(tokens);
    if (limit == 0)
      return missed("every step is sorted, as asked");
    dispatch.setUnsortedTokens(limit);
    for (Operation *user : getReaders(dispatch)) {
      if (auto gated = dyn_cast<GroupedGatedLinearOp>(user)) {
        gated.getExpertsMutable().assign(dispatch.getExperts());
        gated.setUnsortedTokens(limit);
      } else {
        auto combine = cast<GroupedCombineOp>(user);
        combine.getExpertsMutable().assign(dispatch.getExperts());
        combine.setUnsortedTokens(limit);
      }
    }
    auto reread = [&](int64_t count) {
      return llvm::formatv("{0:F1} KB for {1} token{2}",
                           grouping->getRepeated(double(count)) * grouping->expertBytes / 1e3,
                           count, count == 1 ? "" : "s")
          .str();
    };
    remark::passed(dispatch.getLoc(), remarkOn(dispatch, "unsorted", kCategory))
        << llvm::formatv("unsorted up to {0} token{1}{2}: experts read again are {3}, {4}; a "
                         "region less is worth {5:F1} KB",
                         limit, limit == 1 ? "" : "s", tokens < 0 ? "" : " (as asked)",
                         reread(limit), reread(limit + 1),
                         model.launchSeconds * model.memoryBandwidth / 1e3)
               .str();
  }

  void runOnOperation() override {
    auto module = getOperation()->getParentOfType<ModuleOp>();
    FailureOr<TargetModel> model = getTarget(module, target);
    if (failed(model))
      return signalPassFailure();
    for (auto dispatch : getOperation().getOps<DispatchOp>())
      if (dispatch.getInits().empty())
        handle(dispatch, *model);
  }
};

} // namespace
