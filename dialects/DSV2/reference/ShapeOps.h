//===- ShapeOps.h - Upstream ops that the interpreter knows -----*- C++ -*-===//
//
// Reshapes, slices and views of tensor and memref, and scalar arithmetic.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_SHAPEOPS_H
#define DIALECTS_DSV2_REFERENCE_SHAPEOPS_H

#include "dialects/DSV2/reference/Environment.h"

namespace mlir::dsv2::reference {

/// Evaluates an op of tensor, memref or arith (or any other that folds on
/// integers) and binds its results. A diagnostic where that is not possible.
LogicalResult evaluateShapeOp(Operation *op, Environment &env);

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_SHAPEOPS_H
