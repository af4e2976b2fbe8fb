//===- ModelConfigTest.cpp - What config.json says about the model --------===//
//
// Every rule of specification section 1, and the wording of refusals.
//
//===----------------------------------------------------------------------===//

#include "test/unit/frontend/Configurations.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace dsv2;
using namespace dsv2::test;
using mlir::dsv2::FloatKind;
using mlir::dsv2::ModelConfig;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

static ModelConfig good(const Fields &fields) {
  Expected<ModelConfig> config = parse(fields);
  EXPECT_TRUE(config.ok()) << config.message();
  return config.ok() ? *config : ModelConfig{};
}

/// The message of a refusal.
static std::string refusal(const Fields &base, const Fields &changes) {
  Expected<ModelConfig> config = parse(with(base, changes));
  return config.ok() ? "accepted" : config.message();
}

TEST(ModelConfig, V2) {
  ModelConfig c = good(v2Fields());
  EXPECT_EQ(c.hiddenSize, 5120);
  EXPECT_EQ(c.layers, 60);
  EXPECT_EQ(c.queryRank, 1536);
  EXPECT_EQ(c.queryDim(), 192);
  EXPECT_EQ(c.cacheColumns(), 576);
  ASSERT_TRUE(c.experts);
  EXPECT_EQ(c.experts->groups, 8);
  EXPECT_EQ(c.experts->keptGroups, 3);
  EXPECT_EQ(c.experts->scale, 16.0);
  EXPECT_FALSE(c.isMoELayer(0));
  EXPECT_TRUE(c.isMoELayer(1));
  ASSERT_TRUE(c.rope.yarn);
  EXPECT_EQ(c.rope.yarn->mscaleAllDim, 0.707);
  EXPECT_EQ(c.type, FloatKind::BF16);
  EXPECT_TRUE(c.notes.empty()) << c.notes.front();
}

TEST(ModelConfig, V2Lite) {
  ModelConfig c = good(v2LiteFields());
  EXPECT_FALSE(c.queryRank);
  EXPECT_EQ(c.experts->groups, 1);
  EXPECT_FALSE(good(with(v2LiteFields(), {{"q_lora_rank", ""}})).queryRank);
}

TEST(ModelConfig, V5FormSaysTheSame) {
  for (const Fields &fields : {v2Fields(), v25Fields(), v2LiteFields(), tinyFields()}) {
    ModelConfig a = good(fields), b = good(v5Form(fields));
    EXPECT_EQ(a.rope.theta, b.rope.theta);
    ASSERT_EQ(a.rope.yarn.has_value(), b.rope.yarn.has_value());
    if (a.rope.yarn) {
      EXPECT_EQ(a.rope.yarn->factor, b.rope.yarn->factor);
      EXPECT_EQ(a.rope.yarn->mscale, b.rope.yarn->mscale);
    }
    EXPECT_EQ(a.type, b.type);
    EXPECT_TRUE(b.notes.empty());
    EXPECT_EQ(a.queryDim(), b.queryDim()); // not from head_dim
  }
}

TEST(ModelConfig, LayerKinds) {
  ModelConfig c = good(with(tinyFields(), {{"first_k_dense_replace", "0"}}));
  EXPECT_TRUE(c.isMoELayer(0));
  c = good(with(tinyFields(), {{"first_k_dense_replace", "3"}}));
  EXPECT_FALSE(c.experts);
  c = good(with(tinyFields(), {{"moe_layer_freq", "2"}, {"num_hidden_layers", "4"}}));
  EXPECT_FALSE(c.isMoELayer(1));
  EXPECT_TRUE(c.isMoELayer(2));
  EXPECT_FALSE(c.isMoELayer(3));
  c = good(with(tinyFields(), {{"n_routed_experts", "null"}, {"topk_method", ""}}));
  EXPECT_FALSE(c.experts);
  EXPECT_EQ(good(with(tinyFields(), {{"n_shared_experts", "null"}})).experts->shared, 0);
  EXPECT_EQ(good(with(tinyFields(), {{"num_experts_per_tok", "8"}})).experts->perToken, 8);
  EXPECT_EQ(good(with(tinyFields(), {{"num_attention_heads", "1"}})).heads, 1);
}

TEST(ModelConfig, GreedyHasNoGroups) {
  ModelConfig c = good(with(tinyFields(), {{"n_group", "3"}, {"topk_group", "2"}}));
  EXPECT_EQ(c.experts->groups, 1);
  EXPECT_EQ(c.experts->keptGroups, 1);
}

