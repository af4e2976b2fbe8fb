//===- Variants.h - The variants of code that --target asks for -*- C++ -*-===//

#ifndef TOOLS_DRIVER_VARIANTS_H
#define TOOLS_DRIVER_VARIANTS_H

#include "mlir/IR/Location.h"
#include <string>
#include <vector>

namespace mlir::dsv2 {

/// Replaces `native` by the best variant that this machine runs, drops
/// duplicates and sorts, best first. Errors: an unknown name.
FailureOr<std::vector<std::string>> resolveTargets(ArrayRef<std::string> targets, Location loc);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_VARIANTS_H
