//===- Convert.h - Element types of weights ---------------------*- C++ -*-===//
//
// Conversion of arrays between bf16, f16 and f32 with one rounding, to nearest
// even.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_WEIGHTS_CONVERT_H
#define RUNTIME_WEIGHTS_CONVERT_H

#include "runtime/weights/WeightProgram.h"
#include <bit>

namespace dsv2::weights {

/// f32 -> bf16, to nearest even; NaN stays NaN.
inline uint16_t roundToBF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  bool nan = (bits & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>(nan ? (bits >> 16) | 0x40 : rounded);
}

/// f64 -> bf16 with one rounding, to nearest even: through f32 rounded to odd,
/// whose last bit remembers what was cut off.
inline uint16_t roundOnceToBF16(double value) {
  float cut = static_cast<float>(value);
  uint32_t bits = std::bit_cast<uint32_t>(cut);
  double exact = cut;
  if (exact != value && exact == exact && !(bits & 1)) {
    // Toward zero where the conversion went away from it, then odd.
    bool away = (exact > value) == (value > 0);
    bits = away ? bits - 1 : bits | 1;
  }
  return roundToBF16(std::bit_cast<float>(bits));
}

inline float fromBF16(uint16_t value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

/// f16 -> f32, exact.
inline float fromF16(uint16_t value) {
  uint32_t sign = static_cast<uint32_t>(value & 0x8000) << 16;
  uint32_t rest = static_cast<uint32_t>(value & 0x7fff) << 13;
  // The multiplication moves the exponent's bias and normalizes subnormals.
  float scaled = std::bit_cast<float>(rest) * 0x1p112f;
  uint32_t bits = std::bit_cast<uint32_t>(scaled);
  bool special = rest >= 0x7c00u << 13;
  return std::bit_cast<float>((special ? rest | 0x7f800000u : bits) | sign);
}

/// to[i] = round(scale · from[i]) for i < count, through f32. `to` is F32 or
/// BF16; the arrays do not overlap.
void convertElements(const void *from, ElementType fromType, void *to,
                     ElementType toType, int64_t count, float scale);

} // namespace dsv2::weights

#endif // RUNTIME_WEIGHTS_CONVERT_H
