//===- MemoryPlan.cpp - What a run takes of the machine's memory ----------===//
//
// Arithmetic alone. Figures that no formula gives were measured: see each.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/MemoryPlan.h"

#include <algorithm>
#include <bit>

namespace dsv2::engine {

static constexpr uint64_t Most = ~uint64_t(0);

static uint64_t plus(uint64_t a, uint64_t b) {
  return a > Most - b ? Most : a + b;
}

static uint64_t times(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? Most : product;
}

static uint64_t count(int64_t value) {
  return static_cast<uint64_t>(std::max<int64_t>(0, value));
}

/// Memory comes in pages of the kernel.
static uint64_t whole(uint64_t bytes) {
  return bytes > Most - 4095 ? Most : (bytes + 4095) / 4096 * 4096;
}

static uint64_t pagesFor(int64_t tokens) {
  return (count(tokens) + DSV2_PAGE_TOKENS - 1) / DSV2_PAGE_TOKENS;
}

MemoryFacts memoryFactsOf(const Dsv2ModuleDescriptor &module,
                          const bundle::Manifest &manifest,
                          uint64_t tokenizerBytes) {
  MemoryFacts facts;
  facts.module = module;
  facts.maxContext = std::min(module.maxSpan, manifest.maxContext);
  facts.weightBytes = manifest.weights.bytes;
  facts.weightsMapped = manifest.weights.mode != bundle::WeightsMode::Random;
  facts.tokenizerBytes = tokenizerBytes;
  return facts;
}

uint64_t MemoryFacts::cacheTokenBytes() const {
  return times(times(count(module.layers), count(module.cacheRowElements)),
               module.elementType == DSV2_F32 ? 4 : 2);
}

uint64_t MemoryFacts::cachePageBytes() const {
  return times(cacheTokenBytes(), DSV2_PAGE_TOKENS);
}

uint64_t MemoryPlan::privateBytes() const {
  uint64_t sum = 0;
  for (uint64_t part : {privateWeights, cache, arena, scratch, logits, tables,
                        tokenizer, program, other})
    sum = plus(sum, part);
  return sum;
}

/// i32 numbers of a step (ids, positions, sequences, rows of outputs and choices;
/// starts, prefixes and page table), the list of free pages, the number of holders of each
/// page, each text's list of its pages, and the pointers to the weights.
static uint64_t tableBytes(const MemoryFacts &facts,
                           const MemoryRequest &request, uint64_t pages) {
  const Dsv2ModuleDescriptor &module = facts.module;
  uint64_t perStep =
      plus(times(3, count(module.maxTokens)),
           times(2, plus(count(module.maxSequences), count(request.outputs))));
  uint64_t numbers = plus(perStep, times(4, pages));
  return whole(plus(times(4, numbers), times(8, count(module.weightCount))));
}

/// What the tokenizer keeps of its file: a string for each token, two hash tables
/// at most half full (runtime/text/BytePairModel.h), and letters of long tokens,
/// a third of the file in the released ones. Measured: its patterns, and the
/// pieces that it remembers once it has encoded a text.
static uint64_t tokenizerBytes(const MemoryFacts &facts, bool encodes) {
  constexpr uint64_t PatternBytes = 152 << 10, PieceBytes = 1020 << 10;
  if (facts.tokenizerBytes == 0)
    return 0;
  uint64_t tokens = std::min(count(facts.module.vocabulary), Most >> 16);
  return whole(32 * tokens + 24 * std::bit_ceil(2 * tokens) +
               facts.tokenizerBytes / 3 + PatternBytes +
               (encodes ? PieceBytes : 0));
}

MemoryPlan planMemory(const MemoryFacts &facts, const MemoryRequest &request) {
  // Measured: anonymous memory of a launcher that has loaded nothing, and what
  // each thread beyond the first adds for its stack.
  constexpr uint64_t ProgramBytes = 328 << 10, ThreadBytes = 12 << 10;
  const Dsv2ModuleDescriptor &module = facts.module;
  MemoryPlan plan;
  uint64_t pages =
      request.pages > 0
          ? count(request.pages)
          : times(count(request.texts),
                  pagesFor(std::max<int64_t>(1, request.tokens)));
  plan.pages = static_cast<int64_t>(std::min(pages, Most >> 1));
  (facts.weightsMapped ? plan.mappedWeights : plan.privateWeights) =
      whole(facts.weightBytes);
  plan.cache = whole(times(pages, facts.cachePageBytes()));
  plan.arena = whole(count(module.arenaBytes));
  plan.scratch = whole(times(count(module.scratchBytes), count(request.threads)));
  plan.logits =
      whole(times(times(count(request.outputs), count(module.vocabulary)), 4));
  plan.tables = tableBytes(facts, request, pages);
  if (request.tokenizer)
    plan.tokenizer = tokenizerBytes(facts, request.encodes);
  plan.program = plus(ProgramBytes,
                      times(ThreadBytes, count(request.threads - 1)));
  plan.other = whole(request.otherBytes);
  return plan;
}

CacheFits largestFits(const MemoryFacts &facts, uint64_t cacheBytes) {
  CacheFits fits;
  uint64_t pageBytes = std::max<uint64_t>(1, facts.cachePageBytes());
  uint64_t pages = cacheBytes / pageBytes;
  int64_t mostTexts = std::max<int64_t>(1, facts.module.maxSequences);
  int64_t mostTokens = std::max<int64_t>(1, facts.maxContext);
  auto addUnique = [](std::vector<int64_t> values, int64_t most) {
    for (int64_t &value : values)
      value = std::min(value, most);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  };
  for (int64_t texts : addUnique({1, 8, mostTexts}, mostTexts)) {
    uint64_t each = pages / count(texts);
    int64_t tokens = each >= pagesFor(mostTokens)
                         ? mostTokens
                         : static_cast<int64_t>(each) * DSV2_PAGE_TOKENS;
    fits.byTexts.push_back({texts, tokens});
  }
  for (int64_t tokens : addUnique({4096, 32768, mostTokens}, mostTokens))
    fits.byTokens.push_back(
        {static_cast<int64_t>(
             std::min(count(mostTexts), pages / pagesFor(tokens))),
         tokens});
  return fits;
}

void writeMemoryPlan(JsonWriter &json, const MemoryRequest &request,
                     const MemoryPlan &plan) {
  json.member("texts", request.texts);
  json.member("tokens", request.tokens);
  json.member("threads", request.threads);
  json.member("cache_pages", plan.pages);
  json.member("mapped_weights", plan.mappedWeights);
  json.member("private_weights", plan.privateWeights);
  json.member("cache", plan.cache);
  json.member("arena", plan.arena);
  json.member("scratch", plan.scratch);
  json.member("logits", plan.logits);
  json.member("tables", plan.tables);
  json.member("tokenizer", plan.tokenizer);
  json.member("program", plan.program);
  json.member("other", plan.other);
  json.member("total", plan.privateBytes());
}

void writeCacheFits(JsonWriter &json, uint64_t cacheBytes,
                    const CacheFits &fits) {
  auto list = [&](const char *name, const std::vector<CacheFit> &rows) {
    json.key(name).beginArray();
    for (const CacheFit &row : rows) {
      json.beginObject();
      json.member("batch", row.texts);
      json.member("context", row.tokens);
      json.endObject();
    }
    json.endArray();
  };
  json.member("cache_memory", cacheBytes);
  list("largest_context", fits.byTexts);
  list("largest_batch", fits.byTokens);
}

} // namespace dsv2::engine
