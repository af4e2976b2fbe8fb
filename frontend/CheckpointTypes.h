//===- CheckpointTypes.h - A checkpoint checked against its model *- C++ -*-===//
//
// Every tensor that the model needs must be there with its exact shape, every
// tensor that is there must be known. The answer is what the importer needs
// besides: element types.
//
//===----------------------------------------------------------------------===//

#ifndef FRONTEND_CHECKPOINTTYPES_H
#define FRONTEND_CHECKPOINTTYPES_H

#include "frontend/WeightSpecs.h"
#include "llvm/ADT/StringMap.h"
#include "runtime/io/Safetensors.h"

namespace mlir::dsv2 {

struct CheckpointTypes {
  /// By the full name of a spec, with `{}` for stacks.
  llvm::StringMap<FloatKind> bySpec;
  /// The type that most bytes of the model have.
  FloatKind main;
  /// What was left out, one line for each kind.
  std::vector<std::string> notes;
};

/// Checks `checkpoint` against `config`; errors name the tensor, and the file
/// where there is one.
::dsv2::Expected<CheckpointTypes> checkCheckpoint(const ModelConfig &config,
                                                  const ::dsv2::Checkpoint &checkpoint);

} // namespace mlir::dsv2

#endif // FRONTEND_CHECKPOINTTYPES_H
