//===- ModelConfig.h - What config.json says about the model ----*- C++ -*-===//
//
// The configuration of one DeepSeek-V2 model as plain numbers, read from the
// v4 and v5 key forms of transformers (specification section 1). Everything is
// range-checked here: sizes of whole models fit in 63 bits.
//
//===----------------------------------------------------------------------===//

#ifndef FRONTEND_MODELCONFIG_H
#define FRONTEND_MODELCONFIG_H

#include "runtime/io/Json.h"
#include "runtime/io/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir::dsv2 {

/// YaRN, applied at every length (specification section 3).
struct YarnConfig {
  double factor;
  int64_t originalPositions; // original_max_position_embeddings
  double betaFast = 32;
  double betaSlow = 1;
  double mscale = 1;
  double mscaleAllDim = 0;
};

struct RopeConfig {
  double theta;
  std::optional<YarnConfig> yarn;
};

/// The mixture of experts of every MoE layer.
struct ExpertConfig {
  int64_t routed;    // n_routed_experts
  int64_t perToken;  // num_experts_per_tok, 1..routed
  int64_t shared;    // n_shared_experts, zero when there are none
  int64_t width;     // moe_intermediate_size
  int64_t groups;    // one for the greedy method
  int64_t keptGroups;
  double scale;      // routed_scaling_factor
  bool normalize;    // norm_topk_prob
  int64_t firstLayer; // first_k_dense_replace
  int64_t layerStep;  // moe_layer_freq
};

/// Element type of parameters, as configurations and checkpoints name it.
enum class FloatKind { BF16, F16, F32 };

struct ModelConfig {
  int64_t hiddenSize;
  int64_t layers;
  int64_t heads;
  int64_t vocabSize;
  int64_t maxPositions;             // max_position_embeddings
  std::optional<int64_t> queryRank; // q_lora_rank
  int64_t latentDim;                // kv_lora_rank
  int64_t nopeDim;                  // qk_nope_head_dim
  int64_t ropeDim;                  // qk_rope_head_dim, even
  int64_t valueDim;                 // v_head_dim
  int64_t denseWidth;               // intermediate_size
  std::optional<ExpertConfig> experts; // nothing when no layer has experts
  double normEps;
  RopeConfig rope;
  bool attentionBias;
  bool tiedEmbeddings;
  std::optional<int64_t> beginToken; // bos_token_id
  std::vector<int64_t> endTokens;    // eos_token_id, one or a list
  FloatKind type; // torch_dtype or dtype; bf16 when not given
  /// What was ignored though nothing says that it may be, one line each.
  std::vector<std::string> notes;

  int64_t queryDim() const { return nopeDim + ropeDim; }
  int64_t cacheColumns() const { return latentDim + ropeDim; }
  bool isMoELayer(int64_t layer) const {
    return experts && layer >= experts->firstLayer &&
           layer % experts->layerStep == 0;
  }
};

/// Interprets a parsed config.json; `source` names it in messages. Keys that
/// would change the result and are not supported are errors.
::dsv2::Expected<ModelConfig> readModelConfig(const ::dsv2::JsonValue &json,
                                              const std::string &source);

/// Every key with a rule, those of `rope_scaling` as `rope_scaling.factor`; the
/// tests have a row for each.
std::vector<std::string> checkedConfigKeys();

/// Reads `directory`/config.json.
::dsv2::Expected<ModelConfig> loadModelConfig(const std::string &directory);

} // namespace mlir::dsv2

#endif // FRONTEND_MODELCONFIG_H
