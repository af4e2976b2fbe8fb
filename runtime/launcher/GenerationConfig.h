//===- GenerationConfig.h - Sampling defaults of a model --------*- C++ -*-===//
//
// The keys of `generation_config.json` that say how the model's makers sample
// (specification section 5).
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_GENERATIONCONFIG_H
#define RUNTIME_LAUNCHER_GENERATIONCONFIG_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsv2::launcher {

struct GenerationConfig {
  bool sample = false; // do_sample
  std::optional<double> temperature, topP;
  std::optional<int64_t> topK;
  std::optional<std::vector<int64_t>> eos; // eos_token_id, one or a list
};

/// Reads the text of the file. Errors: JSON, or a key of the wrong type
/// or with a value that no sampling has.
Expected<GenerationConfig> parseGenerationConfig(const std::string &text);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_GENERATIONCONFIG_H
