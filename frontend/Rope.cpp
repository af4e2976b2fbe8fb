//===- Rope.cpp - Rotary frequencies and the scales of YaRN ---------------===//
//
// Specification section 3, "YaRN" and "mscale"; the released code is normative
// where transformers differs (mscale_all_dim of zero).
//
//===----------------------------------------------------------------------===//

#include "frontend/Rope.h"

#include <algorithm>
#include <cmath>

using namespace mlir::dsv2;

/// M(s, mu).
static double magnitude(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

/// Frequency index at which a pair makes `rotations` over the original length.
static double correctionIndex(double rotations, int64_t dim, double theta, int64_t positions) {
  return dim * std::log(positions / (rotations * 2 * M_PI)) / (2 * std::log(theta));
}

std::vector<float> mlir::dsv2::rotaryFrequencies(const RopeConfig &rope, int64_t dim) {
  float low = 0, width = 1;
  if (rope.yarn) {
    const YarnConfig &yarn = *rope.yarn;
    double first = std::max(
        std::floor(correctionIndex(yarn.betaFast, dim, rope.theta, yarn.originalPositions)), 0.0);
    double last = std::min(
        std::ceil(correctionIndex(yarn.betaSlow, dim, rope.theta, yarn.originalPositions)),
        double(dim - 1));
    if (first == last)
      last += 0.001; // as the reference, against a division by zero
    low = float(first);
    width = float(last - first);
  }
  std::vector<float> frequencies;
  for (int64_t i = 0; i < dim / 2; ++i) {
    float exponent = float(2 * i) / float(dim);
    // Libraries differ in the last bit of powf: f64, rounded once, is the
    // correctly rounded value.
    float power = float(std::pow(double(float(rope.theta)), double(exponent)));
    float extrapolated = 1.0f / power;
    if (!rope.yarn) {
      frequencies.push_back(extrapolated);
      continue;
    }
    // One statement an operation: each is rounded to f32, none is fused.
    float stretched = float(rope.yarn->factor) * power;
    float interpolated = 1.0f / stretched;
    float ramp = std::clamp((float(i) - low) / width, 0.0f, 1.0f);
    float keep = 1.0f - ramp;
    float blend = 1.0f - keep;
    float slow = interpolated * blend;
    float fast = extrapolated * keep;
    frequencies.push_back(slow + fast);
  }
  return frequencies;
}

float mlir::dsv2::rotaryScale(const RopeConfig &rope) {
  if (!rope.yarn)
    return 1.0f;
  const YarnConfig &yarn = *rope.yarn;
  return float(magnitude(yarn.factor, yarn.mscale) / magnitude(yarn.factor, yarn.mscaleAllDim));
}

float mlir::dsv2::softmaxScale(const ModelConfig &config) {
  double scale = 1 / std::sqrt(double(config.queryDim()));
  if (const auto &yarn = config.rope.yarn; yarn && yarn->mscaleAllDim != 0) {
    double m = magnitude(yarn->factor, yarn->mscaleAllDim);
    scale *= m * m;
  }
  return float(scale);
}
