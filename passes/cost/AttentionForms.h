//===- AttentionForms.h - What the forms of latent attention cost -*- C++ -*-===//
//
// FLOPs and bytes of the orderings of specification §3.1, and the rule that
// tells which sequences attend in the absorbed form. Pure functions of shapes.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_COST_ATTENTIONFORMS_H
#define PASSES_COST_ATTENTIONFORMS_H

#include <cstdint>

namespace mlir::dsv2 {

/// Forms that `dsv2-absorb-mla-projections` gives to an attention op.
enum class AttentionForm { Auto, Split, Factored, Merged, Expanded };

/// How an absorbed form applies one of its projections.
enum class ProjectionForm { Auto, Factored, Merged };

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

/// FLOPs that a token gains (or, negative, saves) in one layer when W_UK is
/// merged into the query's projection, which takes `input` columns. The query's
/// projection itself counts.
double mergedQueryExtraFlops(const AttentionShape &shape, double input);

/// The same for W_UV and the output's projection, which gives `hidden` columns.
double mergedOutputExtraFlops(const AttentionShape &shape, double hidden);

/// Which sequences are absorbed: those with
/// `tokens * (tokens + 2 * prefix) * denominator <= numerator * prefix`, which
/// is T <= T* = -P + sqrt(P^2 + kappa P), kappa = numerator / denominator, in
/// whole numbers. A denominator of zero stands for every sequence.
struct AbsorptionRule {
  int64_t numerator = 0;
  int64_t denominator = 0;

  bool isAlways() const { return denominator == 0; }
  bool absorbs(int64_t tokens, int64_t prefix) const;
  /// T* in tokens; infinite when every sequence is absorbed.
  double threshold(double prefix) const;
  /// The limit of T* for long prefixes, kappa / 2.
  double limit() const;
};

/// The rule by FLOPs: absorbed where expanding is not cheaper.
AbsorptionRule getAbsorptionRule(const AttentionShape &shape);

} // namespace mlir::dsv2

#endif // PASSES_COST_ATTENTIONFORMS_H
