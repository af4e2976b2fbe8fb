//===- ModelConfig.cpp - What config.json says about the model ------------===//
//
// Required keys, their ranges, and the keys that may, or may not, be ignored.
//
//===----------------------------------------------------------------------===//

#include "frontend/ModelConfig.h"
#include "runtime/io/JsonCursor.h"

#include <algorithm>
#include <cassert>
#include <initializer_list>
#include <span>
#include <string_view>

using namespace mlir::dsv2;
using ::dsv2::Expected;
using ::dsv2::JsonCursor;
using ::dsv2::JsonMember;
using ::dsv2::JsonValue;
using ::dsv2::Status;

// Upper limits far beyond any model, such that the bytes of all weights
// together (layers * experts * 3 * width * hidden * 4) stay below 2^63.
static constexpr int64_t kMaxLayers = 4096;
static constexpr int64_t kMaxWidth = 1 << 17;
static constexpr int64_t kMaxHeads = 4096;
static constexpr int64_t kMaxHeadDim = 1 << 14;
static constexpr int64_t kMaxExperts = 4096;
static constexpr int64_t kMaxExpertsOfAllLayers = 1 << 20; // each is three tensors
static constexpr int64_t kMaxVocabulary = 1 << 24;
static constexpr int64_t kMaxPositions = 1 << 24; // exact in f32
// Real numbers within these limits stay finite in f32, their products with
// positions and quotients too.
static constexpr double kLeastNumber = 1e-30, kMaxNumber = 1e12;

/// Keys whose value does not matter for inference, or that the driver and the
/// runtime read.
static constexpr std::string_view kIgnoredKeys[] = {
    "_attn_implementation", "_name_or_path", "architectures", "attention_dropout",
    "auto_map", "aux_loss_alpha", "ep_size",
    // In v5 files this is qk_rope_head_dim: nothing is ever sized from it.
    "head_dim", "initializer_range", "num_key_value_heads",
    "num_nextn_predict_layers", "output_attentions", "output_hidden_states",
    "output_router_logits", "pad_token_id", "pretraining_tp", "qk_head_dim",
    "return_dict", "router_aux_loss_coef", "seq_aux", "transformers_version",
    "unk_token_id", "use_cache"};

/// Keys that the reader below reads, and no others.
static constexpr std::string_view kReadKeys[] = {
    "attention_bias", "bos_token_id", "dtype", "eos_token_id", "first_k_dense_replace",
    "hidden_act", "hidden_size", "intermediate_size", "kv_lora_rank", "max_position_embeddings",
    "model_type", "moe_intermediate_size", "moe_layer_freq", "n_group", "n_routed_experts",
    "n_shared_experts", "norm_topk_prob", "num_attention_heads", "num_experts_per_tok",
    "num_hidden_layers", "q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim",
    "rms_norm_eps", "rope_parameters", "rope_scaling", "rope_theta",
    "routed_scaling_factor", "scoring_func", "tie_word_embeddings", "topk_group",
    "topk_method", "torch_dtype", "v_head_dim", "vocab_size"};

namespace {
/// A key that changes the result unless it has this one value (or is absent or
/// null).
struct NeutralKey {
  enum Value { Null, False, True, One };
  std::string_view key;
  Value value;
};
} // namespace

static constexpr NeutralKey kNeutralKeys[] = {
    {"attn_logit_softcapping", NeutralKey::Null},
    {"compression_config", NeutralKey::Null},
    {"final_logit_softcapping", NeutralKey::Null},
    {"index_topk", NeutralKey::Null},
    {"is_encoder_decoder", NeutralKey::False},
    {"logit_scale", NeutralKey::One},
    {"mlp_bias", NeutralKey::False},
    {"partial_rotary_factor", NeutralKey::One},
    {"quantization_config", NeutralKey::Null},
    {"rope_interleave", NeutralKey::True},
    {"sliding_window", NeutralKey::Null},
    {"use_mla", NeutralKey::True},
    {"use_qk_norm", NeutralKey::False},
    {"use_sliding_window", NeutralKey::False}};

/// The same inside `rope_scaling` and `rope_parameters`.
static constexpr NeutralKey kNeutralRopeKeys[] = {
    {"attention_factor", NeutralKey::Null}, {"attn_factor", NeutralKey::One},
    {"extrapolation_factor", NeutralKey::One}, {"partial_rotary_factor", NeutralKey::One},
    {"truncate", NeutralKey::True}};
