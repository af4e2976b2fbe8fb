//===- GenerationConfig.cpp - Sampling defaults of a model ----------------===//
//
// Other keys of the file do not concern us.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/GenerationConfig.h"

#include "runtime/io/JsonCursor.h"

namespace dsv2::launcher {

Expected<GenerationConfig> parseGenerationConfig(const std::string &text) {
  const char *name = "generation_config.json";
  Expected<JsonValue> tree = parseJson(text, name);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, name);
  if (Expected<const JsonObject *> object = root.object(); !object.ok())
    return object.status();
  GenerationConfig config;
  Status status = Status::success();
  auto take = [&](const auto &value, auto &to) {
    if (value.ok())
      to = *value;
    else if (status.ok())
      status = value.status();
  };
  if (root["do_sample"].given())
    take(root["do_sample"].boolean(), config.sample);
  if (root["temperature"].given())
    take(root["temperature"].number(0, 1000), config.temperature);
  if (root["top_p"].given())
    take(root["top_p"].number(1e-6, 1), config.topP);
  if (root["top_k"].given())
    take(root["top_k"].integer(0), config.topK);
  JsonCursor eos = root["eos_token_id"];
  if (eos.given()) {
    config.eos.emplace();
    if (const JsonArray *list = eos.get()->asArray()) {
      for (size_t i = 0; i < list->size(); ++i)
        take(eos.at(i).integer(0), config.eos->emplace_back());
    } else {
      take(eos.integer(0), config.eos->emplace_back());
    }
  }
  if (!status.ok())
    return status;
  return config;
}

} // namespace dsv2::launcher
