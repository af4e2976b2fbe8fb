//===- Model.h - A compiled model in memory ---------------------*- C++ -*-===//
//
// A mapped module with its weights, threads, arena and cache. `step` advances
// any mixture of sequences; everything above (chunks, sampling, scheduling)
// is made of it.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_MODEL_H
#define RUNTIME_ENGINE_MODEL_H

#include "runtime/abi/Module.h"
#include "runtime/bundle/BundleReader.h"
#include "runtime/cache/PagePool.h"
#include "runtime/device/Memory.h"
#include "runtime/device/ThreadTeam.h"
#include "runtime/engine/MemoryPlan.h"
#include "runtime/engine/StepProfile.h"
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dsv2::engine {

/// A text in the cache. Pages are taken by steps and given back by
/// `Model::release`.
struct Sequence {
  int64_t length = 0; // tokens cached
  cache::PageTable pages;
};

/// New tokens of one sequence in one step.
struct StepPart {
  Sequence *sequence;
  std::span<const int32_t> tokens; // at least one
  int64_t outputs; // logits are wanted of this many of the last ones
  /// The form of attention: absorbed or not. Without, the cheapest in the step,
  /// so that the last bits may depend on the other parts.
  std::optional<bool> absorbed = std::nullopt;
};

/// What a step gives, by rows in the order of parts and tokens.
struct StepResult {
  std::span<const float> logits; // [rows][vocabulary]
  /// [rows] tokens that greedy sampling takes; -1 where there is none, and
  /// `sampling::sample` tells why.
  std::span<const int32_t> choices;
};

struct ModelOptions {
  std::string cpu; // name of a variant to force; empty: the best
  int threads = 1;
  /// Packed bytes done and in all, while random weights are made.
  std::function<void(int64_t, int64_t)> progress;
};

class Model {
public:
  /// Maps code and weights. `bundle` must outlive the model.
  static Expected<std::unique_ptr<Model>>
  load(const bundle::BundleReader &bundle, const ModelOptions &options);

  const Dsv2ModuleDescriptor &module() const { return image.descriptor(); }
  const std::string &variant() const { return variantName; }
  int threads() const { return team->size(); }
  /// Longest sequence, in tokens: of module and manifest.
  int64_t maxContext() const { return contextLimit; }
  /// Most rows of logits of one step: what `reserve` was asked for.
  int64_t maxOutputs() const { return outputLimit; }
  /// Whether the absorbed form is the cheapest for `tokens` new tokens after
  /// `prefix` cached ones, in a step of their own.
  bool absorbsAlone(int64_t tokens, int64_t prefix) const {
    return image.absorbs() && image.absorbs()(tokens, prefix, 0);
  }

  /// Takes the memory of steps, all of it, so that none fails for want of it: a
  /// cache of `pages` pages and `outputs` rows of logits. Again: sequences made
  /// before are void. Errors: no memory, more outputs than the module's.
  Status reserve(int64_t pages, int64_t outputs);
  /// Continues with another number of threads. Not during a step.
  Status setThreads(int threads);
  /// What is allocated, for comparison with `planMemory`: all parts but
  /// `tokenizer`, `program` and `other`.
  MemoryPlan allocated() const;

  /// One step over all parts. Returns the wanted logits and their choices, valid
  /// until the next step. On an error nothing has been computed and every length
  /// is as before. Errors: a token outside the vocabulary, a sequence over the
  /// context, the maxima of a step (tokens, sequences, outputs), the cache is full.
  Expected<StepResult> step(std::span<const StepPart> parts);

  /// Steps from now on are timed into `profile`, which must live as long; null:
  /// they are not, and then nothing costs anything.
  void setProfile(StepProfile *wanted) { profile = wanted; }

  /// The pages of the cache, to share those that sequences have in common.
  cache::PagePool &pages() { return pool; }
  /// Gives a sequence's pages back and empties it.
  void release(Sequence &sequence);

  /// Fills a sequence of `tokens` tokens with numbers in place of computed
  /// latents, for measurements at a depth. Errors: as step.
  Status pretend(Sequence &sequence, int64_t tokens);

private:
  Model(const bundle::BundleReader &bundle, bundle::ModuleImage image)
      : image(std::move(image)), bundle(bundle) {}
  Status loadWeights(const ModelOptions &options);
  Status check(std::span<const StepPart> parts) const;
  void buildBatch(std::span<const StepPart> parts);
  void reserveTables(int64_t pages);

  bundle::ModuleImage image;
  const bundle::BundleReader &bundle;
  std::string variantName;
  int64_t contextLimit = 0, outputLimit = 0;
  bundle::MappedWeights mappedWeights;
  device::Memory ownWeights; // random ones
  std::vector<const void *> weightTable;
  std::unique_ptr<device::ThreadTeam> team;
  device::Memory arena, scratch, cacheMemory, logits;
  cache::PagePool pool{0};
  StepProfile *profile = nullptr;

  // The batch of the step in progress; kept to reuse their memory.
  Dsv2Batch batch = {};
  std::vector<int32_t> ids, positions, sequenceOf, starts, prefix, pageTable,
      outputRows;
  std::vector<int32_t> choices; // of the last step
};

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_MODEL_H
