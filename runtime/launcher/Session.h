//===- Session.h - What the commands share ----------------------*- C++ -*-===//
//
// The opened compiled file and, once a command asks for them, its model,
// tokenizer and sampling defaults.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_SESSION_H
#define RUNTIME_LAUNCHER_SESSION_H

#include "runtime/engine/Model.h"
#include "runtime/launcher/GenerationConfig.h"
#include "runtime/launcher/Options.h"
#include "runtime/text/Tokenizer.h"
#include <memory>
#include <optional>
#include <span>

namespace dsv2::launcher {

/// Texts in the cache at once, and how many tokens each may have.
struct CacheNeed {
  int64_t texts, tokens;
};

class Session {
public:
  Session(const bundle::BundleReader &bundle, const Options &options)
      : file(bundle), options(options) {}

  const bundle::BundleReader &bundle() const { return file; }

  /// Plans memory for the largest of `needs` (for --context and --max-batch
  /// where the user gave them) and at most `outputs` rows of logits; then maps
  /// or makes the weights, starts the threads and takes the memory. `otherBytes` is what
  /// the command will allocate itself. Errors, with figures, before anything is
  /// allocated: more than --context, --max-batch, --cache-memory or the
  /// machine's memory allow.
  Status start(std::span<const CacheNeed> needs, int64_t outputs,
               uint64_t otherBytes = 0);
  /// The same for a batch of texts of these lengths: a cache for as many of the
  /// longest as are computed at once, or as much of that as there is memory for.
  /// Errors: the longest alone does not fit.
  Status startBatch(std::vector<int64_t> lengths, int64_t outputs,
                    uint64_t otherBytes = 0);
  engine::Model &model() { return *loaded; }
  int threads() const;
  /// What the plan of `start` said.
  const engine::MemoryRequest &memoryRequest() const { return request; }
  const engine::MemoryPlan &memoryPlan() const { return plan; }

  /// The variant of the code that runs. Errors: this CPU runs none.
  Expected<std::string> variant() const;
  /// What memory plans depend on, of `variant`. Errors: its code.
  Expected<engine::MemoryFacts> memoryFacts(const std::string &variant) const;
  /// Bytes for the cache, beside the private parts of `plan` and its mapped
  /// weights: --cache-memory, or what the machine has left.
  uint64_t cacheMemory(const engine::MemoryPlan &plan) const;
  /// Tokens a text may have: --context or the model's.
  int64_t context() const;
  /// Texts that may be computed at once: --max-batch or the model's.
  int64_t mostTexts() const;
  /// Errors: --context or --max-batch is over what was compiled.
  Status checkLimits() const;

  /// Errors: the file has no tokenizer, or it is damaged.
  Expected<const Tokenizer *> tokenizer();
  bool hasTokenizer() const;
  /// Null where the file has no tokenizer. Errors: it is damaged.
  Expected<const Tokenizer *> tokenizerIfAny();
  /// Defaults where the file has no generation_config.json.
  Expected<GenerationConfig> generationConfig() const;

  /// The text that the options name.
  Expected<std::string> inputText() const;
  /// The ids that the options name, or those of the text.
  Expected<std::vector<int32_t>> inputTokens();

private:
  const bundle::BundleReader &file;
  const Options &options;
  Status readFacts();
  Status checkLength(int64_t tokens) const;
  void finishRequest(int64_t outputs, uint64_t otherBytes);
  Status checkMemory() const;
  Status load();

  std::unique_ptr<engine::Model> loaded;
  engine::MemoryRequest request;
  engine::MemoryPlan plan;
  engine::MemoryFacts facts;
  std::optional<Tokenizer> textTokenizer;
};

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_SESSION_H
