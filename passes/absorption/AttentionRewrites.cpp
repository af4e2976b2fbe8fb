//===- AttentionRewrites.cpp - Rewrites between attention's forms ---------===//
//
// Weights are cut, transposed and merged as ops of the weight program; the
// step gets the ops of one form.
//
//===----------------------------------------------------------------------===//

#include "passes/absorption/AttentionRewrites.h"
#include "passes/analysis/WeightValues.h"

using namespace mlir;
using namespace mlir::dsv2;

static RankedTensorType getTensor(Value value) {
  return cast<RankedTensorType>(value.getType());
}

AttentionShape mlir::dsv2::getAttentionShape(MlaAttentionOp op) {
  CacheAttr cache = getCacheLayout(op.getCache().getType());
  RankedTensorType query = getTensor(op.getQuery()), result = getTensor(op.getResult(0));
  return {query.getDimSize(1), query.getDimSize(2) - cache.getRope(), cache.getRope(),
          result.getDimSize(2), cache.getLatent()};
}

//===----------------------------------------------------------------------===//
// Neighbours that a merged projection needs
//===----------------------------------------------------------------------===//

FailureOr<QueryChain> mlir::dsv2::matchQuery(MlaAttentionOp op, std::string &reason) {
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

FailureOr<OutputChain> mlir::dsv2::matchOutput(MlaAttentionOp op, std::string &reason) {
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
// Weights
//===----------------------------------------------------------------------===//

namespace {

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
// Rewrites
//===----------------------------------------------------------------------===//

/// Rewrites one attention op; the projections' forms are decided.
class AttentionRewriter {
public:
  AttentionRewriter(MlaAttentionOp op, IRRewriter &rewriter)
      : op(op), rewriter(rewriter), shape(getAttentionShape(op)), loc(op.getLoc()),
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

} // namespace

void mlir::dsv2::expandAttention(MlaAttentionOp op, IRRewriter &rewriter) {
  AttentionRewriter(op, rewriter).expand();
}

void mlir::dsv2::absorbAttention(MlaAttentionOp op, IRRewriter &rewriter,
                                 std::optional<QueryChain> query,
                                 std::optional<OutputChain> output) {
  AttentionRewriter attention(op, rewriter);
  if (query || output)
    attention.merge(query, output);
  else
    attention.factor();
}

void mlir::dsv2::splitAttention(MlaAttentionOp op, IRRewriter &rewriter) {
  AttentionRewriter(op, rewriter).split();
}