static constexpr std::string_view kRopeKeys[] = {
    "beta_fast", "beta_slow", "factor", "finetuned", "mscale", "mscale_all_dim",
    "original_max_position_embeddings", "rope_theta", "rope_type", "type"};

std::vector<std::string> mlir::dsv2::checkedConfigKeys() {
  std::vector<std::string> keys(std::begin(kReadKeys), std::end(kReadKeys));
  for (const NeutralKey &key : kNeutralKeys)
    keys.emplace_back(key.key);
  for (std::string_view key : kRopeKeys)
    if (key != "finetuned") // of no meaning
      keys.push_back("rope_scaling." + std::string(key));
  for (const NeutralKey &key : kNeutralRopeKeys)
    keys.push_back("rope_scaling." + std::string(key.key));
  return keys;
}

static bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Refuses a key that is there with a value that changes the result.
static Status checkNeutral(const JsonCursor &object, const NeutralKey &key) {
  JsonCursor field = object[key.key];
  if (!field.given())
    return Status::success();
  const JsonValue &value = *field.get();
  const char *only = "null";
  bool neutral = false;
  switch (key.value) {
  case NeutralKey::Null:
    break;
  case NeutralKey::False:
  case NeutralKey::True:
    only = key.value == NeutralKey::True ? "true" : "false";
    neutral = value.asBool() && *value.asBool() == (key.value == NeutralKey::True);
    break;
  case NeutralKey::One:
    only = "1";
    neutral = field.number().ok() && *field.number() == 1;
    break;
  }
  if (neutral)
    return Status::success();
  return field.error("not supported: expected " + std::string(only) + " or no such key, got " +
                     value.describe());
}

namespace {
/// Reads fields of the configuration and keeps the first failure.
class ConfigReader {
public:
  ConfigReader(const JsonValue &json, const std::string &source) : root(json, source) {}

  Expected<ModelConfig> read();

private:
  void fail(Status status) {
    if (failure.ok())
      failure = std::move(status);
  }
  /// Stores a getter's answer.
  template <typename T, typename U> void store(T &into, Expected<U> answer) {
    if (answer.ok())
      into = static_cast<T>(*answer);
    else
      fail(answer.status());
  }
  /// A field of the whole; each has its row in the table of the tests.
  JsonCursor at(std::string_view key) const {
    assert(contains(kReadKeys, key));
    return root[key];
  }
  void integer(int64_t &into, const char *key, int64_t min, int64_t max) {
    store(into, at(key).integer(min, max));
  }
  void number(double &into, const JsonCursor &field, double min = kLeastNumber,
              double max = kMaxNumber) {
    store(into, field.number(min, max));
  }
  /// A flag that is false unless given.
  void flag(bool &into, const char *key) {
    into = false;
    if (at(key).given())
      store(into, at(key).boolean());
  }
  /// Requires one of `names`; its index, or zero after a failure.
  size_t choice(const JsonCursor &field, std::initializer_list<std::string_view> names);

  void readKeys();
  void readShape();
  void readExperts();
  void readRope();
  void readYarn(const JsonCursor &scaling);
  void readType();
  void readTextEnds();

  JsonCursor root;
  ModelConfig config{};
  Status failure = Status::success();
};
} // namespace

size_t ConfigReader::choice(const JsonCursor &field,
                            std::initializer_list<std::string_view> names) {
  Expected<std::string_view> answer = field.string();
  if (answer.ok())
    if (auto found = std::find(names.begin(), names.end(), *answer); found != names.end())
      return found - names.begin();
  std::string what;
  for (std::string_view name : names)
    what += (what.empty() ? "\"" : " or \"") + std::string(name) + "\"";
  fail(field.expected(what));
  return 0;
}

