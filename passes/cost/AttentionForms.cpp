//===- AttentionForms.cpp - What the forms of latent attention cost -------===//
//
// The formulas of specification §3.1. FLOP = 2 multiply-adds.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/AttentionForms.h"
#include "passes/cost/Workload.h"
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir::dsv2;

/// FLOPs of W_UK and W_UV for one row of all heads.
static double projectionFlops(const AttentionShape &shape) {
  return 2.0 * shape.latent * (shape.nope + shape.value) * shape.heads;
}

double mlir::dsv2::absorbedFlops(const AttentionShape &shape, double tokens,
                                 double prefix) {
  return projectionFlops(shape) * tokens +
         2.0 * (2 * shape.latent + shape.rope) * shape.heads *
             contextPairs(tokens, prefix);
}

double mlir::dsv2::expandedFlops(const AttentionShape &shape, double tokens,
                                 double prefix) {
  return projectionFlops(shape) * (prefix + tokens) +
         2.0 * (shape.nope + shape.rope + shape.value) * shape.heads *
             contextPairs(tokens, prefix);
}

double mlir::dsv2::mergedQueryExtraFlops(const AttentionShape &shape, double input) {
  return 2.0 * shape.heads *
         (input * (shape.latent - shape.nope) - double(shape.nope) * shape.latent);
}

double mlir::dsv2::mergedOutputExtraFlops(const AttentionShape &shape, double hidden) {
  return 2.0 * shape.heads *
         (hidden * (shape.latent - shape.value) - double(shape.value) * shape.latent);
}

bool AbsorptionRule::absorbs(int64_t tokens, int64_t prefix) const {
  return isAlways() ||
         tokens * (tokens + 2 * prefix) * denominator <= numerator * prefix;
}

double AbsorptionRule::threshold(double prefix) const {
  if (isAlways())
    return std::numeric_limits<double>::infinity();
  if (prefix <= 0)
    return 0;
  double kappa = double(numerator) / double(denominator);
  // -P + sqrt(P^2 + kappa P), without the cancellation.
  return kappa * prefix / (prefix + std::sqrt(prefix * prefix + kappa * prefix));
}

double AbsorptionRule::limit() const {
  return isAlways() ? std::numeric_limits<double>::infinity()
                    : double(numerator) / double(denominator) / 2;
}

AbsorptionRule mlir::dsv2::getAbsorptionRule(const AttentionShape &shape) {
  // expanded - absorbed, per head, is
  //   2 dc (dn + dv) P - 2 (2 dc - dn - dv) T (P + (T + 1) / 2),
  // negative from T* on; with T + 1 taken as T this is the specification's
  // rule. Where the second bracket is not positive, absorbing is never dearer.
  int64_t denominator = 2 * shape.latent - shape.nope - shape.value;
  if (denominator <= 0)
    return {};
  int64_t numerator = 2 * shape.latent * (shape.nope + shape.value);
  int64_t divisor = std::gcd(numerator, denominator);
  return {numerator / divisor, denominator / divisor};
}
