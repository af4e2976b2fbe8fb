//===- AttentionRewrites.h - Rewrites between attention's forms -*- C++ -*-===//
//
// What `dsv2-absorb-mla-projections` does to one attention op once its form is
// decided, and the neighbours that a merged projection needs.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_ABSORPTION_ATTENTIONREWRITES_H
#define PASSES_ABSORPTION_ATTENTIONREWRITES_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/cost/AttentionForms.h"
#include <optional>

namespace mlir::dsv2 {

AttentionShape getAttentionShape(MlaAttentionOp op);

/// linear -> expand_shape -> rope -> attention, each with one use; rope absent
/// where the model has none.
struct QueryChain {
  LinearOp linear;
  tensor::ExpandShapeOp split;
  RopeOp rope;
};

/// The query's projection, or why it cannot be merged.
FailureOr<QueryChain> matchQuery(MlaAttentionOp op, std::string &reason);

/// attention -> collapse_shape -> linear, each with one use.
struct OutputChain {
  tensor::CollapseShapeOp join;
  LinearOp linear;
};

/// The output's projection, or why it cannot be merged.
FailureOr<OutputChain> matchOutput(MlaAttentionOp op, std::string &reason);

/// mla_attention -> expanded_attention
void expandAttention(MlaAttentionOp op, IRRewriter &rewriter);

/// mla_attention -> head_linear (W_UK), latent_attention, head_linear (W_UV),
/// with each projection merged into its neighbour where its chain is given.
void absorbAttention(MlaAttentionOp op, IRRewriter &rewriter,
                     std::optional<QueryChain> query, std::optional<OutputChain> output);

/// mla_attention -> expanded and factored, each on its range, one result
void splitAttention(MlaAttentionOp op, IRRewriter &rewriter);

} // namespace mlir::dsv2

#endif // PASSES_ABSORPTION_ATTENTIONREWRITES_H
