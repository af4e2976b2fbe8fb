//===- ManifestOf.cpp - What a compiled file says about itself ------------===//
//
// Fills the manifest from the configuration and the options.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/ManifestOf.h"
#include "passes/cost/StepCost.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;

bundle::Cost mlir::dsv2::costOf(ModuleOp planned, const ModelConfig &config) {
  std::vector<StepOp> ops = getStepOps(planned.lookupSymbol<func::FuncOp>("step"));
  auto step = [&](double tokens, double prefix, double outputs, bool absorbed) {
    return getStepCost(ops, {.newTokens = tokens, .prefix = prefix, .outputs = outputs,
                             .absorbed = absorbed});
  };
  // With nothing cached, T tokens take A T + B T (T + 1) / 2 FLOPs.
  auto perPair = [&](bool absorbed) {
    return step(2, 0, 0, absorbed).dotFlops - 2 * step(1, 0, 0, absorbed).dotFlops;
  };
  OpCost one = step(1, 0, 1, /*absorbed=*/true);
  bundle::Cost cost;
  cost.flopsPerTokenPerContext = perPair(/*absorbed=*/true);
  cost.flopsPerTokenPerContextPrefill = perPair(/*absorbed=*/false);
  double withoutLogits = step(1, 0, 0, /*absorbed=*/true).dotFlops;
  cost.flopsPerToken = withoutLogits - cost.flopsPerTokenPerContext;
  cost.flopsPerOutput = one.dotFlops - withoutLogits;
  cost.weightBytesDense = one.weightBytes - one.expertBytes;
  cost.cacheBytesPerToken = step(1, 1, 1, true).cacheBytes - one.cacheBytes;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    cost.moeLayers += config.isMoELayer(layer);
  if (cost.moeLayers) {
    cost.experts = config.experts->routed;
    cost.expertsPerToken = config.experts->perToken;
    cost.weightBytesExpert =
        one.expertBytes / double(cost.expertsPerToken) / double(cost.moeLayers);
  }
  return cost;
}

std::vector<std::pair<std::string, int64_t>> mlir::dsv2::dimensionsOf(const ModelConfig &config) {
  std::vector<std::pair<std::string, int64_t>> result = {
      {"hidden_size", config.hiddenSize},
      {"num_hidden_layers", config.layers},
      {"num_attention_heads", config.heads},
      {"q_lora_rank", config.queryRank.value_or(0)},
      {"kv_lora_rank", config.latentDim},
      {"qk_nope_head_dim", config.nopeDim},
      {"qk_rope_head_dim", config.ropeDim},
      {"v_head_dim", config.valueDim},
      {"intermediate_size", config.denseWidth}};
  if (config.experts)
    result.insert(result.end(), {{"n_routed_experts", config.experts->routed},
                                 {"n_shared_experts", config.experts->shared},
                                 {"num_experts_per_tok", config.experts->perToken},
                                 {"moe_intermediate_size", config.experts->width},
                                 {"n_group", config.experts->groups},
                                 {"topk_group", config.experts->keptGroups}});
  result.push_back({"vocab_size", config.vocabSize});
  return result;
}

bundle::ModuleVariant mlir::dsv2::moduleVariantOf(StringRef variant) {
  if (variant == "avx512bf16")
    return {variant.str(), {"x86-64-v4", "avx512bf16"}};
  return {variant.str(), {variant.str()}};
}