/// Refuses keys that change the result, and notes those that nobody knows.
void ConfigReader::readKeys() {
  Expected<const ::dsv2::JsonObject *> object = root.object();
  if (!object.ok())
    return fail(object.status());
  choice(at("model_type"), {"deepseek_v2"});
  if (at("scoring_func").given())
    choice(at("scoring_func"), {"softmax"});
  choice(at("hidden_act"), {"silu"});
  Expected<bool> sliding = root["use_sliding_window"].boolean();
  for (const NeutralKey &key : kNeutralKeys)
    if (key.key != "sliding_window" || !sliding.ok() || *sliding)
      fail(checkNeutral(root, key));
  for (const JsonMember &member : **object) {
    bool neutral = std::any_of(std::begin(kNeutralKeys), std::end(kNeutralKeys),
                               [&](const NeutralKey &key) { return key.key == member.key; });
    if (!neutral && !contains(kIgnoredKeys, member.key) && !contains(kReadKeys, member.key))
      config.notes.push_back(root[member.key].error("unknown key, ignored").message());
  }
}

void ConfigReader::readShape() {
  integer(config.hiddenSize, "hidden_size", 1, kMaxWidth);
  integer(config.layers, "num_hidden_layers", 1, kMaxLayers);
  integer(config.heads, "num_attention_heads", 1, kMaxHeads);
  integer(config.vocabSize, "vocab_size", 1, kMaxVocabulary);
  integer(config.maxPositions, "max_position_embeddings", 1, kMaxPositions);
  if (at("q_lora_rank").given()) {
    config.queryRank = 0;
    integer(*config.queryRank, "q_lora_rank", 1, kMaxWidth);
  }
  integer(config.latentDim, "kv_lora_rank", 1, kMaxWidth);
  integer(config.nopeDim, "qk_nope_head_dim", 1, kMaxHeadDim);
  integer(config.ropeDim, "qk_rope_head_dim", 2, kMaxHeadDim);
  if (config.ropeDim % 2)
    fail(at("qk_rope_head_dim").expected("an even integer"));
  integer(config.valueDim, "v_head_dim", 1, kMaxHeadDim);
  integer(config.denseWidth, "intermediate_size", 1, kMaxWidth);
  number(config.normEps, at("rms_norm_eps"), kLeastNumber, 1);
  flag(config.attentionBias, "attention_bias");
  flag(config.tiedEmbeddings, "tie_word_embeddings");
}

void ConfigReader::readExperts() {
  if (!at("n_routed_experts").given())
    return;
  ExpertConfig experts{};
  integer(experts.firstLayer, "first_k_dense_replace", 0, config.layers);
  experts.layerStep = 1;
  if (at("moe_layer_freq").given())
    integer(experts.layerStep, "moe_layer_freq", 1, kMaxLayers);
  integer(experts.routed, "n_routed_experts", 1, kMaxExperts);
  integer(experts.perToken, "num_experts_per_tok", 1, experts.routed);
  if (at("n_shared_experts").given())
    integer(experts.shared, "n_shared_experts", 0, kMaxExperts);
  integer(experts.width, "moe_intermediate_size", 1, kMaxWidth);
  number(experts.scale, at("routed_scaling_factor"));
  flag(experts.normalize, "norm_topk_prob");
  experts.groups = experts.keptGroups = 1;
  if (choice(at("topk_method"), {"greedy", "group_limited_greedy"}) == 1) {
    integer(experts.groups, "n_group", 1, experts.routed);
    integer(experts.keptGroups, "topk_group", 1, experts.groups);
    if (failure.ok() && experts.routed % experts.groups)
      fail(at("n_group").expected("a divisor of n_routed_experts = " +
                                    std::to_string(experts.routed)));
    int64_t eligible =
        failure.ok() ? experts.routed / experts.groups * experts.keptGroups : 0;
    if (failure.ok() && eligible < experts.perToken)
      fail(at("num_experts_per_tok").expected(
          "at most the " + std::to_string(eligible) + " experts of topk_group = " +
          std::to_string(experts.keptGroups) + " groups"));
  }
  if (!failure.ok())
    return;
  config.experts = experts;
  int64_t used = 0;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    used += config.isMoELayer(layer);
  if (!used)
    config.experts.reset();
  if (used * experts.routed > kMaxExpertsOfAllLayers)
    fail(at("n_routed_experts")
             .error("expected at most " + std::to_string(kMaxExpertsOfAllLayers) +
                    " experts in all layers, got " + std::to_string(used * experts.routed)));
}