TEST(ModelConfig, Flags) {
  ModelConfig c = good(with(tinyFields(), {{"attention_bias", "true"},
                                           {"tie_word_embeddings", "true"},
                                           {"norm_topk_prob", "true"},
                                           {"torch_dtype", R"("float32")"}}));
  EXPECT_TRUE(c.attentionBias);
  EXPECT_TRUE(c.tiedEmbeddings);
  EXPECT_TRUE(c.experts->normalize);
  EXPECT_EQ(c.type, FloatKind::F32);
}

TEST(ModelConfig, EndsOfTexts) {
  ModelConfig one = good(with(tinyFields(), {{"bos_token_id", "3"}, {"eos_token_id", "1"}}));
  EXPECT_EQ(one.beginToken, 3);
  EXPECT_THAT(one.endTokens, ElementsAre(1));
  ModelConfig none = good(with(tinyFields(), {{"bos_token_id", "null"}, {"eos_token_id", ""}}));
  EXPECT_FALSE(none.beginToken);
  EXPECT_THAT(none.endTokens, IsEmpty());
  EXPECT_THAT(good(with(tinyFields(), {{"eos_token_id", "[4, 2]"}})).endTokens, ElementsAre(4, 2));
  EXPECT_THAT(refusal(tinyFields(), {{"eos_token_id", "[4, -1]"}}), HasSubstr("eos_token_id[1]"));
  EXPECT_THAT(refusal(tinyFields(), {{"bos_token_id", "\"<s>\""}}), HasSubstr("bos_token_id"));
}

TEST(ModelConfig, RequiredKeysHaveNoDefault) {
  for (const char *key :
       {"first_k_dense_replace", "hidden_act", "hidden_size", "intermediate_size", "kv_lora_rank",
        "max_position_embeddings", "model_type", "moe_intermediate_size", "n_group",
        "num_attention_heads", "num_experts_per_tok", "num_hidden_layers", "qk_nope_head_dim",
        "qk_rope_head_dim", "rms_norm_eps", "rope_theta", "routed_scaling_factor", "topk_group",
        "topk_method", "v_head_dim", "vocab_size"})
    EXPECT_THAT(refusal(v2Fields(), {{key, ""}}),
                StartsWith("m/config.json: " + std::string(key) + ": missing, expected "));
}

TEST(ModelConfig, Ranges) {
  EXPECT_EQ(refusal(v2Fields(), {{"n_group", "7"}}),
            "m/config.json: n_group: expected a divisor of n_routed_experts = 160, got 7");
  EXPECT_EQ(refusal(v2Fields(), {{"n_group", "\"8\""}}),
            "m/config.json: n_group: expected an integer from 1 to 160, got \"8\"");
  EXPECT_THAT(refusal(v2Fields(), {{"topk_group", "9"}}), HasSubstr("topk_group: expected"));
  EXPECT_THAT(refusal(v2Fields(), {{"num_experts_per_tok", "61"}}),
              HasSubstr("num_experts_per_tok: expected at most the 60 experts"));
  EXPECT_THAT(refusal(v2LiteFields(), {{"num_experts_per_tok", "65"}}),
              HasSubstr("num_experts_per_tok: expected an integer from 1 to 64"));
  EXPECT_THAT(refusal(v2Fields(), {{"qk_rope_head_dim", "63"}}), HasSubstr("even"));
  EXPECT_THAT(refusal(v2Fields(), {{"first_k_dense_replace", "61"}}), HasSubstr("0 to 60"));
  EXPECT_THAT(refusal(v2Fields(), {{"num_hidden_layers", "0"}}), HasSubstr("got 0"));
  EXPECT_THAT(refusal(v2Fields(), {{"hidden_size", "-1"}}), HasSubstr("got -1"));
  EXPECT_THAT(refusal(v2Fields(), {{"vocab_size", "9223372036854775807"}}),
              HasSubstr("vocab_size: expected"));
  EXPECT_THAT(refusal(v2Fields(), {{"moe_layer_freq", "0"}}), HasSubstr("moe_layer_freq"));
  EXPECT_THAT(refusal(v2Fields(), {{"rms_norm_eps", "0"}}), HasSubstr("a number from 1e-30 to 1"));
  EXPECT_THAT(refusal(v2Fields(), {{"rope_theta", "1"}}), HasSubstr("a number from 2 to 1e+12"));
  EXPECT_THAT(refusal(v2Fields(), {{"attention_bias", "1"}}), HasSubstr("true or false"));
}

