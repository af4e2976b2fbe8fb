//===- AbsorbMLAProjections.cpp - Choose the form of latent attention -----===//
//
// Replaces attention by definition with its absorbed form, its re-expanded
// form, or both by sequence, and adds the function that tells them apart.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/analysis/WeightValues.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_ABSORBMLAPROJECTIONSPASS
#include "passes/Passes.h.inc"
} // namespace mlir::dsv2

using namespace mlir;
using namespace mlir::dsv2;

namespace {

constexpr StringLiteral kCategory = "dsv2-absorb-mla-projections";
constexpr StringLiteral kClassifier = "absorbs";

RankedTensorType getTensor(Value value) {
  return cast<RankedTensorType>(value.getType());
}

AttentionShape getShape(MlaAttentionOp op) {
  CacheAttr cache = getCacheLayout(op.getCache().getType());
  RankedTensorType query = getTensor(op.getQuery()), result = getTensor(op.getResult(0));
  return {query.getDimSize(1), query.getDimSize(2) - cache.getRope(), cache.getRope(),
          result.getDimSize(2), cache.getLatent()};
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Static reshapes, slices and products of weights at one insertion point.
struct WeightBuilder {
  OpBuilder &builder;
  Location loc;

  RankedTensorType like(Value value, ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, getTensor(value).getElementType());
  }
  /// [N, K] -> [heads, N / heads, K]
  Value splitRows(Value weight, int64_t heads) {
    RankedTensorType type = getTensor(weight);
    return tensor::ExpandShapeOp::create(
        builder, loc,
        like(weight, {heads, type.getDimSize(0) / heads, type.getDimSize(1)}), weight,
        ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  }
  /// [heads, N, K] -> [heads * N, K]
  Value joinRows(Value weight) {
    return tensor::CollapseShapeOp::create(builder, loc, weight,
                                           ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  }
  /// [heads, N, K] -> [heads, count, K], rows from `first`; called `part`.
  Value sliceRows(Value weight, int64_t first, int64_t count, StringRef part) {
    RankedTensorType type = getTensor(weight);
    auto index = [&](int64_t i) -> OpFoldResult { return builder.getIndexAttr(i); };
    auto slice = tensor::ExtractSliceOp::create(
        builder, loc, weight, ArrayRef<OpFoldResult>{index(0), index(first), index(0)},
        ArrayRef<OpFoldResult>{index(type.getDimSize(0)), index(count),
                               index(type.getDimSize(2))},
        ArrayRef<OpFoldResult>{index(1), index(1), index(1)});
    slice->setAttr(kPartAttr, builder.getStringAttr(part));
    return slice;
  }
  Value transpose(Value weight) {
    SmallVector<int64_t> shape(getTensor(weight).getShape());
    std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
    return TransposeOp::create(builder, loc, like(weight, shape), weight);
  }
  Value merge(Value lhs, Value rhs) {
    RankedTensorType a = getTensor(lhs), b = getTensor(rhs);
    return MergeOp::create(builder, loc,
                           like(lhs, {a.getDimSize(0), a.getDimSize(1), b.getDimSize(2)}),
                           lhs, rhs);
  }
};

/// The halves of kv_b, per head.
struct SplitKvB {
  Value keys;   // W_UK [H, dn, dc]
  Value values; // W_UV [H, dv, dc]
};

SplitKvB splitKvB(MlaAttentionOp op, const AttentionShape &shape, OpBuilder &builder) {
  WeightBuilder weights{builder, op.getLoc()};
  Value rows = weights.splitRows(op.getKvB(), shape.heads);
  Value keys = weights.sliceRows(rows, 0, shape.nope, "uk");
  Value values = weights.sliceRows(rows, shape.nope, shape.value, "uv");
  return {keys, values};
}

//===----------------------------------------------------------------------===//
// Neighbours that a merged projection needs
//===----------------------------------------------------------------------===//

/// linear -> expand_shape -> rope -> attention, each with one use; rope absent
/// where the model has none.
struct QueryChain {
  LinearOp linear;
  tensor::ExpandShapeOp split;
  RopeOp rope;
};

/// The query's projection, or why it cannot be merged.
FailureOr<QueryChain> matchQuery(MlaAttentionOp op, std::string &reason) {
  QueryChain chain;
  Value value = op.getQuery();
  auto rejects = [&](const char *why) {
    reason = why;
    return failure();
  };
  if (!value.hasOneUse())
    return rejects("the query has another use");
  if ((chain.rope = value.getDefiningOp<RopeOp>()))
    value = chain.rope.getX();
  chain.split = value.getDefiningOp<tensor::ExpandShapeOp>();
  if (!chain.split || chain.split.getReassociationIndices() !=
                          SmallVector<ReassociationIndices>{{0}, {1, 2}})
    return rejects("the query is not a linear's result cut into heads");
  chain.linear = chain.split.getSrc().getDefiningOp<LinearOp>();
  if (!chain.linear || !chain.linear.getInits().empty())
    return rejects("the query is not a linear's result cut into heads");
  if (!value.hasOneUse() || !chain.split.getSrc().hasOneUse())
    return rejects("the query's projection has another use");
  if (chain.linear.getBias())
    return rejects("the query's projection has a bias");
  if (isPackedWeight(cast<ShapedType>(chain.linear.getWeight().getType())))
    return rejects("the query's projection is packed already");
  return chain;
}

/// attention -> collapse_shape -> linear, each with one use.
struct OutputChain {
  tensor::CollapseShapeOp join;
  LinearOp linear;
};

FailureOr<OutputChain> matchOutput(MlaAttentionOp op, std::string &reason) {
  OutputChain chain;
  auto rejects = [&](const char *why) {
    reason = why;
    return failure();
  };
  Value result = op.getResult(0);
  if (!result.hasOneUse())
    return rejects("the attention's result has another use");
  chain.join = dyn_cast<tensor::CollapseShapeOp>(*result.user_begin());
  if (!chain.join || chain.join.getReassociationIndices() !=
                         SmallVector<ReassociationIndices>{{0}, {1, 2}} ||
      !chain.join.getResult().hasOneUse())
    return rejects("the attention's result does not go to a linear alone");
  chain.linear = dyn_cast<LinearOp>(*chain.join->user_begin());
  if (!chain.linear || chain.linear.getX() != chain.join.getResult() ||
      !chain.linear.getInits().empty())
    return rejects("the attention's result does not go to a linear alone");
  if (isPackedWeight(cast<ShapedType>(chain.linear.getWeight().getType())))
    return rejects("the output's projection is packed already");
  return chain;
}

//===----------------------------------------------------------------------===//
// Rewrites
//===----------------------------------------------------------------------===//

/// Rewrites one attention op; the projections' forms are decided.
class AttentionRewriter {
public:
  AttentionRewriter(MlaAttentionOp op, IRRewriter &rewriter)
      : op(op), rewriter(rewriter), shape(getShape(op)), loc(op.getLoc()),
        query(getTensor(op.getQuery())), result(getTensor(op.getResult(0))) {
    rewriter.setInsertionPoint(op);
    halves = splitKvB(op, shape, rewriter);
  }

  /// mla_attention -> expanded_attention
  void expand() {
    rewriter.replaceOp(op, expanded(dsv2::Range::All, /*destination=*/{}));
  }

  /// mla_attention -> head_linear (W_UK), latent_attention, head_linear (W_UV)
  void factor() {
    Value row = latentAttention(absorbQuery(dsv2::Range::All), dsv2::Range::All);
    rewriter.replaceOp(op, absorbOutput(row, dsv2::Range::All, /*destination=*/{}));
  }

  /// mla_attention -> expanded and factored, each on its range, one result
  void split() {
    Value tokens = BatchCountOp::create(rewriter, loc, rewriter.getIndexType(),
                                        op.getBatch(), rewriter.getStringAttr("tokens"));
    Value destination = tensor::EmptyOp::create(
        rewriter, loc, result.getShape(), result.getElementType(), ValueRange{tokens});
    Value partial = expanded(dsv2::Range::Expanded, destination);
    Value row = latentAttention(absorbQuery(dsv2::Range::Absorbed), dsv2::Range::Absorbed);
    rewriter.replaceOp(op, absorbOutput(row, dsv2::Range::Absorbed, partial));
  }

  /// As factor(), with each projection merged where its chain is given.
  void merge(std::optional<QueryChain> queryChain, std::optional<OutputChain> outputChain) {
    Value absorbed = queryChain ? mergeQuery(*queryChain) : absorbQuery(dsv2::Range::All);
    Value row = latentAttention(absorbed, dsv2::Range::All);
    if (outputChain) {
      mergeOutput(row, *outputChain);
      rewriter.eraseOp(op);
    } else {
      rewriter.replaceOp(op, absorbOutput(row, dsv2::Range::All, /*destination=*/{}));
    }
    // A merged projection leaves the factored one behind.
    if (queryChain) {
      if (queryChain->rope)
        rewriter.eraseOp(queryChain->rope);
      rewriter.eraseOp(queryChain->split);
      rewriter.eraseOp(queryChain->linear);
    }
  }

private:
  static SmallVector<Value> optional(Value value) {
    return value ? SmallVector<Value>{value} : SmallVector<Value>{};
  }
  RankedTensorType withColumns(RankedTensorType type, int64_t columns) {
    SmallVector<int64_t> sizes(type.getShape());
    sizes.back() = columns;
    return RankedTensorType::get(sizes, type.getElementType());
  }

  Value expanded(dsv2::Range range, Value destination) {
    return ExpandedAttentionOp::create(rewriter, loc, TypeRange{result}, op.getQuery(),
                                       op.getCache(), op.getLayer(), halves.keys,
                                       halves.values, op.getBatch(), optional(destination),
                                       RangeAttr::get(op.getContext(), range), op.getScaleAttr())
        .getResult(0);
  }
  /// [T, H, dn + dr] -> [T, H, dc + dr]
  Value absorbQuery(dsv2::Range range) {
    Value weight = WeightBuilder{rewriter, loc}.transpose(halves.keys);
    return HeadLinearOp::create(rewriter, loc,
                                TypeRange{withColumns(query, shape.latent + shape.rope)},
                                op.getQuery(), weight, op.getBatch(),
                                /*inits=*/ValueRange{}, range, /*update=*/false,
                                /*through=*/shape.rope)
        .getResult(0);
  }
  /// [T, H, dc + dr] -> [T, H, dc]
  Value latentAttention(Value absorbed, dsv2::Range range) {
    return LatentAttentionOp::create(rewriter, loc,
                                     TypeRange{withColumns(result, shape.latent)}, absorbed,
                                     op.getCache(), op.getLayer(), op.getBatch(),
                                     /*inits=*/ValueRange{}, RangeAttr::get(op.getContext(), range), op.getScaleAttr())
        .getResult(0);
  }
  /// [T, H, dc] -> [T, H, dv]; other rows of `destination` stay.
  Value absorbOutput(Value row, dsv2::Range range, Value destination) {
    return HeadLinearOp::create(rewriter, loc, TypeRange{result}, row, halves.values,
                                op.getBatch(), optional(destination), range,
                                /*update=*/bool(destination), /*through=*/0)
        .getResult(0);
  }

  /// rope(expand(linear(x, W_Q))) -> rope(expand(linear(x, W_Q'))) where the
  /// nope rows of head h become W_UK[h]^T W_UQ[h].
  Value mergeQuery(QueryChain &chain) {
    WeightBuilder weights{rewriter, chain.linear.getLoc()};
    Value rows = weights.splitRows(chain.linear.getWeight(), shape.heads);
    Value nope = weights.sliceRows(rows, 0, shape.nope, "nope");
    Value merged = weights.merge(weights.transpose(halves.keys), nope);
    if (shape.rope) {
      Value rope = weights.sliceRows(rows, shape.nope, shape.rope, "rope");
      merged = tensor::ConcatOp::create(rewriter, weights.loc, /*dim=*/1,
                                        ValueRange{merged, rope});
    }
    Value weight = weights.joinRows(merged);
    RankedTensorType old = getTensor(chain.linear.getResult(0));
    int64_t columns = shape.latent + shape.rope;
    Value projected =
        LinearOp::create(rewriter, chain.linear.getLoc(),
                         TypeRange{withColumns(old, shape.heads * columns)},
                         chain.linear.getX(), weight, /*bias=*/Value(),
                         /*inits=*/ValueRange{})
            .getResult(0);
    SmallVector<OpFoldResult> sizes = chain.split.getMixedOutputShape();
    sizes.back() = rewriter.getIndexAttr(columns);
    Value heads = tensor::ExpandShapeOp::create(
        rewriter, chain.split.getLoc(), withColumns(query, columns), projected,
        chain.split.getReassociationIndices(), sizes);
    if (!chain.rope)
      return heads;
    return RopeOp::create(rewriter, chain.rope.getLoc(), TypeRange{heads.getType()}, heads,
                          chain.rope.getTable(), /*inits=*/ValueRange{})
        .getResult(0);
  }

  /// linear(collapse(attention), W_O) -> linear(collapse(row), W_O') where
  /// columns of head h become W_O[:, h] W_UV[h].
  void mergeOutput(Value row, OutputChain &chain) {
    // W_O'^T, per head: W_UV[h]^T W_O[:, h]^T.
    rewriter.setInsertionPoint(chain.linear);
    WeightBuilder weights{rewriter, chain.linear.getLoc()};
    Value output = weights.splitRows(weights.transpose(chain.linear.getWeight()), shape.heads);
    Value merged = weights.merge(weights.transpose(halves.values), output);
    Value weight = weights.transpose(weights.joinRows(merged));
    Value joined = tensor::CollapseShapeOp::create(rewriter, chain.join.getLoc(), row,
                                                   chain.join.getReassociationIndices());
    rewriter.replaceOpWithNewOp<LinearOp>(chain.linear, chain.linear.getResultTypes(),
                                          joined, weight, chain.linear.getBias(),
                                          /*inits=*/ValueRange{});
    rewriter.eraseOp(chain.join);
  }

  MlaAttentionOp op;
  IRRewriter &rewriter;
  AttentionShape shape;
  Location loc;
  RankedTensorType query, result;
  SplitKvB halves;
};

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

std::string formatFlops(double flops) {
  return flops < 1e6 ? llvm::formatv("{0:F1} kFLOP", flops / 1e3)
                     : llvm::formatv("{0:F1} MFLOP", flops / 1e6);
}

struct AbsorbMLAProjections
    : public dsv2::impl::AbsorbMLAProjectionsPassBase<AbsorbMLAProjections> {
  using AbsorbMLAProjectionsPassBase::AbsorbMLAProjectionsPassBase;

  /// The form that all ops get: Split, Factored (merged or not, by projection)
  /// or Expanded.
  AttentionForm decideForm(const AbsorptionRule &rule) {
    switch (form) {
    case AttentionForm::Auto:
      return rule.isAlways() ? AttentionForm::Factored : AttentionForm::Split;
    case AttentionForm::Merged:
      return AttentionForm::Factored;
    default:
      return form;
    }
  }

  /// Whether a projection of an absorbed form that stands alone is wanted
  /// merged.
  bool wantsMerged(ProjectionForm option, double extraFlops) {
    if (option != ProjectionForm::Auto)
      return option == ProjectionForm::Merged;
    if (form == AttentionForm::Auto)
      return extraFlops < 0;
    return form == AttentionForm::Merged;
  }

  /// `chain`, if its projection is to be merged.
  template <typename Chain>
  std::optional<Chain> decideChain(MlaAttentionOp op, FailureOr<Chain> chain,
                                   ProjectionForm option, double extraFlops,
                                   StringRef projection, StringRef reason) {
    if (failed(chain)) {
      if (option == ProjectionForm::Merged ||
          (option == ProjectionForm::Auto && form == AttentionForm::Merged))
        remark::missed(op.getLoc(), remark::RemarkOpts::name("not-merged").category(kCategory))
            << (projection + " projection is not merged: " + reason).str();
      return std::nullopt;
    }
    bool merged = wantsMerged(option, extraFlops);
    remark::passed(op.getLoc(), remark::RemarkOpts::name("projection").category(kCategory))
        << (projection + " projection " + (merged ? "merged" : "factored") +
            ": merging takes " + formatFlops(std::abs(extraFlops)) +
            (extraFlops < 0 ? " less" : " more") + " a token")
               .str();
    return merged ? std::optional<Chain>(*chain) : std::nullopt;
  }

  void rewriteAbsorbed(MlaAttentionOp op, IRRewriter &rewriter) {
    AttentionShape shape = getShape(op);
    std::string reason;
    FailureOr<QueryChain> queryChain = matchQuery(op, reason);
    double input =
        succeeded(queryChain) ? getTensor(queryChain->linear.getX()).getDimSize(1) : 0;
    std::optional<QueryChain> mergedQuery = decideChain(
        op, queryChain, query, mergedQueryExtraFlops(shape, input), "query", reason);
    FailureOr<OutputChain> outputChain = matchOutput(op, reason);
    double hidden = succeeded(outputChain)
                        ? getTensor(outputChain->linear.getResult(0)).getDimSize(1)
                        : 0;
    std::optional<OutputChain> mergedOutput = decideChain(
        op, outputChain, output, mergedOutputExtraFlops(shape, hidden), "output", reason);
    AttentionRewriter attention(op, rewriter);
    if (mergedQuery || mergedOutput)
      attention.merge(mergedQuery, mergedOutput);
    else
      attention.factor();
  }

  /// States the alternatives of one op with their predicted costs.
  void explain(MlaAttentionOp op, AttentionForm decided, const AbsorptionRule &rule) {
    AttentionShape shape = getShape(op);
    int64_t bytes = getTensor(op.getKvB()).getElementTypeBitWidth() / 8;
    std::string text = decided == AttentionForm::Split      ? "split by sequence"
                       : decided == AttentionForm::Factored ? "absorbed"
                                                            : "expanded";
    if (rule.isAlways())
      text += ": absorbing is never dearer";
    else
      text += llvm::formatv(": absorbing is cheaper for up to {0:F0} new tokens after 128 "
                            "cached, {1:F0} after 1024, {2:F0} at most",
                            rule.threshold(128), rule.threshold(1024), rule.limit());
    auto compare = [&](int64_t tokens, int64_t prefix) {
      text += llvm::formatv("; {0} new after {1} cached: {2} absorbed, {3} expanded", tokens,
                            prefix, formatFlops(absorbedFlops(shape, tokens, prefix)),
                            formatFlops(expandedFlops(shape, tokens, prefix)));
    };
    compare(1, 4096);
    compare(512, 0);
    text += llvm::formatv("; {0} bytes of cache read for each cached token",
                          (shape.latent + shape.rope) * bytes);
    remark::passed(op.getLoc(), remark::RemarkOpts::name("form").category(kCategory)) << text;
  }

  /// Adds `@absorbs`. `rule` decides where the form is split; null: `constant`.
  void addClassifier(ModuleOp module, const AbsorptionRule *rule, bool constant) {
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    Location loc = module.getLoc();
    Type index = builder.getIndexType();
    auto function = func::FuncOp::create(
        builder, loc, kClassifier,
        builder.getFunctionType({index, index}, {builder.getI1Type()}));
    function->setAttr("dsv2.classifier", builder.getUnitAttr());
    builder.setInsertionPointToEnd(function.addEntryBlock());
    if (!rule) {
      Value answer = arith::ConstantOp::create(builder, loc, builder.getBoolAttr(constant));
      func::ReturnOp::create(builder, loc, answer);
      return;
    }
    Value tokens = function.getArgument(0), prefix = function.getArgument(1);
    auto number = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    Value numerator = number(rule->numerator), denominator = number(rule->denominator);
    Value twice = arith::AddIOp::create(builder, loc, prefix, prefix);
    Value span = arith::AddIOp::create(builder, loc, tokens, twice);
    Value area = arith::MulIOp::create(builder, loc, tokens, span);
    Value lhs = arith::MulIOp::create(builder, loc, area, denominator);
    Value rhs = arith::MulIOp::create(builder, loc, prefix, numerator);
    Value answer =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, lhs, rhs);
    func::ReturnOp::create(builder, loc, answer);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<MlaAttentionOp> ops;
    module.walk([&](MlaAttentionOp op) { ops.push_back(op); });
    if (ops.empty())
      return;
    if (Operation *taken = module.lookupSymbol(kClassifier)) {
      taken->emitError("takes the name of the classifier of sequences");
      return signalPassFailure();
    }
    AttentionShape shape = getShape(ops.front());
    for (MlaAttentionOp op : ops) {
      if (!op.getInits().empty()) {
        op.emitOpError("has a destination: attention is absorbed in value form");
        return signalPassFailure();
      }
      if (!(getShape(op) == shape)) {
        InFlightDiagnostic diag =
            op.emitOpError("differs in shape from another: one rule cannot serve both");
        diag.attachNote(ops.front().getLoc()) << "the other";
        return signalPassFailure();
      }
    }
    AbsorptionRule rule = getAbsorptionRule(shape);
    if (threshold >= 0)
      rule = {2 * threshold, 1};
    AttentionForm decided = decideForm(rule);
    bool splits = decided == AttentionForm::Split && !rule.isAlways();
    IRRewriter rewriter(&getContext());
    for (MlaAttentionOp op : ops) {
      explain(op, decided, rule);
      if (decided == AttentionForm::Expanded)
        AttentionRewriter(op, rewriter).expand();
      else if (decided == AttentionForm::Split)
        AttentionRewriter(op, rewriter).split();
      else
        rewriteAbsorbed(op, rewriter);
    }
    addClassifier(module, splits ? &rule : nullptr, decided != AttentionForm::Expanded);
  }
};

} // namespace
