//===- RowChecks.h - Sizes that only show at run time -----------*- C++ -*-===//
//
// Verifiers of ops see types; here the rows behind every `?` are counted, so
// that kernels may index without looking.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_ROWCHECKS_H
#define DIALECTS_DSV2_REFERENCE_ROWCHECKS_H

#include "dialects/DSV2/reference/Environment.h"

namespace mlir::dsv2::reference {

/// Checks that `array` has the static extents of `type`.
bool hasShape(const HostArray &array, ShapedType type);

/// Checks that the operands and `outs` of a planned op have as many rows as
/// there are tokens (or outputs), and that nothing but rows is dynamic. A
/// diagnostic on the op otherwise.
LogicalResult checkRows(PlannedOpInterface op, const Environment &env,
                        ArrayRef<HostArray> outs);

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_ROWCHECKS_H
