//===- Session.cpp - What the commands share ------------------------------===//
//
// Everything is loaded when first needed: `tokenize` touches no weights.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Session.h"

#include "runtime/bundle/CpuVariants.h"
#include "runtime/device/Memory.h"
#include "runtime/device/Processors.h"
#include "runtime/io/File.h"
#include "runtime/io/Utf8.h"
#include "runtime/launcher/ChatFormat.h"
#include "runtime/launcher/Output.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

namespace dsv2::launcher {

int Session::threads() const {
  return options.threads.empty() ? device::defaultThreads()
                                 : static_cast<int>(options.threads.front());
}

Expected<std::string> Session::variant() const {
  std::string forced = options.cpu;
  if (const char *variable = std::getenv("DSV2_CPU");
      variable && forced.empty())
    forced = variable;
  const std::vector<bundle::ModuleVariant> &modules = file.manifest().modules;
  Expected<size_t> chosen = bundle::selectModule(modules, forced);
  if (!chosen.ok())
    return chosen.status();
  return modules[*chosen].name;
}

Expected<engine::MemoryFacts>
Session::memoryFacts(const std::string &variant) const {
  Expected<bundle::ModuleImage> image = file.mapModule(variant);
  if (!image.ok())
    return image.status();
  const bundle::IndexEntry *tokenizer = file.find(bundle::TokenizerSection);
  return engine::memoryFactsOf(image->descriptor(), file.manifest(),
                               tokenizer ? tokenizer->bytes : 0);
}

uint64_t Session::cacheMemory(const engine::MemoryPlan &plan) const {
  if (options.cacheMemory)
    return *options.cacheMemory;
  uint64_t available = device::availableMemory();
  uint64_t rest = plan.privateBytes() - plan.cache + plan.mappedWeights;
  return available - std::min(available, rest);
}

int64_t Session::context() const {
  return options.context.value_or(file.manifest().maxContext);
}

int64_t Session::mostTexts() const {
  return options.maxBatch.value_or(file.manifest().maxBatch);
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

Status Session::checkMemory() const {
  auto figure = [](uint64_t bytes) { return formatBytes(double(bytes)); };
  // The context that would fit, or that none does.
  auto advise = [&](uint64_t cacheBytes) -> std::string {
    int64_t pages = static_cast<int64_t>(cacheBytes / facts.cachePageBytes());
    int64_t tokens = pages / request.texts * DSV2_PAGE_TOKENS;
    if (tokens == 0)
      return "; not even " + std::to_string(DSV2_PAGE_TOKENS) +
             " tokens of each text fit";
    return "; --context " + std::to_string(tokens) + " fits";
  };
  std::string wanted = "the cache for " + std::to_string(request.texts) +
                       " × " + std::to_string(request.tokens) +
                       " tokens needs " + figure(plan.cache);
  if (options.cacheMemory && plan.cache > *options.cacheMemory)
    return Status::error(wanted + ", --cache-memory allows " +
                         figure(*options.cacheMemory) +
                         advise(*options.cacheMemory));
  uint64_t available = device::availableMemory();
  if (available == 0 || plan.privateBytes() <= available)
    return Status::success();
  uint64_t step = plan.arena + plan.scratch + plan.logits + plan.tables;
  uint64_t rest = plan.privateBytes() - plan.cache;
  std::string parts = wanted + ", the step " + figure(step);
  if (plan.privateWeights)
    parts += ", random weights " + figure(plan.privateWeights);
  return Status::error(parts + ", all together " +
                       figure(plan.privateBytes()) + "; available are " +
                       figure(available) +
                       (rest < available ? advise(available - rest)
                                         : "; no cache is small enough"));
}

Status Session::readFacts() {
  Expected<std::string> name = variant();
  if (!name.ok())
    return name.status();
  Expected<engine::MemoryFacts> read = memoryFacts(*name);
  if (!read.ok())
    return read.status();
  facts = *read;
  return Status::success();
}

Status Session::checkLength(int64_t tokens) const {
  int64_t longest = std::min(context(), facts.maxContext);
  if (tokens <= longest)
    return Status::success();
  return Status::error("a text of " + std::to_string(tokens) +
                       " tokens is longer than the context of " +
                       std::to_string(longest));
}

void Session::finishRequest(int64_t outputs, uint64_t otherBytes) {
  request.outputs = std::min(outputs, facts.module.maxOutputs);
  request.threads = threads();
  for (int64_t count : options.threads)
    request.threads = std::max(request.threads, static_cast<int>(count));
  request.tokenizer = textTokenizer.has_value();
  request.encodes = request.tokenizer && !options.tokens;
  request.otherBytes = otherBytes;
  plan = engine::planMemory(facts, request);
}

Status Session::start(std::span<const CacheNeed> needs, int64_t outputs,
                      uint64_t otherBytes) {
  if (Status status = readFacts(); !status.ok())
    return status;
  int64_t most = mostTexts(), pages = 0;
  for (CacheNeed need : needs) {
    if (Status status = checkLength(need.tokens); !status.ok())
      return status;
    if (need.texts > most)
      return Status::error(std::to_string(need.texts) +
                           " texts are more than the " + std::to_string(most) +
                           " that are computed at once");
    int64_t texts = options.maxBatch.value_or(need.texts);
    int64_t tokens = std::max<int64_t>(1, options.context.value_or(need.tokens));
    if (texts * cache::pagesFor(tokens) <= pages)
      continue;
    pages = texts * cache::pagesFor(tokens);
    request.texts = texts;
    request.tokens = tokens;
  }
  finishRequest(outputs, otherBytes);
  if (Status status = checkMemory(); !status.ok())
    return status;
  return load();
}

Status Session::startBatch(std::vector<int64_t> lengths, int64_t outputs,
                           uint64_t otherBytes) {
  if (Status status = readFacts(); !status.ok())
    return status;
  size_t atOnce = std::min(lengths.size(), static_cast<size_t>(mostTexts()));
  std::partial_sort(lengths.begin(), lengths.begin() + ptrdiff_t(atOnce),
                    lengths.end(), std::greater<>());
  if (Status status = checkLength(lengths.front()); !status.ok())
    return status;
  request.texts = 1;
  request.tokens = lengths.front();
  finishRequest(outputs, otherBytes);
  if (Status status = checkMemory(); !status.ok())
    return status;
  int64_t pages = 0;
  for (size_t i = 0; i < atOnce; ++i)
    pages += cache::pagesFor(lengths[i]);
  auto limit = [&](uint64_t bytes, uint64_t pageBytes) {
    pages = static_cast<int64_t>(
        std::min(static_cast<uint64_t>(pages), bytes / pageBytes));
  };
  if (options.cacheMemory)
    limit(*options.cacheMemory, facts.cachePageBytes());
  if (uint64_t available = device::availableMemory(); available > 0) {
    // What other processes take from now on must not end this one; tables grow
    // with the pages.
    uint64_t rest = plan.privateBytes() - plan.cache + plan.mappedWeights +
                    available / 16;
    limit(available - std::min(available, rest), facts.cachePageBytes() + 16);
  }
  request.texts = static_cast<int64_t>(atOnce);
  request.pages = std::max(plan.pages, pages);
  plan = engine::planMemory(facts, request);
  return load();
}

/// Maps or makes the weights and takes the memory of `plan`.
Status Session::load() {
  Expected<std::string> name = variant();
  if (!name.ok())
    return name.status();
  engine::ModelOptions modelOptions;
  modelOptions.cpu = *name;
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
  // What parsing left behind is in no plan.
  device::returnFreedMemory();
  return loaded->reserve(plan.pages, request.outputs);
}

bool Session::hasTokenizer() const {
  return file.find(bundle::TokenizerSection) != nullptr;
}

Expected<const Tokenizer *> Session::tokenizerIfAny() {
  return hasTokenizer() ? tokenizer() : Expected<const Tokenizer *>(nullptr);
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
  if (!options.chat)
    return (*made)->encode(*text, options.bos);
  Expected<ChatTemplate> chatTemplate = loadChatTemplate(file, options);
  if (!chatTemplate.ok())
    return chatTemplate.status();
  std::vector<ChatMessage> messages;
  if (options.systemPrompt)
    messages.push_back({"system", *options.systemPrompt});
  messages.push_back({"user", std::move(*text)});
  Expected<std::string> templated = renderChat(*chatTemplate, messages);
  if (!templated.ok())
    return templated.status();
  return (*made)->encode(*templated, /*addSpecial=*/false);
}

} // namespace dsv2::launcher
