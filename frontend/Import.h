//===- Import.h - A model as dsv2 IR ----------------------------*- C++ -*-===//
//
// Emits the imported stage: `@step`, and one private function for each kind of
// layer, in the paper's terms and with nothing decided.
//
//===----------------------------------------------------------------------===//

#ifndef FRONTEND_IMPORT_H
#define FRONTEND_IMPORT_H

#include "frontend/ModelConfig.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/io/Safetensors.h"

namespace mlir::dsv2 {

/// Type of activations, weights and cache.
enum class ComputeType {
  Auto, // the checkpoint's, else the configuration's; f16 becomes bf16
  BF16,
  F32
};

struct ImportOptions {
  ComputeType type = ComputeType::Auto;
  int64_t maxContext = 0; // of one sequence; zero: max_position_embeddings
  int64_t maxBatch = 64;  // sequences
  int64_t maxStepTokens = 512;
  int64_t maxOutputs = 0; // rows of logits of a step; zero: maxStepTokens
  bool probes = false;    // name the values that passes are compared by
};

/// Imports a model. With a `checkpoint` its tensors are checked against the
/// configuration; without one (random weights) the IR names what it would
/// need, in the compute type. Errors are diagnostics at unknown location, what
/// was ignored or converted is a remark.
FailureOr<OwningOpRef<ModuleOp>> importModel(MLIRContext &context, const ModelConfig &config,
                                             const ::dsv2::Checkpoint *checkpoint,
                                             const ImportOptions &options = {});

} // namespace mlir::dsv2

#endif // FRONTEND_IMPORT_H
