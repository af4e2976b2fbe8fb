//===- AbsorbMLAProjections.cpp - Choose the form of latent attention -----===//
//
// Replaces attention by definition with its absorbed form, its re-expanded
// form, or both by sequence, and adds the function that tells them apart. The
// choice is made here, by the cost model; absorption/ applies it.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Remarks.h"
#include "passes/absorption/AttentionRewrites.h"
#include "passes/absorption/Classifier.h"
#include "passes/cost/TargetAttr.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_ABSORBMLAPROJECTIONSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr StringLiteral kCategory = "dsv2-absorb-mla-projections";

std::string formatFlops(double flops) {
  return flops < 1e6 ? llvm::formatv("{0:F1} kFLOP", flops / 1e3)
                     : llvm::formatv("{0:F1} MFLOP", flops / 1e6);
}

std::string formatTime(double seconds) {
  return seconds < 1e-3 ? llvm::formatv("{0:F2} us", seconds * 1e6)
                        : llvm::formatv("{0:F2} ms", seconds * 1e3);
}

/// One projection of an absorbed form: what merging it takes, and how long both
/// orderings take for a number of new tokens.
struct ProjectionCosts {
  StringRef name; // query | output
  double extraFlops;
  llvm::function_ref<double(ProjectionForm, double tokens)> seconds;
};

/// A machine, and the steps that are compared on it.
struct Judge {
  TargetModel target;
  NumberType type;
  double mostTokens;

  /// Merged where neither a single token nor the largest step takes longer.
  bool prefersMerged(const ProjectionCosts &costs) const {
    return llvm::all_of(ArrayRef<double>{1, mostTokens}, [&](double tokens) {
      return costs.seconds(ProjectionForm::Merged, tokens) <=
             costs.seconds(ProjectionForm::Factored, tokens);
    });
  }

  std::string explain(const ProjectionCosts &costs, bool merged) const {
    std::string text = (costs.name + " projection " + (merged ? "merged" : "factored") +
                        ": merging takes " + formatFlops(std::abs(costs.extraFlops)) +
                        (costs.extraFlops < 0 ? " less" : " more") + " a token")
                           .str();
    for (double tokens : {1., mostTokens})
      text += llvm::formatv("; {0} new tokens on {1}: {2} merged, {3} factored", int64_t(tokens),
                            target.name, formatTime(costs.seconds(ProjectionForm::Merged, tokens)),
                            formatTime(costs.seconds(ProjectionForm::Factored, tokens)));
    return text;
  }
};

