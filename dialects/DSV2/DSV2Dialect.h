//===- DSV2Dialect.h - The dsv2 dialect -------------------------*- C++ -*-===//
//
// Types, attributes, interfaces and ops of the dsv2 dialect.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2DIALECT_H
#define DIALECTS_DSV2_DSV2DIALECT_H

#include "dialects/DSV2/DSV2PlannedForm.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

#include "dialects/DSV2/DSV2Dialect.h.inc"
#include "dialects/DSV2/DSV2Enums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/DSV2/DSV2Types.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/DSV2/DSV2Attrs.h.inc"

namespace mlir::dsv2 {

/// What probes write to.
struct ProbeResource : SideEffects::Resource::Base<ProbeResource> {
  StringRef getName() final { return "Probe"; }
};

} // namespace mlir::dsv2

#include "dialects/DSV2/DSV2Interfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/DSV2/DSV2Ops.h.inc"

namespace mlir::dsv2 {

/// Columns of a weight block that the packed layout keeps together.
inline constexpr int64_t kPackedColumns = 64;

/// Elements of `type` in 32 bits: the innermost dimension of the packed layout.
int64_t getPackedPair(Type type);

/// Whether `type` is `[leading..., N, K]` or the packed shape of that.
bool isWeightShape(ShapedType type, ArrayRef<int64_t> leading, int64_t n,
                   int64_t k);

/// Whether `type` has the rank of a packed weight with `leading` dimensions.
inline bool isPackedWeight(ShapedType type, int64_t leading = 0) {
  return type.getRank() == leading + 4;
}

/// The cache's encoding or memory space, or null.
CacheAttr getCacheLayout(Type type);

} // namespace mlir::dsv2

#endif // DIALECTS_DSV2_DSV2DIALECT_H
