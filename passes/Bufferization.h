//===- Bufferization.h - How dsv2 ops become buffer ops ---------*- C++ -*-===//
//
// One bufferization model for all planned ops: an op in destination form
// becomes itself on memrefs.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_BUFFERIZATION_H
#define PASSES_BUFFERIZATION_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir::dsv2 {

/// Attaches BufferizableOpInterface to planned ops and to `dsv2.weight`.
void registerBufferization(DialectRegistry &registry);

} // namespace mlir::dsv2

#endif // PASSES_BUFFERIZATION_H
