//===- ManifestOf.h - What a compiled file says about itself ----*- C++ -*-===//
//
// Fills the manifest from the configuration and the options.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_MANIFESTOF_H
#define TOOLS_DRIVER_MANIFESTOF_H

#include "frontend/ModelConfig.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/bundle/Manifest.h"

namespace mlir::dsv2 {

/// FLOPs and bytes of the steps of a planned module, by the cost library.
::dsv2::bundle::Cost costOf(ModuleOp planned, const ModelConfig &config);

/// Sizes under config.json's names, in print order.
std::vector<std::pair<std::string, int64_t>> dimensionsOf(const ModelConfig &config);

/// The features that a CPU needs for a variant (lowering/CPU/CPUTarget.h).
::dsv2::bundle::ModuleVariant moduleVariantOf(StringRef variant);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_MANIFESTOF_H
