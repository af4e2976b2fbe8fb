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

namespace dsv2::launcher {

class Session {
public:
  Session(const bundle::BundleReader &bundle, const Options &options)
      : file(bundle), options(options) {}

  const bundle::BundleReader &bundle() const { return file; }

  /// Maps or makes the weights and starts the threads.
  Status loadModel();
  engine::Model &model() { return *loaded; }
  int threads() const;

  /// Reserves a cache for `sequences` texts of up to `tokens` tokens each, or
  /// of the context that the user asked for. Errors: more than --context,
  /// --max-batch, --cache-memory or the machine's memory allow, with figures.
  Status reserveCache(int64_t sequences, int64_t tokens);
  /// Tokens a text may have: --context or the model's.
  int64_t context() const;
  /// Errors: --context or --max-batch is over what was compiled.
  Status checkLimits() const;

  /// Errors: the file has no tokenizer, or it is damaged.
  Expected<const Tokenizer *> tokenizer();
  bool hasTokenizer() const;
  /// Defaults where the file has no generation_config.json.
  Expected<GenerationConfig> generationConfig() const;

  /// The text that the options name.
  Expected<std::string> inputText() const;
  /// The ids that the options name, or those of the text.
  Expected<std::vector<int32_t>> inputTokens();

private:
  const bundle::BundleReader &file;
  const Options &options;
  std::unique_ptr<engine::Model> loaded;
  std::optional<Tokenizer> textTokenizer;
};

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_SESSION_H
