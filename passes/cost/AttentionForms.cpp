//===- AttentionForms.cpp - What the forms of latent attention cost -------===//
//
// The formulas of specification §3.1. FLOP = 2 multiply-adds.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/AttentionForms.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::dsv2;

/// FLOPs of W_UK and W_UV for one row of all heads.
static int64_t getProjectionFlops(const AttentionShape &shape) {
  return 2 * shape.latent * (shape.nope + shape.value) * shape.heads;
}

/// Multiply-adds of a query-key pair of all heads.
static int64_t getAbsorbedPair(const AttentionShape &shape) {
  return (2 * shape.latent + shape.rope) * shape.heads;
}
static int64_t getExpandedPair(const AttentionShape &shape) {
  return (shape.nope + shape.rope + shape.value) * shape.heads;
}

static double getBytes(NumberType type) {
  return type == NumberType::F32 ? 4 : type == NumberType::BF16 ? 2 : 1;
}

double mlir::dsv2::absorbedFlops(const AttentionShape &shape, double tokens, double prefix) {
  return double(getProjectionFlops(shape)) * tokens +
         2.0 * double(getAbsorbedPair(shape)) * contextPairs(tokens, prefix);
}

double mlir::dsv2::expandedFlops(const AttentionShape &shape, double tokens, double prefix) {
  return double(getProjectionFlops(shape)) * (prefix + tokens) +
         2.0 * double(getExpandedPair(shape)) * contextPairs(tokens, prefix);
}

bool mlir::dsv2::isAbsorbingNeverDearer(const AttentionShape &shape) {
  return getAbsorbedPair(shape) <= getExpandedPair(shape);
}

double mlir::dsv2::flopThreshold(const AttentionShape &shape, double prefix) {
  if (isAbsorbingNeverDearer(shape))
    return std::numeric_limits<double>::infinity();
  if (prefix <= 0)
    return 0;
  double kappa = double(getProjectionFlops(shape)) /
                 double(getAbsorbedPair(shape) - getExpandedPair(shape));
  // -P + sqrt(P^2 + kappa P), without the cancellation.
  return kappa * prefix / (prefix + std::sqrt(prefix * prefix + kappa * prefix));
}

bool AbsorptionRule::absorbs(int64_t tokens, int64_t prefix, int64_t batch) const {
  int64_t rows = prefix + tokens, pairs = tokens * (prefix + rows + 1);
  int64_t memory = stream + row * rows;
  int64_t absorbed =
      std::max(memory, projection * (tokens + batch) + absorbedPair * pairs) -
      (batch > 0 ? std::max(stream, projection * batch) : 0);
  int64_t expanded = std::max(memory, projection * rows + expandedPair * pairs);
  return absorbed <= expanded;
}

int64_t AbsorptionRule::threshold(int64_t prefix, int64_t batch, int64_t most) const {
  int64_t tokens = 0;
  while (tokens < most && absorbs(tokens + 1, prefix, batch))
    ++tokens;
  return tokens;
}

AbsorptionRule mlir::dsv2::getAbsorptionRule(const AttentionShape &shape,
                                             const TargetModel &target, NumberType type) {
  double perByte = target.ridge(type) * getBytes(type);
  double weights = double(getProjectionFlops(shape)) / 2;
  return {getProjectionFlops(shape), getAbsorbedPair(shape), getExpandedPair(shape),
          int64_t(std::llround(perByte * weights)),
          int64_t(std::llround(perByte * double(shape.latent + shape.rope)))};
}

/// Rows of `inputs` columns times a dense weight of `outputs` rows, `heads` times.
static double getProductSeconds(int64_t heads, int64_t inputs, int64_t outputs, double tokens,
                                const TargetModel &target, NumberType type) {
  double weights = double(heads) * double(inputs) * double(outputs);
  OpCost cost;
  cost.weightBytes = weights * getBytes(type);
  cost.dotFlops = 2 * tokens * weights;
  cost.dotType = type;
  return predict(cost, target).seconds;
}

double mlir::dsv2::queryProjectionSeconds(const AttentionShape &shape, int64_t input,
                                          ProjectionForm form, double tokens,
                                          const TargetModel &target, NumberType type) {
  auto seconds = [&](int64_t heads, int64_t inputs, int64_t outputs) {
    return getProductSeconds(heads, inputs, outputs, tokens, target, type);
  };
  if (form == ProjectionForm::Merged)
    return seconds(1, input, shape.heads * (shape.latent + shape.rope));
  return seconds(1, input, shape.heads * (shape.nope + shape.rope)) +
         seconds(shape.heads, shape.nope, shape.latent);
}

double mlir::dsv2::outputProjectionSeconds(const AttentionShape &shape, int64_t hidden,
                                           ProjectionForm form, double tokens,
                                           const TargetModel &target, NumberType type) {
  auto seconds = [&](int64_t heads, int64_t inputs, int64_t outputs) {
    return getProductSeconds(heads, inputs, outputs, tokens, target, type);
  };
  if (form == ProjectionForm::Merged)
    return seconds(1, shape.heads * shape.latent, hidden);
  return seconds(shape.heads, shape.latent, shape.value) +
         seconds(1, shape.heads * shape.value, hidden);
}

double mlir::dsv2::mergedQueryExtraFlops(const AttentionShape &shape, double input) {
  return 2.0 * double(shape.heads) *
         (input * double(shape.latent - shape.nope) - double(shape.nope) * double(shape.latent));
}

double mlir::dsv2::mergedOutputExtraFlops(const AttentionShape &shape, double hidden) {
  return 2.0 * double(shape.heads) *
         (hidden * double(shape.latent - shape.value) - double(shape.value) * double(shape.latent));
}
