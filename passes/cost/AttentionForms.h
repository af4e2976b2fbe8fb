//===- AttentionForms.h - What the forms of latent attention cost -*- C++ -*-===//
//
// FLOPs and bytes of the orderings of specification §3.1, the rule that tells
// which sequences attend in the absorbed form, and the costs of a projection
// that is factored or merged. Pure functions of shapes and a target.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_ATTENTIONFORMS_H
#define PASSES_COST_ATTENTIONFORMS_H

#include "passes/AttentionChoice.h"
#include "passes/cost/OpCost.h"
#include <cstdint>

namespace mlir::dsv2 {

/// Sizes of one attention layer, in the specification's symbols.
struct AttentionShape {
  int64_t heads;  // H
  int64_t nope;   // dn
  int64_t rope;   // dr
  int64_t value;  // dv
  int64_t latent; // dc

  bool operator==(const AttentionShape &) const = default;
};

/// FLOPs of one sequence and layer, attention and both projections, in the
/// absorbed form (B, factored).
double absorbedFlops(const AttentionShape &shape, double tokens, double prefix);

/// FLOPs of one sequence and layer over keys and values rebuilt from the
/// latent (A2).
double expandedFlops(const AttentionShape &shape, double tokens, double prefix);

/// T* = -P + sqrt(P^2 + kappa P), kappa = 2 dc (dn + dv) / (2 dc - dn - dv): new
/// tokens from which on expanding takes fewer FLOPs. Infinite where absorbing
/// always does.
double flopThreshold(const AttentionShape &shape, double prefix);

/// Whether absorbing never takes more FLOPs, whatever the sequence.
bool isAbsorbingNeverDearer(const AttentionShape &shape);

/// Which sequences of a step are absorbed: those whose absorbed form takes no
/// more time than the expanded one, for one layer on one target. Both forms
/// stream W_UK and W_UV (W bytes) and the sequence's cached rows, beside their
/// arithmetic; r is the FLOP that take as long as one byte:
///
///     memory(T, P)   = r (W + row bytes (P + T))
///     absorbed       = max(memory, w T + a T (2 P + T + 1))
///     expanded       = max(memory, w (P + T) + e T (2 P + T + 1))
///
/// Alone, both are equal where both wait for memory, and such a sequence is
/// absorbed. Beside `batch` sequences that are absorbed anyway (one new token
/// each), only what it adds counts: W is streamed for them already, whereas the
/// expanded form would stream it a second time.
///
///     absorbed       = max(memory, w (T + batch) + ...) - max(r W, w batch)
///
/// All in FLOP, in whole numbers, so that compiled code decides equally.
struct AbsorptionRule {
  int64_t projection = 0;   // w: of W_UK and W_UV for one row of all heads
  int64_t absorbedPair = 0; // a: half of a query-key pair of all heads
  int64_t expandedPair = 0; // e
  int64_t stream = 0;       // r W
  int64_t row = 0;          // r times the bytes of a cached row

  bool operator==(const AbsorptionRule &) const = default;
  bool absorbs(int64_t tokens, int64_t prefix, int64_t batch) const;
  /// The most new tokens, up to `most`, that are absorbed.
  int64_t threshold(int64_t prefix, int64_t batch, int64_t most) const;
};

/// The rule for weights and cache of one type.
AbsorptionRule getAbsorptionRule(const AttentionShape &shape, const TargetModel &target,
                                 NumberType type);

/// One layer's query projection and W_UK in an absorbed form, for `tokens` new
/// tokens: `linear` from `input` columns and `head_linear`, or the merged one.
/// Seconds, launches included.
double queryProjectionSeconds(const AttentionShape &shape, int64_t input, ProjectionForm form,
                              double tokens, const TargetModel &target, NumberType type);

/// The same of W_UV and the output's projection, which gives `hidden` columns.
double outputProjectionSeconds(const AttentionShape &shape, int64_t hidden, ProjectionForm form,
                               double tokens, const TargetModel &target, NumberType type);

/// FLOPs that a token gains (or, negative, saves) in one layer when W_UK is
/// merged into the query's projection, which takes `input` columns.
double mergedQueryExtraFlops(const AttentionShape &shape, double input);

/// The same for W_UV and the output's projection, which gives `hidden` columns.
double mergedOutputExtraFlops(const AttentionShape &shape, double hidden);

} // namespace mlir::dsv2

#endif // PASSES_COST_ATTENTIONFORMS_H
