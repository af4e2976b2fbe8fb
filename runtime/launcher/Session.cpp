//===- Session.cpp - What the commands share ------------------------------===//
//
// Everything is loaded when first needed: `tokenize` touches no weights.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Session.h"

#include "runtime/device/Processors.h"
#include "runtime/io/File.h"
#include "runtime/io/Utf8.h"
#include "runtime/launcher/Output.h"

#include <algorithm>
#include <cstdlib>

namespace dsv2::launcher {

int Session::threads() const {
  return options.threads.empty() ? device::defaultThreads()
                                 : static_cast<int>(options.threads.front());
}

Status Session::loadModel() {
  engine::ModelOptions modelOptions;
  modelOptions.cpu = options.cpu;
  if (const char *forced = std::getenv("DSV2_CPU");
      forced && modelOptions.cpu.empty())
    modelOptions.cpu = forced;
  modelOptions.threads = threads();
  ProgressBar bar("random weights");
  modelOptions.progress = [&](int64_t done, int64_t total) {
    bar.update(done, total);
  };
  Expected<std::unique_ptr<engine::Model>> model =
      engine::Model::load(file, modelOptions);
  if (!model.ok())
    return model.status();
  loaded = std::move(*model);
  return Status::success();
}

int64_t Session::context() const {
  return options.context.value_or(
      loaded ? loaded->maxContext() : file.manifest().maxContext);
}

Status Session::checkLimits() const {
  const bundle::Manifest &manifest = file.manifest();
  if (options.context.value_or(1) > manifest.maxContext)
    return Status::error("--context: compiled for at most " +
                         std::to_string(manifest.maxContext) + ", got " +
                         std::to_string(*options.context));
  if (options.maxBatch.value_or(1) > manifest.maxBatch)
    return Status::error("--max-batch: compiled for at most " +
                         std::to_string(manifest.maxBatch) + ", got " +
                         std::to_string(*options.maxBatch));
  return Status::success();
}

Status Session::reserveCache(int64_t sequences, int64_t tokens) {
  if (tokens > context())
    return Status::error("a text of " + std::to_string(tokens) +
                         " tokens is longer than the context of " +
                         std::to_string(context()));
  int64_t most = options.maxBatch.value_or(file.manifest().maxBatch);
  if (sequences > most)
    return Status::error(std::to_string(sequences) + " texts are more than " +
                         "the " + std::to_string(most) +
                         " that are computed at once");
  if (options.context)
    tokens = *options.context;
  if (options.maxBatch)
    sequences = *options.maxBatch;
  int64_t pages =
      sequences * cache::pagesFor(std::max<int64_t>(1, tokens));
  auto figure = [](const char *what, uint64_t bytes) {
    return std::string(what) + " " + formatBytes(double(bytes));
  };
  uint64_t cacheBytes = loaded->cacheBytes(pages);
  std::string wanted =
      "the cache for " + std::to_string(sequences) + " × " +
      std::to_string(tokens) + " tokens needs " +
      formatBytes(double(cacheBytes));
  if (options.cacheMemory && cacheBytes > *options.cacheMemory)
    return Status::error(wanted + ", " +
                         figure("--cache-memory allows", *options.cacheMemory));
  uint64_t rest = loaded->arenaBytes() + loaded->scratchBytes();
  uint64_t available = device::availableMemory();
  if (available && cacheBytes + rest > available)
    return Status::error(wanted + figure(", the step", rest) +
                         figure(", available are", available) +
                         "; a smaller --context or --max-batch needs less");
  return loaded->reserveCache(pages);
}

bool Session::hasTokenizer() const {
  return file.find(bundle::TokenizerSection) != nullptr;
}

Expected<const Tokenizer *> Session::tokenizer() {
  if (textTokenizer)
    return &*textTokenizer;
  if (!hasTokenizer())
    return Status::error("text needs a tokenizer, and the model was compiled "
                         "without tokenizer.json; commands with --tokens work");
  Expected<std::string> json = file.read(bundle::TokenizerSection);
  if (!json.ok())
    return json.status();
  std::string config;
  if (file.find(bundle::TokenizerConfigSection)) {
    Expected<std::string> text = file.read(bundle::TokenizerConfigSection);
    if (!text.ok())
      return text.status();
    config = std::move(*text);
  }
  Expected<Tokenizer> made = Tokenizer::create(*json, config);
  if (!made.ok())
    return made.status();
  textTokenizer.emplace(std::move(*made));
  return &*textTokenizer;
}

Expected<GenerationConfig> Session::generationConfig() const {
  if (!file.find(bundle::GenerationConfigSection))
    return GenerationConfig();
  Expected<std::string> text = file.read(bundle::GenerationConfigSection);
  if (!text.ok())
    return text.status();
  return parseGenerationConfig(*text);
}

Expected<std::string> Session::inputText() const {
  std::string text, where = "the text";
  if (options.textFile) {
    Expected<std::string> read =
        readFile(*options.textFile, size_t(1) << 30);
    if (!read.ok())
      return read.status();
    text = std::move(*read);
    where = *options.textFile;
  } else {
    text = options.text.value_or("");
  }
  if (size_t bad = findInvalidUtf8(text); bad != std::string::npos)
    return Status::error(where + ": is not UTF-8 at byte " +
                         std::to_string(bad));
  return text;
}

Expected<std::vector<int32_t>> Session::inputTokens() {
  if (options.tokens) {
    for (int32_t id : *options.tokens)
      if (id >= file.manifest().vocabulary)
        return Status::error("--tokens: " + std::to_string(id) +
                             " is outside the vocabulary of " +
                             std::to_string(file.manifest().vocabulary));
    return *options.tokens;
  }
  Expected<const Tokenizer *> made = tokenizer();
  if (!made.ok())
    return made.status();
  Expected<std::string> text = inputText();
  if (!text.ok())
    return text.status();
  return (*made)->encode(*text, options.bos);
}

} // namespace dsv2::launcher
