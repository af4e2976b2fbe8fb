//===- GeneratedText.h - Tokens into output as they come --------*- C++ -*-===//
//
// What the commands that generate share: how to draw tokens, and text that is
// written as soon as it is certain.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_GENERATEDTEXT_H
#define RUNTIME_LAUNCHER_GENERATEDTEXT_H

#include "runtime/launcher/GenerationConfig.h"
#include "runtime/launcher/Options.h"
#include "runtime/sampling/Sampler.h"
#include "runtime/sampling/StopMatcher.h"
#include "runtime/text/Tokenizer.h"

namespace dsv2::launcher {

/// An option decides; without one, generation_config.json.
sampling::SamplingParameters chooseSampling(const Options &options,
                                            const GenerationConfig &config);

/// Turns tokens into text on stdout, or ids where there is no tokenizer.
class GeneratedText {
public:
  /// `quiet` keeps the text and writes nothing.
  GeneratedText(const Tokenizer *tokenizer, std::vector<std::string> stops,
                bool quiet);
  /// Leaves out the white space that the text begins with.
  void skipLeadingSpace() { skipping = true; }

  /// False when generation should end.
  bool accept(int32_t id);
  /// Writes what waited.
  void finish();
  void endLine() { write("\n"); }

  const std::string &text() const { return all; }
  /// Whether a stop text has been met.
  bool stopped() const { return stops.stopped(); }
  /// Errors of writing.
  Status status = Status::success();

private:
  void emit(std::string_view piece);
  void write(std::string_view piece);

  std::optional<TokenStream> stream;
  sampling::StopMatcher stops;
  bool quiet, first = true, skipping = false;
  std::string all;
};

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_GENERATEDTEXT_H
