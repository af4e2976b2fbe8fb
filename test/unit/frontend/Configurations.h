//===- Configurations.h - config.json texts for tests -----------*- C++ -*-===//
//
// Released configurations (specification section 1) and a tiny one, as maps
// from key to JSON text that a test changes before it prints them.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_UNIT_FRONTEND_CONFIGURATIONS_H
#define TEST_UNIT_FRONTEND_CONFIGURATIONS_H

#include "frontend/ModelConfig.h"

#include <map>
#include <string>

namespace dsv2::test {

/// Keys to JSON text. An empty text leaves the key out.
using Fields = std::map<std::string, std::string>;

inline std::string yarn(const std::string &mscale, const std::string &mscaleAllDim) {
  return R"({"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096,
             "beta_fast": 32, "beta_slow": 1, "mscale": )" +
         mscale + R"(, "mscale_all_dim": )" + mscaleAllDim + "}";
}

/// Keys with one value in all released models, aliases and training keys too.
inline Fields commonFields() {
  return {{"architectures", R"(["DeepseekV2ForCausalLM"])"},
          {"attention_bias", "false"},
          {"attention_dropout", "0.0"},
          {"auto_map", R"({"AutoConfig": "configuration_deepseek.DeepseekV2Config"})"},
          {"aux_loss_alpha", "0.001"},
          {"bos_token_id", "100000"},
          {"eos_token_id", "100001"},
          {"ep_size", "1"},
          {"first_k_dense_replace", "1"},
          {"hidden_act", R"("silu")"},
          {"initializer_range", "0.02"},
          {"kv_lora_rank", "512"},
          {"max_position_embeddings", "163840"},
          {"model_type", R"("deepseek_v2")"},
          {"moe_layer_freq", "1"},
          {"n_shared_experts", "2"},
          {"norm_topk_prob", "false"},
          {"num_experts_per_tok", "6"},
          {"pretraining_tp", "1"},
          {"qk_nope_head_dim", "128"},
          {"qk_rope_head_dim", "64"},
          {"rms_norm_eps", "1e-06"},
          {"rope_theta", "10000"},
          {"scoring_func", R"("softmax")"},
          {"seq_aux", "true"},
          {"tie_word_embeddings", "false"},
          {"torch_dtype", R"("bfloat16")"},
          {"transformers_version", R"("4.33.1")"},
          {"use_cache", "true"},
          {"v_head_dim", "128"},
          {"vocab_size", "102400"}};
}

inline Fields with(Fields fields, const Fields &changes) {
  for (const auto &[key, text] : changes)
    fields[key] = text;
  return fields;
}

inline Fields v2Fields() {
  return with(commonFields(), {{"hidden_size", "5120"},
                               {"intermediate_size", "12288"},
                               {"moe_intermediate_size", "1536"},
                               {"n_group", "8"},
                               {"n_routed_experts", "160"},
                               {"num_attention_heads", "128"},
                               {"num_hidden_layers", "60"},
                               {"num_key_value_heads", "128"},
                               {"q_lora_rank", "1536"},
                               {"rope_scaling", yarn("0.707", "0.707")},
                               {"routed_scaling_factor", "16.0"},
                               {"topk_group", "3"},
                               {"topk_method", R"("group_limited_greedy")"}});
}

inline Fields v25Fields() { return with(v2Fields(), {{"rope_scaling", yarn("1.0", "1.0")}}); }

inline Fields v2LiteFields() {
  return with(v2Fields(), {{"hidden_size", "2048"},
                           {"intermediate_size", "10944"},
                           {"moe_intermediate_size", "1408"},
                           {"n_group", "1"},
                           {"n_routed_experts", "64"},
                           {"num_attention_heads", "16"},
                           {"num_hidden_layers", "27"},
                           {"num_key_value_heads", "16"},
                           {"q_lora_rank", "null"},
                           {"routed_scaling_factor", "1.0"},
                           {"topk_group", "1"},
                           {"topk_method", R"("greedy")"}});
}

/// Three layers of width 64, the first dense; no YaRN.
inline Fields tinyFields() {
  return with(v2LiteFields(), {{"bos_token_id", "0"},
                               {"eos_token_id", "1"},
                               {"hidden_size", "64"},
                               {"intermediate_size", "96"},
                               {"kv_lora_rank", "32"},
                               {"max_position_embeddings", "4096"},
                               {"moe_intermediate_size", "32"},
                               {"n_routed_experts", "8"},
                               {"num_attention_heads", "4"},
                               {"num_experts_per_tok", "2"},
                               {"num_hidden_layers", "3"},
                               {"qk_nope_head_dim", "16"},
                               {"qk_rope_head_dim", "8"},
                               {"rope_scaling", "null"},
                               {"v_head_dim", "16"},
                               {"vocab_size", "256"}});
}

/// The same with the keys that transformers 5 writes.
inline Fields v5Form(Fields fields) {
  std::string scaling = fields["rope_scaling"], theta = fields["rope_theta"];
  std::string head = R"({"rope_theta": )" + theta + R"(, "rope_type": ")";
  std::string parameters = head + R"(default"})";
  if (scaling != "null")
    parameters = head + R"(yarn", )" + scaling.substr(scaling.find("\"factor\""));
  return with(fields, {{"rope_scaling", ""},
                       {"rope_theta", ""},
                       {"rope_parameters", parameters},
                       {"head_dim", fields["qk_rope_head_dim"]},
                       {"torch_dtype", ""},
                       {"dtype", fields["torch_dtype"]}});
}

inline std::string jsonText(const Fields &fields) {
  std::string text;
  for (const auto &[key, value] : fields)
    if (!value.empty())
      text += (text.empty() ? "\"" : ", \"") + key + "\": " + value;
  return "{" + text + "}";
}

inline Expected<mlir::dsv2::ModelConfig> parse(const Fields &fields) {
  Expected<JsonValue> json = parseJson(jsonText(fields), "m/config.json");
  if (!json.ok())
    return json.status();
  return mlir::dsv2::readModelConfig(*json, "m/config.json");
}

} // namespace dsv2::test

#endif // TEST_UNIT_FRONTEND_CONFIGURATIONS_H
