//===- Precision.h - The two precisions of evaluation -----------*- C++ -*-===//
//
// In f64 nothing is rounded. In model precision every value is rounded to its
// type where the released code rounds it (specification section 3); sums are
// taken in f64, which stands for any order of an f32 accumulation.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_PRECISION_H
#define DIALECTS_DSV2_REFERENCE_PRECISION_H

#include "mlir/IR/BuiltinTypes.h"

namespace mlir::dsv2::reference {

enum class Precision { F64, Model };

/// `value` as the nearest number of `type` (bf16, f16 or f32), ties to even.
double roundTo(double value, Type type);

/// Rounds in model precision only.
inline double round(double value, Type type, Precision precision) {
  return precision == Precision::Model ? roundTo(value, type) : value;
}
inline double roundF32(double value, Precision precision) {
  return precision == Precision::Model ? double(float(value)) : value;
}

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_PRECISION_H
