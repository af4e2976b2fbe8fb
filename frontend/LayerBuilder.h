//===- LayerBuilder.h - One kind of layer as a function ---------*- C++ -*-===//
//
// Types of a step and the functions of dense and MoE layers.
//
//===----------------------------------------------------------------------===//

#ifndef FRONTEND_LAYERBUILDER_H
#define FRONTEND_LAYERBUILDER_H

#include "dialects/DSV2/DSV2Dialect.h"
#include "frontend/ModelConfig.h"
#include "frontend/WeightSpecs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::dsv2 {

/// Types that `@step` and the layers share; `?` is the count of tokens unless
/// said otherwise.
struct StepTypes {
  StepTypes(const ModelConfig &config, Type element, BatchType batch);

  /// tensor<? x columns...>
  RankedTensorType rows(ArrayRef<int64_t> columns) const;

  Type element;           // bf16 or f32
  BatchType batch;
  RankedTensorType hidden; // [?, hidden]
  RankedTensorType cache;  // [layers, ? pages, 64, latent + rope], encoded
  RankedTensorType table;  // [?, rope / 2, 2] of f32
};

/// Name of the attribute that says which count of the batch a `?` is.
inline constexpr char kCountAttrName[] = "dsv2.count";

/// Names of the probes (ImportOptions::probes): one each in `@step` and in every
/// layer.
inline constexpr char kEmbeddingProbe[] = "embedding";
inline constexpr char kAttentionProbe[] = "attention"; // the delta of attention
inline constexpr char kResidualProbe[] = "residual";   // that the MLP's norm reads
inline constexpr char kMLPProbe[] = "mlp";             // the delta of the MLP
inline constexpr char kLogitsProbe[] = "logits";

/// A location that names a module or tensor of the model.
Location namedLocation(MLIRContext *context, StringRef path);

/// Appends to `module` the function of a kind of layer,
/// `(residual, delta, batch, cache, layer, table, weights...) ->
/// (residual, delta, cache)`, the weights in the order of `layerWeights`.
func::FuncOp buildLayer(ModuleOp module, StringRef name, const ModelConfig &config,
                        const StepTypes &types, bool moe, bool probes);

} // namespace mlir::dsv2

#endif // FRONTEND_LAYERBUILDER_H