/// Reads the v5 form (`rope_parameters`) or the v4 form (`rope_theta` and
/// `rope_scaling`, which may be null).
void ConfigReader::readRope() {
  JsonCursor parameters = at("rope_parameters"), scaling = at("rope_scaling");
  bool v5 = parameters.given();
  if (v5 && scaling.given())
    return fail(scaling.error("expected no such key beside rope_parameters, got " +
                              scaling.get()->describe()));
  JsonCursor object = v5 ? parameters : scaling;
  JsonCursor theta = object["rope_theta"].present() ? object["rope_theta"] : at("rope_theta");
  number(config.rope.theta, theta, 2);
  if (!object.given())
    return;
  Expected<const ::dsv2::JsonObject *> members = object.object();
  if (!members.ok())
    return fail(members.status());
  for (const NeutralKey &key : kNeutralRopeKeys)
    fail(checkNeutral(object, key));
  for (const JsonMember &member : **members) {
    bool neutral = std::any_of(std::begin(kNeutralRopeKeys), std::end(kNeutralRopeKeys),
                               [&](const NeutralKey &key) { return key.key == member.key; });
    if (!neutral && !contains(kRopeKeys, member.key))
      fail(object[member.key].error("not supported: unknown key of a rotary embedding"));
  }
  JsonCursor type = object["type"], ropeType = object["rope_type"];
  bool yarn;
  if (type.given() && ropeType.given()) {
    yarn = choice(type, {"default", "yarn"}) == 1;
    if ((choice(ropeType, {"default", "yarn"}) == 1) != yarn)
      fail(ropeType.expected("the value of type"));
  } else if (v5 && !type.given() && !ropeType.given()) {
    yarn = false;
  } else {
    yarn = choice(type.given() ? type : ropeType, {"default", "yarn"}) == 1;
  }
  if (yarn)
    readYarn(object);
}

void ConfigReader::readYarn(const JsonCursor &scaling) {
  YarnConfig yarn{};
  number(yarn.factor, scaling["factor"]);
  store(yarn.originalPositions,
        scaling["original_max_position_embeddings"].integer(1, kMaxPositions));
  if (scaling["beta_fast"].given())
    number(yarn.betaFast, scaling["beta_fast"]);
  if (scaling["beta_slow"].given())
    number(yarn.betaSlow, scaling["beta_slow"]);
  if (scaling["mscale"].given())
    number(yarn.mscale, scaling["mscale"], 0);
  if (scaling["mscale_all_dim"].given())
    number(yarn.mscaleAllDim, scaling["mscale_all_dim"], 0);
  config.rope.yarn = yarn;
}

void ConfigReader::readType() {
  config.type = FloatKind::BF16;
  // v5 renamed the key; both mean the type that the checkpoint was saved in.
  JsonCursor field = at("dtype").given() ? at("dtype") : at("torch_dtype");
  if (!field.given())
    return;
  constexpr FloatKind kinds[] = {FloatKind::BF16, FloatKind::F16, FloatKind::F32};
  config.type = kinds[choice(field, {"bfloat16", "float16", "float32"})];
}

void ConfigReader::readTextEnds() {
  JsonCursor begin = at("bos_token_id"), end = at("eos_token_id");
  if (begin.given())
    store(config.beginToken, begin.integer(0, config.vocabSize - 1));
  if (!end.given())
    return;
  const ::dsv2::JsonArray *list = end.get()->asArray();
  for (size_t i = 0, count = list ? list->size() : 1; i < count; ++i)
    store(config.endTokens.emplace_back(), (list ? end.at(i) : end).integer(0, config.vocabSize - 1));
}

Expected<ModelConfig> ConfigReader::read() {
  readKeys();
  readShape();
  readExperts();
  readRope();
  readType();
  readTextEnds();
  if (!failure.ok())
    return failure;
  return std::move(config);
}

Expected<ModelConfig> mlir::dsv2::readModelConfig(const JsonValue &json,
                                                  const std::string &source) {
  return ConfigReader(json, source).read();
}

Expected<ModelConfig> mlir::dsv2::loadModelConfig(const std::string &directory) {
  std::string path = directory + "/config.json";
  Expected<JsonValue> json = ::dsv2::parseJsonFile(path);
  if (!json.ok())
    return json.status();
  return readModelConfig(*json, path);
}
