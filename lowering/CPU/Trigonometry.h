//===- Trigonometry.h - Sine and cosine of f32 angles -----------*- C++ -*-===//
//
// Emitted as arithmetic on vectors, since a module imports no library.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_TRIGONOMETRY_H
#define LOWERING_CPU_TRIGONOMETRY_H

#include "lowering/CPU/KernelBuilder.h"

namespace mlir::dsv2 {

/// Vectors of f64, `[lanes]`.
struct SinCos {
  Value sin, cos;
};

/// Sine and cosine of `angle`, a vector of f64 that holds f32 values up to 2^30
/// in magnitude. Relative error below 2^-33, so that rounding to f32 gives the
/// nearest value or, rarely, its neighbour.
SinCos emitSinCos(KernelBuilder &k, Value angle);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_TRIGONOMETRY_H
