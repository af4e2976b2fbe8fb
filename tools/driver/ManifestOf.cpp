//===- ManifestOf.cpp - What a compiled file says about itself ------------===//
//
// Fills the manifest from the configuration and the options.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/ManifestOf.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;

bundle::Cost mlir::dsv2::costOf(const ModelConfig &config, int64_t elementBytes) {
  bundle::Cost cost;
  double d = config.hiddenSize, heads = config.heads, dc = config.latentDim;
  double dn = config.nopeDim, dr = config.ropeDim, dv = config.valueDim;
  double query = config.queryRank ? d * *config.queryRank + *config.queryRank * heads * (dn + dr)
                                  : d * heads * (dn + dr);
  double attention = query + d * (dc + dr) + heads * (dn + dv) * dc + heads * dv * d;
  double dense = 0, perToken = 0;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    dense += attention;
    perToken += attention;
    if (!config.isMoELayer(layer)) {
      dense += 3 * d * config.denseWidth;
      perToken += 3 * d * config.denseWidth;
      continue;
    }
    const ExpertConfig &experts = *config.experts;
    double always = d * experts.routed + 3 * d * experts.width * experts.shared;
    dense += always;
    perToken += always + 3 * d * experts.width * experts.perToken;
    ++cost.moeLayers;
  }
  double head = d * config.vocabSize;
  cost.flopsPerToken = 2 * perToken;
  cost.flopsPerOutput = 2 * head;
  cost.flopsPerTokenPerContext = 2 * (2 * dc + dr) * heads * config.layers;
  cost.flopsPerTokenPerContextPrefill = 2 * (dn + dr + dv) * heads * config.layers;
  cost.weightBytesDense = (dense + head) * elementBytes;
  if (cost.moeLayers) {
    cost.experts = config.experts->routed;
    cost.expertsPerToken = config.experts->perToken;
    cost.weightBytesExpert = 3 * d * config.experts->width * elementBytes;
  }
  cost.cacheBytesPerToken = double(config.cacheColumns()) * config.layers * elementBytes;
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
