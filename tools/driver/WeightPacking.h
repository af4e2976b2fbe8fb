//===- WeightPacking.h - Runs the weight program into a file ----*- C++ -*-===//
//
// Packs weights with a progress bar on stderr.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_WEIGHTPACKING_H
#define TOOLS_DRIVER_WEIGHTPACKING_H

#include "runtime/io/Safetensors.h"
#include "runtime/weights/Execute.h"

namespace mlir::dsv2 {

/// Executes `program` on the checkpoint. The bar is drawn on a terminal only.
::dsv2::Status packWeights(const ::dsv2::weights::WeightProgram &program,
                           const ::dsv2::Checkpoint &checkpoint,
                           ::dsv2::weights::WeightSink &sink, int threads);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_WEIGHTPACKING_H
