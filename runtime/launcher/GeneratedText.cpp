//===- GeneratedText.cpp - Tokens into output as they come ----------------===//
//
// Bytes become characters, characters pass the stop texts, the rest is written.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/GeneratedText.h"

#include "runtime/launcher/Output.h"

namespace dsv2::launcher {

sampling::SamplingParameters chooseSampling(const Options &options,
                                            const GenerationConfig &config) {
  sampling::SamplingParameters parameters;
  parameters.seed = options.seed;
  bool asked = options.topK.has_value() || options.topP.has_value();
  if (options.temperature)
    parameters.temperature = *options.temperature;
  else if (config.sample || asked)
    parameters.temperature = config.temperature.value_or(1.0);
  parameters.topK = options.topK.value_or(config.topK.value_or(0));
  parameters.topP = options.topP.value_or(config.topP.value_or(1.0));
  return parameters;
}

GeneratedText::GeneratedText(const Tokenizer *tokenizer,
                             std::vector<std::string> stops, bool quiet)
    : stops(std::move(stops)), quiet(quiet) {
  if (tokenizer)
    stream.emplace(*tokenizer, /*skipSpecial=*/true);
}

bool GeneratedText::accept(int32_t id) {
  if (stream)
    emit(stops.push(stream->push(id)));
  else
    emit((first ? "" : ",") + std::to_string(id));
  first = false;
  return status.ok() && !stops.stopped();
}

void GeneratedText::finish() {
  if (!stream)
    return;
  emit(stops.push(stream->finish()));
  emit(stops.finish());
}

void GeneratedText::emit(std::string_view piece) {
  if (skipping) {
    size_t start = piece.find_first_not_of(" \t\r\n");
    if (start == piece.npos)
      return;
    piece.remove_prefix(start);
    skipping = false;
  }
  all += piece;
  if (!quiet)
    write(piece);
}

void GeneratedText::write(std::string_view piece) {
  if (status.ok() && !piece.empty())
    status = writeResult(piece);
}

} // namespace dsv2::launcher
