//===- Manifest.cpp - What a compiled file says about itself --------------===//
//
// Both directions in one file, so that the keys stay equal.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/Manifest.h"

#include "runtime/bundle/Format.h"
#include "runtime/io/JsonFields.h"
#include "runtime/io/JsonWriter.h"

namespace dsv2::bundle {

static constexpr int64_t ManifestVersion = 1;
/// Elements of an array: modules, their features, ends of a text.
static constexpr size_t MaxElements = 1024;

static const char *modeName(WeightsMode mode) {
  switch (mode) {
  case WeightsMode::Embed:
    return "embed";
  case WeightsMode::External:
    return "external";
  case WeightsMode::Random:
    return "random";
  }
  return "";
}

/// The fields of Cost under their keys.
template <typename CostType, typename Visitor>
static void visitCost(CostType &cost, Visitor visit) {
  visit("flops_per_token", cost.flopsPerToken);
  visit("flops_per_output", cost.flopsPerOutput);
  visit("flops_per_token_per_context", cost.flopsPerTokenPerContext);
  visit("flops_per_token_per_context_prefill",
        cost.flopsPerTokenPerContextPrefill);
  visit("weight_bytes_dense", cost.weightBytesDense);
  visit("weight_bytes_expert", cost.weightBytesExpert);
  visit("experts", cost.experts);
  visit("experts_per_token", cost.expertsPerToken);
  visit("moe_layers", cost.moeLayers);
  visit("cache_bytes_per_token", cost.cacheBytesPerToken);
}

std::string writeManifest(const Manifest &manifest) {
  JsonWriter json;
  json.beginObject();
  json.member("version", ManifestVersion);
  json.member("model", manifest.model);
  json.member("compiler", manifest.compiler);
  json.member("target", manifest.target);
  json.member("dtype", manifest.dtype);
  json.member("numerics", manifest.numerics);
  json.member("cache_layout", manifest.cacheLayout);
  json.key("dimensions").beginObject();
  for (const auto &[name, value] : manifest.dimensions)
    json.member(name, value);
  json.endObject();
  json.member("vocabulary", manifest.vocabulary);
  json.member("max_context", manifest.maxContext);
  json.member("max_batch", manifest.maxBatch);
  json.member("max_step_tokens", manifest.maxStepTokens);
  json.key("bos");
  if (manifest.bos)
    json.value(*manifest.bos);
  else
    json.null();
  json.key("eos").beginArray();
  for (int64_t id : manifest.eos)
    json.value(id);
  json.endArray();
  json.key("modules").beginArray();
  for (const ModuleVariant &module : manifest.modules) {
    json.beginObject();
    json.member("name", module.name);
    json.key("features").beginArray();
    for (const std::string &feature : module.features)
      json.value(feature);
    json.endArray();
    json.endObject();
  }
  json.endArray();
  const WeightsInfo &weights = manifest.weights;
  json.key("weights").beginObject();
  json.member("mode", modeName(weights.mode));
  json.member("bytes", weights.bytes);
  if (weights.seed)
    json.member("seed", *weights.seed);
  if (!weights.file.empty())
    json.member("file", weights.file);
  if (weights.hash)
    json.member("hash", toHex(*weights.hash));
  json.endObject();
  json.key("cost").beginObject();
  visitCost(manifest.cost, [&](const char *key, const auto &value) {
    json.member(key, value);
  });
  json.endObject();
  if (manifest.costTarget) {
    json.key("cost_target");
    writeTargetFigures(json, *manifest.costTarget);
  }
  json.endObject();
  return json.text();
}

static void readModules(JsonFields &reader, JsonCursor at,
                        std::vector<ModuleVariant> &modules) {
  reader.forEach(at, MaxElements, [&](JsonCursor entry) {
    ModuleVariant module;
    reader.read(entry["name"], module.name);
    reader.forEach(entry["features"], MaxElements, [&](JsonCursor feature) {
      reader.read(feature, module.features.emplace_back());
    });
    modules.push_back(std::move(module));
  });
  if (modules.empty())
    reader.fail(at.expected("at least one module"));
}

static void readWeights(JsonFields &reader, JsonCursor at,
                        WeightsInfo &weights) {
  std::string mode;
  int64_t bytes = 0;
  reader.read(at["mode"], mode);
  reader.store(at["bytes"].integer(0, JsonFields::MaxCount * 64), bytes);
  weights.bytes = static_cast<uint64_t>(bytes);
  if (at["seed"].present()) {
    const JsonValue *seed = at["seed"].get();
    if (const uint64_t *large = seed->asUnsigned()) {
      weights.seed = *large;
    } else {
      int64_t value = 0;
      reader.store(at["seed"].integer(0), value);
      weights.seed = static_cast<uint64_t>(value);
    }
  }
  if (at["file"].present())
    reader.read(at["file"], weights.file);
  if (at["hash"].present()) {
    std::string digits;
    reader.read(at["hash"], digits);
    Expected<Hash128> hash = parseHash(digits);
    if (hash.ok())
      weights.hash = *hash;
    else
      reader.fail(at["hash"].error(hash.message()));
  }
  if (mode == "embed")
    weights.mode = WeightsMode::Embed;
  else if (mode == "external")
    weights.mode = WeightsMode::External;
  else if (mode == "random")
    weights.mode = WeightsMode::Random;
  else
    reader.fail(at["mode"].expected("embed, external or random"));
  if (weights.mode == WeightsMode::External) {
    if (!weights.hash)
      reader.fail(at["hash"].expected("the hash of the weights"));
    if (weights.file.empty() || weights.file == "." || weights.file == ".." ||
        weights.file.find('/') != std::string::npos ||
        weights.file.find('\0') != std::string::npos)
      reader.fail(at["file"].expected("the name of a file beside this one"));
  }
  if (weights.mode == WeightsMode::Random && !weights.seed)
    reader.fail(at["seed"].expected("the seed of random weights"));
}

Expected<Manifest> parseManifest(const std::string &text) {
  Expected<JsonValue> tree = parseJson(text, ManifestSection);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, ManifestSection);
  JsonFields reader;
  Manifest manifest;
  int64_t version = 0;
  reader.read(root["version"], version);
  if (reader.status.ok() && version != ManifestVersion)
    return root["version"].expected(std::to_string(ManifestVersion));
  reader.read(root["model"], manifest.model);
  reader.read(root["compiler"], manifest.compiler);
  reader.read(root["target"], manifest.target);
  reader.read(root["dtype"], manifest.dtype);
  reader.read(root["numerics"], manifest.numerics);
  reader.read(root["cache_layout"], manifest.cacheLayout);
  if (Expected<const JsonObject *> object = root["dimensions"].object();
      object.ok()) {
    for (const JsonMember &member : **object) {
      int64_t value = 0;
      reader.read(root["dimensions"][member.key], value);
      manifest.dimensions.emplace_back(member.key, value);
    }
  } else {
    reader.fail(object.status());
  }
  reader.read(root["vocabulary"], manifest.vocabulary, 1);
  reader.read(root["max_context"], manifest.maxContext, 1);
  reader.read(root["max_batch"], manifest.maxBatch, 1);
  reader.read(root["max_step_tokens"], manifest.maxStepTokens, 1);
  if (root["bos"].given())
    reader.read(root["bos"], manifest.bos.emplace());
  reader.forEach(root["eos"], MaxElements, [&](JsonCursor id) {
    reader.read(id, manifest.eos.emplace_back());
  });
  readModules(reader, root["modules"], manifest.modules);
  readWeights(reader, root["weights"], manifest.weights);
  visitCost(manifest.cost, [&](const char *key, auto &value) {
    reader.read(root["cost"][key], value);
  });
  if (root["cost_target"].present())
    reader.store(readTargetFigures(root["cost_target"]), manifest.costTarget.emplace());
  if (!reader.status.ok())
    return reader.status;
  return manifest;
}

} // namespace dsv2::bundle
