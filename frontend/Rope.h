//===- Rope.h - Rotary frequencies and the scales of YaRN -------*- C++ -*-===//
//
// Numbers that follow from the configuration alone, in the reference's f32
// arithmetic: at long positions one ulp of a frequency is visible in the
// logits (specification section 3, "f32 angle").
//
//===----------------------------------------------------------------------===//

#ifndef FRONTEND_ROPE_H
#define FRONTEND_ROPE_H

#include "frontend/ModelConfig.h"

namespace mlir::dsv2 {

/// f_i for i < `dim` / 2, with YaRN where configured; `dim` is even.
std::vector<float> rotaryFrequencies(const RopeConfig &rope, int64_t dim);

/// What multiplies cosines and sines: M(s, mscale) / M(s, mscale_all_dim).
float rotaryScale(const RopeConfig &rope);

/// What multiplies attention logits:
/// (nope + rope)^(-1/2), times M(s, mscale_all_dim)^2 unless that is zero.
float softmaxScale(const ModelConfig &config);

} // namespace mlir::dsv2

#endif // FRONTEND_ROPE_H
