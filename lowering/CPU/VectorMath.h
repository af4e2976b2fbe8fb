//===- VectorMath.h - Elementary functions on f32 vectors -------*- C++ -*-===//
//
// Elementary functions as straight code: a compiled module has no imports, so
// there is no library to call.
//
//===----------------------------------------------------------------------===//

#ifndef LOWERING_CPU_VECTORMATH_H
#define LOWERING_CPU_VECTORMATH_H

#include "lowering/CPU/KernelBuilder.h"

namespace mlir::dsv2 {

/// `exp(x)` of f32 lanes (or a scalar) to 2 ulp, everywhere: subnormal results
/// are rounded once, beyond the range are 0 and infinity, NaN stays NaN.
Value emitExp(KernelBuilder &k, Value x);

/// `exp(x)` of f32 lanes (or a scalar) for `x <= 0`, to 2 ulp where the result
/// is a normal number and 0 below; half the instructions that scale the
/// result. Minus infinity gives 0, NaN stays NaN.
Value emitExpNonPositive(KernelBuilder &k, Value x);

/// `silu(gate) * up` of f32 lanes.
Value emitSwiglu(KernelBuilder &k, Value gate, Value up);

} // namespace mlir::dsv2

#endif // LOWERING_CPU_VECTORMATH_H
