//===- Manifest.h - What a compiled file says about itself ------*- C++ -*-===//
//
// The section `manifest.json`: written by the compiler, read by the launcher.
// Both use this struct, so that there is one place that knows the keys.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_MANIFEST_H
#define RUNTIME_BUNDLE_MANIFEST_H

#include "runtime/bundle/Hash.h"
#include "runtime/bundle/TargetFile.h"
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dsv2::bundle {

/// One compiled module. Its section is `module.<name>`.
struct ModuleVariant {
  std::string name; // x86-64-v3, x86-64-v4, avx512bf16
  /// What the CPU must have: names of CpuVariants.h (x86-64-v3, avx512bf16).
  std::vector<std::string> features;
};

enum class WeightsMode { Embed, External, Random };

struct WeightsInfo {
  WeightsMode mode = WeightsMode::Embed;
  uint64_t bytes = 0;             // packed
  std::optional<uint64_t> seed;   // of random weights
  std::string file;               // external: name, in the bundle's folder
  std::optional<Hash128> hash;    // external: of the packed bytes
};

/// What a step costs, counted by the compiler from the model (2 FLOP a
/// multiply-add). Used by `bench` alone.
struct Cost {
  double flopsPerToken = 0;  // all but attention over the cache and the logits
  double flopsPerOutput = 0; // logits of one row
  /// Attention, for each pair of a new token and a token it sees, all layers:
  /// in the absorbed form (decode) and over re-expanded keys (prefill).
  double flopsPerTokenPerContext = 0;
  double flopsPerTokenPerContextPrefill = 0;
  double weightBytesDense = 0;  // packed bytes that every step reads
  double weightBytesExpert = 0; // of one routed expert of one layer
  int64_t experts = 0;          // routed experts of a layer, 0 without
  int64_t expertsPerToken = 0;
  int64_t moeLayers = 0;
  double cacheBytesPerToken = 0; // all layers
};

struct Manifest {
  std::string model;    // name, for people
  std::string compiler; // name and version
  std::string target;   // what was asked for, for people
  std::string dtype;    // bf16 | f32
  std::string numerics; // fast | batch-invariant | reference
  std::string cacheLayout; // what a cache row holds, for people
  /// Sizes of the model under config.json's names, in print order.
  std::vector<std::pair<std::string, int64_t>> dimensions;
  int64_t vocabulary = 0;
  int64_t maxContext = 0;    // tokens of a sequence
  int64_t maxBatch = 0;      // sequences of a step
  int64_t maxStepTokens = 0; // new tokens of a step
  std::optional<int64_t> bos;
  std::vector<int64_t> eos; // any of them ends a text
  std::vector<ModuleVariant> modules; // best first
  WeightsInfo weights;
  Cost cost;
  /// The machine that the compiler decided by.
  std::optional<TargetFigures> costTarget;
};

/// JSON text of the section.
std::string writeManifest(const Manifest &manifest);

/// Reads the section. Errors: JSON that is malformed, a key that is missing or
/// has the wrong type or an absurd value; each names the key.
Expected<Manifest> parseManifest(const std::string &text);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_MANIFEST_H
