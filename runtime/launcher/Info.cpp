//===- Info.cpp - The commands info and verify ----------------------------===//
//
// What the file holds and what running it takes.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonWriter.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/MemoryReport.h"
#include "runtime/launcher/Output.h"

#include <algorithm>

namespace dsv2::launcher {

namespace {
/// What is printed in both forms.
struct Facts {
  std::string variant, why; // one of them is empty
  engine::MemoryFacts memory;
  engine::MemoryRequest request;
  uint64_t cacheMemory = 0;
};
} // namespace

/// Texts of this length are planned for unless --context says more.
static constexpr int64_t PlannedTokens = 4096;

static Expected<Facts> gather(const Session &session, const Options &options) {
  const bundle::BundleReader &file = session.bundle();
  Facts facts;
  Expected<std::string> chosen = session.variant();
  if (chosen.ok())
    facts.variant = *chosen;
  else
    facts.why = chosen.message();
  // Sizes are the same for every variant in kind, not in number.
  Expected<engine::MemoryFacts> memory = session.memoryFacts(
      chosen.ok() ? *chosen : file.manifest().modules.front().name);
  if (!memory.ok())
    return memory.status();
  facts.memory = *memory;
  facts.request.texts = options.maxBatch.value_or(1);
  facts.request.tokens = options.context.value_or(
      std::min(PlannedTokens, facts.memory.maxContext));
  facts.request.outputs = facts.request.texts;
  facts.request.threads = session.threads();
  facts.request.tokenizer = facts.request.encodes = session.hasTokenizer();
  facts.cacheMemory =
      session.cacheMemory(engine::planMemory(facts.memory, facts.request));
  return facts;
}

static const char *modeName(bundle::WeightsMode mode) {
  switch (mode) {
  case bundle::WeightsMode::Embed:
    return "embed";
  case bundle::WeightsMode::External:
    return "external";
  case bundle::WeightsMode::Random:
    return "random";
  }
  return "";
}

static std::string asJson(const bundle::BundleReader &file,
                          const Facts &facts) {
  const bundle::Manifest &manifest = file.manifest();
  JsonWriter json;
  json.beginObject();
  json.member("model", manifest.model);
  json.member("compiler", manifest.compiler);
  json.member("target", manifest.target);
  json.key("variants").beginArray();
  for (const bundle::ModuleVariant &module : manifest.modules)
    json.value(module.name);
  json.endArray();
  json.key("variant");
  if (facts.variant.empty())
    json.null();
  else
    json.value(facts.variant);
  json.member("dtype", manifest.dtype);
  json.member("numerics", manifest.numerics);
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
  json.key("dimensions").beginObject();
  for (const auto &[name, value] : manifest.dimensions)
    json.member(name, value);
  json.endObject();
  json.key("memory").beginObject();
  json.member("weights", manifest.weights.bytes);
  json.member("arena", facts.memory.module.arenaBytes);
  json.member("scratch_per_thread", facts.memory.module.scratchBytes);
  json.member("cache_page", facts.memory.cachePageBytes());
  json.member("cache_per_token", facts.memory.cacheTokenBytes());
  json.member("cache_layout", manifest.cacheLayout);
  json.key("plan").beginObject();
  writeMemoryPlan(json, facts.request,
                  engine::planMemory(facts.memory, facts.request));
  json.endObject();
  writeCacheFits(json, facts.cacheMemory,
                 engine::largestFits(facts.memory, facts.cacheMemory));
  json.endObject();
  json.key("weights").beginObject();
  json.member("mode", modeName(manifest.weights.mode));
  if (!manifest.weights.file.empty())
    json.member("file", manifest.weights.file);
  if (manifest.weights.seed)
    json.member("seed", *manifest.weights.seed);
  if (manifest.weights.hash)
    json.member("hash", toHex(*manifest.weights.hash));
  json.endObject();
  json.key("sections").beginArray();
  for (const bundle::IndexEntry &entry : file.sections()) {
    json.beginObject();
    json.member("name", entry.name);
    json.member("offset", entry.offset);
    json.member("bytes", entry.bytes);
    json.member("hash", toHex(entry.hash));
    json.endObject();
  }
  json.endArray();
  json.member("hash", toHex(file.footer().footerHash));
  json.endObject();
  return json.text() + "\n";
}

static std::string asText(const bundle::BundleReader &file, const Facts &facts,
                          const Options &options) {
  const bundle::Manifest &manifest = file.manifest();
  std::string text;
  auto line = [&](const std::string &name, const std::string &value) {
    text += name + std::string(name.size() < 20 ? 20 - name.size() : 1, ' ') +
            value + "\n";
  };
  line("model", manifest.model);
  line("compiler", manifest.compiler);
  line("target", manifest.target);
  std::string variants;
  for (const bundle::ModuleVariant &module : manifest.modules)
    variants += (variants.empty() ? "" : ", ") + module.name;
  line("variants", variants);
  line("runs here", facts.variant.empty() ? "none: " + facts.why
                                          : facts.variant);
  line("type", manifest.dtype);
  line("numerics", manifest.numerics);
  for (const auto &[name, value] : manifest.dimensions)
    line(name, std::to_string(value));
  line("context", "at most " + std::to_string(manifest.maxContext) + " tokens");
  line("step", "at most " + std::to_string(manifest.maxStepTokens) +
                   " new tokens of " + std::to_string(manifest.maxBatch) +
                   " texts");
  line("weights", formatBytes(double(manifest.weights.bytes)) + ", " +
                      modeName(manifest.weights.mode));
  line("cache", formatBytes(double(facts.memory.cacheTokenBytes())) +
                    " for each token (" + manifest.cacheLayout + ")");
  text += memoryTable(facts.memory, facts.request, facts.cacheMemory,
                      options.cacheMemory.has_value());
  for (const bundle::IndexEntry &entry : file.sections())
    line("section", std::string(entry.name) + ", " +
                        formatBytes(double(entry.bytes)) + ", " +
                        toHex(entry.hash));
  line("hash", toHex(file.footer().footerHash));
  return text;
}

Status runInfo(Session &session, const Options &options) {
  Expected<Facts> facts = gather(session, options);
  if (!facts.ok())
    return facts.status();
  return writeResult(options.json
                         ? asJson(session.bundle(), *facts)
                         : asText(session.bundle(), *facts, options));
}

Status runVerify(Session &session, const Options &) {
  if (Status status = session.bundle().verify(session.threads()); !status.ok())
    return status;
  return writeResult("ok\n");
}

} // namespace dsv2::launcher
