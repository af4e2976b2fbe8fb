//===- WeightSpecs.cpp - Names and shapes of a model's tensors ------------===//
//
// The table of specification section 2.
//
//===----------------------------------------------------------------------===//

#include "frontend/WeightSpecs.h"

using namespace mlir::dsv2;

std::string WeightSpec::memberName(int64_t i) const {
  size_t hole = name.find("{}");
  if (hole == std::string::npos)
    return name;
  return name.substr(0, hole) + std::to_string(i) + name.substr(hole + 2);
}

std::string mlir::dsv2::layerPrefix(int64_t layer) {
  return "model.layers." + std::to_string(layer) + ".";
}

/// Gate, up and down projections, `experts` of them or (zero) just one.
static void addMlp(std::vector<WeightSpec> &specs, const std::string &prefix, int64_t hidden,
                   int64_t width, int64_t experts = 0) {
  auto add = [&](const char *name, int64_t n, int64_t k) {
    std::vector<int64_t> shape{n, k};
    if (experts)
      shape.insert(shape.begin(), experts);
    specs.push_back({prefix + name, std::move(shape)});
  };
  add("gate_proj.weight", width, hidden);
  add("up_proj.weight", width, hidden);
  add("down_proj.weight", hidden, width);
}

std::vector<WeightSpec> mlir::dsv2::layerWeights(const ModelConfig &config, bool moe) {
  std::vector<WeightSpec> specs;
  int64_t hidden = config.hiddenSize, heads = config.heads;
  auto linear = [&](const std::string &name, int64_t n, int64_t k, bool bias) {
    specs.push_back({name + ".weight", {n, k}});
    if (bias)
      specs.push_back({name + ".bias", {n}});
  };
  specs.push_back({"input_layernorm.weight", {hidden}});
  if (config.queryRank) {
    linear("self_attn.q_a_proj", *config.queryRank, hidden, config.attentionBias);
    specs.push_back({"self_attn.q_a_layernorm.weight", {*config.queryRank}});
    linear("self_attn.q_b_proj", heads * config.queryDim(), *config.queryRank, false);
  } else {
    linear("self_attn.q_proj", heads * config.queryDim(), hidden, false);
  }
  linear("self_attn.kv_a_proj_with_mqa", config.cacheColumns(), hidden, config.attentionBias);
  specs.push_back({"self_attn.kv_a_layernorm.weight", {config.latentDim}});
  linear("self_attn.kv_b_proj", heads * (config.nopeDim + config.valueDim), config.latentDim,
         false);
  linear("self_attn.o_proj", hidden, heads * config.valueDim, config.attentionBias);
  specs.push_back({"post_attention_layernorm.weight", {hidden}});
  if (!moe) {
    addMlp(specs, "mlp.", hidden, config.denseWidth);
    return specs;
  }
  const ExpertConfig &experts = *config.experts;
  specs.push_back({"mlp.gate.weight", {experts.routed, hidden}});
  addMlp(specs, "mlp.experts.{}.", hidden, experts.width, experts.routed);
  if (experts.shared)
    addMlp(specs, "mlp.shared_experts.", hidden, experts.shared * experts.width);
  return specs;
}

std::vector<WeightSpec> mlir::dsv2::outerWeights(const ModelConfig &config) {
  std::vector<WeightSpec> specs{{kEmbeddingName, {config.vocabSize, config.hiddenSize}},
                                {kFinalNormName, {config.hiddenSize}}};
  if (!config.tiedEmbeddings)
    specs.push_back({kHeadName, {config.vocabSize, config.hiddenSize}});
  return specs;
}
