//===- CheckpointReader.h - Checkpoint tensors for the interpreter *- C++ -*-===//
//
// Answers `dsv2.checkpoint` with the values of a safetensors checkpoint, or with
// random ones.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DSV2_INTERPRET_CHECKPOINTREADER_H
#define TOOLS_DSV2_INTERPRET_CHECKPOINTREADER_H

#include "dialects/DSV2/reference/HostArray.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "runtime/io/Safetensors.h"
#include "runtime/weights/RandomWeights.h"

namespace mlir::dsv2 {

/// The tensor, or stack of tensors, that `op` names. A diagnostic on `op` when
/// it is missing or has another shape or element type.
FailureOr<reference::HostArray> readCheckpoint(CheckpointOp op,
                                               const ::dsv2::Checkpoint &checkpoint);

/// The tensor, or stack of tensors, that `op` names, out of a seed
/// (docs/RandomWeights.md). A diagnostic on `op` when its type is neither bf16
/// nor f32.
FailureOr<reference::HostArray> readRandom(CheckpointOp op, uint64_t seed);

} // namespace mlir::dsv2

#endif // TOOLS_DSV2_INTERPRET_CHECKPOINTREADER_H
