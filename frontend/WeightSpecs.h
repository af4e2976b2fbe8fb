//===- WeightSpecs.h - Names and shapes of a model's tensors ----*- C++ -*-===//
//
// The one list of what a checkpoint holds (specification section 2): the
// importer makes its values from it and the checkpoint is checked against it.
//
//===----------------------------------------------------------------------===//

#ifndef FRONTEND_WEIGHTSPECS_H
#define FRONTEND_WEIGHTSPECS_H

#include "frontend/ModelConfig.h"

namespace mlir::dsv2 {

/// One tensor, or with `{}` in its name a stack of equal ones that the numbers
/// from zero name; the stack's height is then the leading extent.
struct WeightSpec {
  std::string name;
  std::vector<int64_t> shape;

  bool isStacked() const { return name.find("{}") != std::string::npos; }
  /// Tensors of the checkpoint that it covers.
  int64_t count() const { return isStacked() ? shape[0] : 1; }
  /// Shape of each.
  std::vector<int64_t> memberShape() const {
    return {shape.begin() + (isStacked() ? 1 : 0), shape.end()};
  }
  /// Name of the i-th.
  std::string memberName(int64_t i) const;
};

/// `model.layers.N.`
std::string layerPrefix(int64_t layer);

/// The tensors of one layer, names relative to its prefix, in the order in
/// which its function takes them.
std::vector<WeightSpec> layerWeights(const ModelConfig &config, bool moe);

inline constexpr char kEmbeddingName[] = "model.embed_tokens.weight";
inline constexpr char kFinalNormName[] = "model.norm.weight";
inline constexpr char kHeadName[] = "lm_head.weight";

/// The tensors outside the layers; no head when it is tied to the embedding.
std::vector<WeightSpec> outerWeights(const ModelConfig &config);

} // namespace mlir::dsv2

#endif // FRONTEND_WEIGHTSPECS_H