struct AbsorbMLAProjections
    : public dsv2::impl::AbsorbMLAProjectionsPassBase<AbsorbMLAProjections> {
  using AbsorbMLAProjectionsPassBase::AbsorbMLAProjectionsPassBase;

  /// The form that all ops get: Split, Factored (merged or not, by projection)
  /// or Expanded.
  AttentionForm decideForm(const AttentionShape &shape) {
    switch (form) {
    case AttentionForm::Auto:
      return isAbsorbingNeverDearer(shape) ? AttentionForm::Factored : AttentionForm::Split;
    case AttentionForm::Merged:
      return AttentionForm::Factored;
    default:
      return form;
    }
  }

  Classification classify(AttentionForm decided, const AttentionShape &shape, const Judge &judge) {
    if (decided != AttentionForm::Split)
      return EverySequence{decided == AttentionForm::Factored};
    if (threshold >= 0)
      return UpToTokens{threshold};
    return getAbsorptionRule(shape, judge.target, judge.type);
  }

  /// `chain`, if its projection is to be merged.
  template <typename Chain>
  std::optional<Chain> decideChain(MlaAttentionOp op, FailureOr<Chain> chain,
                                   ProjectionForm option, const ProjectionCosts &costs,
                                   const Judge &judge, StringRef reason) {
    bool forced = option == ProjectionForm::Merged ||
                  (option == ProjectionForm::Auto && form == AttentionForm::Merged);
    if (failed(chain)) {
      if (forced)
        remark::missed(op.getLoc(), remarkOn(op, "not-merged", kCategory))
            << (costs.name + " projection is not merged: " + reason).str();
      return std::nullopt;
    }
    bool merged = forced || (option == ProjectionForm::Auto && form == AttentionForm::Auto &&
                             judge.prefersMerged(costs));
    remark::passed(op.getLoc(), remarkOn(op, "projection", kCategory))
        << judge.explain(costs, merged);
    return merged ? std::optional<Chain>(*chain) : std::nullopt;
  }

  void rewriteAbsorbed(MlaAttentionOp op, const Judge &judge, IRRewriter &rewriter) {
    AttentionShape shape = getAttentionShape(op);
    std::string reason;
    FailureOr<QueryChain> queryChain = matchQuery(op, reason);
    int64_t input = succeeded(queryChain) ? getColumns(queryChain->linear.getX()) : 0;
    auto querySeconds = [&](ProjectionForm form, double tokens) {
      return queryProjectionSeconds(shape, input, form, tokens, judge.target, judge.type);
    };
    std::optional<QueryChain> mergedQuery =
        decideChain(op, queryChain, query,
                    {"query", mergedQueryExtraFlops(shape, double(input)), querySeconds}, judge,
                    reason);
    FailureOr<OutputChain> outputChain = matchOutput(op, reason);
    int64_t hidden = succeeded(outputChain) ? getColumns(outputChain->linear.getResult(0)) : 0;
    auto outputSeconds = [&](ProjectionForm form, double tokens) {
      return outputProjectionSeconds(shape, hidden, form, tokens, judge.target, judge.type);
    };
    std::optional<OutputChain> mergedOutput =
        decideChain(op, outputChain, output,
                    {"output", mergedOutputExtraFlops(shape, double(hidden)), outputSeconds},
                    judge, reason);
    absorbAttention(op, rewriter, mergedQuery, mergedOutput);
  }

  /// States the alternatives of one op with their predicted costs.
  void explain(MlaAttentionOp op, AttentionForm decided, const Judge &judge) {
    AttentionShape shape = getAttentionShape(op);
    AbsorptionRule rule = getAbsorptionRule(shape, judge.target, judge.type);
    std::string text = decided == AttentionForm::Split      ? "split by sequence"
                       : decided == AttentionForm::Factored ? "absorbed"
                                                            : "expanded";
    text += " (" + judge.target.name + ")";
    if (decided == AttentionForm::Split && threshold >= 0)
      text += llvm::formatv(": absorbed up to {0} new tokens, as asked for", int64_t(threshold));
    else if (isAbsorbingNeverDearer(shape))
      text += ": absorbing is never dearer";
    else
      text += llvm::formatv(
          ": absorbing takes no longer for up to {0} new tokens after none cached, {1} after 128, "
          "{2} after 1024 (by FLOPs alone 0, {3:F0}, {4:F0}); beside 8 absorbed sequences {5}, "
          "{6}, {7}",
          rule.threshold(0, 0, kMostTokens), rule.threshold(128, 0, kMostTokens),
          rule.threshold(1024, 0, kMostTokens), flopThreshold(shape, 128),
          flopThreshold(shape, 1024), rule.threshold(0, 8, kMostTokens),
          rule.threshold(128, 8, kMostTokens), rule.threshold(1024, 8, kMostTokens));
    double bytes = cast<ShapedType>(op.getKvB().getType()).getElementTypeBitWidth() / 8.;
    double weights = bytes * double(shape.latent * (shape.nope + shape.value) * shape.heads);
    double row = bytes * double(shape.latent + shape.rope);
    auto compare = [&](double tokens, double prefix) {
      auto seconds = [&](double flops) {
        OpCost cost;
        cost.weightBytes = weights;
        cost.cacheBytes = row * (prefix + tokens);
        cost.dotFlops = flops;
        cost.dotType = judge.type;
        return formatTime(predict(cost, judge.target, /*launches=*/false).seconds);
      };
      double absorbed = absorbedFlops(shape, tokens, prefix);
      double expanded = expandedFlops(shape, tokens, prefix);
      text += llvm::formatv("; {0} new after {1} cached: {2} ({3}) absorbed, {4} ({5}) expanded",
                            int64_t(tokens), int64_t(prefix), seconds(absorbed), formatFlops(absorbed),
                            seconds(expanded), formatFlops(expanded));
    };
    compare(1, 4096);
    compare(512, 0);
    text += llvm::formatv("; {0} bytes of cache read for each cached token", int64_t(row));
    remark::passed(op.getLoc(), remarkOn(op, "form", kCategory)) << text;
  }

  /// Thresholds in remarks are looked for up to here.
  static constexpr int64_t kMostTokens = 4096;

  /// Refuses what one rule cannot serve.
  LogicalResult checkShapes(ArrayRef<MlaAttentionOp> ops) {
    MlaAttentionOp first = ops.front();
    for (MlaAttentionOp op : ops) {
      if (!op.getInits().empty())
        return op.emitOpError("has a destination: attention is absorbed in value form");
      if (getAttentionShape(op) == getAttentionShape(first))
        continue;
      InFlightDiagnostic diag =
          op.emitOpError("differs in shape from another: one rule cannot serve both");
      diag.attachNote(first.getLoc()) << "the other";
      return diag;
    }
    return success();
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<MlaAttentionOp> ops;
    module.walk([&](MlaAttentionOp op) { ops.push_back(op); });
    if (ops.empty())
      return;
    FailureOr<TargetModel> machine = getTarget(module, target);
    if (failed(machine) || failed(checkShapes(ops)))
      return signalPassFailure();
    if (Operation *taken = module.lookupSymbol(kClassifier)) {
      taken->emitError("takes the name of the classifier of sequences");
      return signalPassFailure();
    }
    AttentionShape shape = getAttentionShape(ops.front());
    Judge judge{*machine, getNumberType(ops.front().getKvB()),
                double(cast<BatchType>(ops.front().getBatch().getType()).getTokens())};
    AttentionForm decided = decideForm(shape);
    addClassifier(module, classify(decided, shape, judge));
    IRRewriter rewriter(&getContext());
    for (MlaAttentionOp op : ops) {
      explain(op, decided, judge);
      if (decided == AttentionForm::Expanded)
        expandAttention(op, rewriter);
      else if (decided == AttentionForm::Split)
        splitAttention(op, rewriter);
      else
        rewriteAbsorbed(op, judge, rewriter);
    }
  }
};

} // namespace