TEST(ModelConfig, RefusesWhatWouldChangeTheResult) {
  const Fields changes = {{"attn_logit_softcapping", "30.0"},
                          {"hidden_act", R"("gelu")"},
                          {"mlp_bias", "true"},
                          {"model_type", R"("deepseek_v3")"},
                          {"partial_rotary_factor", "0.5"},
                          {"quantization_config", R"({"quant_method": "fp8"})"},
                          {"rope_interleave", "false"},
                          {"scoring_func", R"("sigmoid")"},
                          {"sliding_window", "4096"},
                          {"topk_method", R"("noaux_tc")"},
                          {"torch_dtype", R"("float8_e4m3fn")"},
                          {"use_mla", "false"},
                          {"use_sliding_window", "true"}};
  for (const auto &[key, value] : changes)
    EXPECT_THAT(refusal(v2Fields(), {{key, value}}), StartsWith("m/config.json: " + key + ": "));
  // The same keys with the value that changes nothing.
  EXPECT_EQ(refusal(v2Fields(), {{"quantization_config", "null"},
                                 {"mlp_bias", "false"},
                                 {"sliding_window", "4096"},
                                 {"use_sliding_window", "false"},
                                 {"partial_rotary_factor", "1.0"}}),
            "accepted");
}

TEST(ModelConfig, UnknownKeysAreNoted) {
  ModelConfig c = good(with(v2Fields(), {{"favourite_color", R"("blue")"}}));
  ASSERT_EQ(c.notes.size(), 1u);
  EXPECT_EQ(c.notes[0], "m/config.json: favourite_color: unknown key, ignored");
}

TEST(ModelConfig, RopeForms) {
  auto rope = [](const char *scaling) {
    return refusal(v2Fields(), {{"rope_scaling", scaling}});
  };
  EXPECT_EQ(rope("null"), "accepted");
  EXPECT_EQ(rope(""), "accepted");
  EXPECT_EQ(rope(R"({"type": "default"})"), "accepted");
  EXPECT_EQ(rope(R"({"rope_type": "yarn", "type": "yarn", "factor": 40.0,
                     "original_max_position_embeddings": 4096})"),
            "accepted");
  EXPECT_EQ(rope(R"({"type": "linear", "factor": 2})"),
            "m/config.json: rope_scaling.type: expected \"default\" or \"yarn\", got \"linear\"");
  EXPECT_THAT(rope(R"({"factor": 2})"), HasSubstr("rope_scaling.rope_type: missing"));
  EXPECT_THAT(rope(R"({"type": "yarn", "factor": 40})"),
              HasSubstr("rope_scaling.original_max_position_embeddings: missing"));
  EXPECT_THAT(rope(R"({"type": "yarn", "factor": 0, "original_max_position_embeddings": 4096})"),
              HasSubstr("rope_scaling.factor: expected a number from 1e-30"));
  EXPECT_THAT(rope(R"({"type": "yarn", "rope_type": "default", "factor": 2,
                       "original_max_position_embeddings": 4096})"),
              HasSubstr("rope_scaling.rope_type: expected the value of type"));
  EXPECT_THAT(rope(R"({"type": "yarn", "factor": 2, "original_max_position_embeddings": 4096,
                       "attention_factor": 1.2})"),
              HasSubstr("rope_scaling.attention_factor: not supported"));
  EXPECT_THAT(rope(R"({"type": "yarn", "factor": 2, "original_max_position_embeddings": 4096,
                       "long_factor": [1]})"),
              HasSubstr("rope_scaling.long_factor: not supported"));
  EXPECT_THAT(rope("[]"), HasSubstr("rope_scaling: expected an object"));
  EXPECT_THAT(refusal(v5Form(v2Fields()), {{"rope_scaling", yarn("1", "1")}}),
              HasSubstr("rope_scaling: expected no such key beside rope_parameters"));
  EXPECT_THAT(refusal(v5Form(v2Fields()), {{"rope_parameters", R"({"rope_type": "default"})"}}),
              HasSubstr("rope_theta: missing"));
}

TEST(ModelConfig, YarnDefaults) {
  ModelConfig c = good(with(v2Fields(), {{"rope_scaling",
                                          R"({"type": "yarn", "factor": 40,
                                              "original_max_position_embeddings": 4096})"}}));
  EXPECT_EQ(c.rope.yarn->betaFast, 32);
  EXPECT_EQ(c.rope.yarn->betaSlow, 1);
  EXPECT_EQ(c.rope.yarn->mscale, 1);
  EXPECT_EQ(c.rope.yarn->mscaleAllDim, 0);
}

TEST(ModelConfig, NotAnObject) {
  Expected<JsonValue> json = parseJson("[1]", "m/config.json");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(mlir::dsv2::readModelConfig(*json, "m/config.json").message(),
            "m/config.json: expected an object, got an array of 1");
  EXPECT_THAT(mlir::dsv2::loadModelConfig("/nonexistent").message(),
              HasSubstr("/nonexistent/config.json"));
}
