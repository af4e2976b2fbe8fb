//===- MemoryPlan.h - What a run takes of the machine's memory --*- C++ -*-===//
//
// One pure function says how many bytes of private memory each part of a run
// takes; the engine allocates exactly that, and takes it when it starts. The
// compiler's report prints the same plan.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_MEMORYPLAN_H
#define RUNTIME_ENGINE_MEMORYPLAN_H

#include "runtime/abi/Module.h"
#include "runtime/bundle/Manifest.h"
#include "runtime/io/JsonWriter.h"
#include <vector>

namespace dsv2::engine {

/// What the plan depends on in a compiled file.
struct MemoryFacts {
  Dsv2ModuleDescriptor module = {};
  int64_t maxContext = 0;      // tokens of a text
  uint64_t weightBytes = 0;    // packed
  bool weightsMapped = true;   // used where they lie in a file
  uint64_t tokenizerBytes = 0; // of tokenizer.json; 0 without

  /// Bytes of one token in the cache, all layers; absurd modules saturate.
  uint64_t cacheTokenBytes() const;
  /// Bytes of one page of DSV2_PAGE_TOKENS tokens.
  uint64_t cachePageBytes() const;
};

/// Those of a file with this code and this manifest; `tokenizerBytes` is the
/// size of its section tokenizer.json.
MemoryFacts memoryFactsOf(const Dsv2ModuleDescriptor &module,
                          const bundle::Manifest &manifest,
                          uint64_t tokenizerBytes);

/// What a run asks for.
struct MemoryRequest {
  int64_t texts = 1;   // in the cache at once
  int64_t tokens = 1;  // of each of them
  int64_t outputs = 1; // rows of logits of a step
  int64_t pages = 0;   // of the cache; 0: what all texts take
  int threads = 1;
  bool tokenizer = true;   // whether text is read or written
  bool encodes = false;    // whether it is read
  uint64_t otherBytes = 0; // what the command itself allocates
};

/// Bytes of each part of a run. All but `mappedWeights` are private: they are
/// the process's anonymous and shared memory once it has started.
struct MemoryPlan {
  int64_t pages = 0; // of the cache

  uint64_t mappedWeights = 0; // page cache, shared with other processes
  uint64_t privateWeights = 0;
  uint64_t cache = 0;
  uint64_t arena = 0;
  uint64_t scratch = 0; // of all threads
  uint64_t logits = 0;
  uint64_t tables = 0;    // of the batch, the pages and the weights
  uint64_t tokenizer = 0; // estimated from its file
  uint64_t program = 0;   // the launcher's own data, libraries, stacks
  uint64_t other = 0;     // what the command itself allocates

  /// Sum of the private parts.
  uint64_t privateBytes() const;
};

/// Sums saturate, so that no request and no module makes a small plan.
MemoryPlan planMemory(const MemoryFacts &facts, const MemoryRequest &request);

/// A row of the table of what fits into a cache.
struct CacheFit {
  int64_t texts, tokens;
};

/// What `cacheBytes` of cache hold: the longest context of 1, 8 and the most
/// texts, and the most texts of 4096, 32768 and the most tokens, within the
/// maxima of the module. A row of nothing has a zero.
struct CacheFits {
  std::vector<CacheFit> byTexts, byTokens;
};
CacheFits largestFits(const MemoryFacts &facts, uint64_t cacheBytes);

/// Members `texts`, `tokens`, ... and `total` of an object that is open.
void writeMemoryPlan(JsonWriter &json, const MemoryRequest &request,
                     const MemoryPlan &plan);
/// Members `cache_memory`, `largest_context` and `largest_batch`.
void writeCacheFits(JsonWriter &json, uint64_t cacheBytes,
                    const CacheFits &fits);

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_MEMORYPLAN_H
