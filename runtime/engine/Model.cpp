//===- Model.cpp - A compiled model in memory -----------------------------===//
//
// Loading, and the arrays that describe a step to generated code.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Model.h"

#include "runtime/bundle/CpuVariants.h"
#include "runtime/weights/RandomWeights.h"

#include <algorithm>
#include <cstring>

namespace dsv2::engine {

using bundle::WeightsMode;

static int64_t elementBytes(const Dsv2ModuleDescriptor &module) {
  return module.elementType == DSV2_F32 ? 4 : 2;
}

Expected<std::unique_ptr<Model>>
Model::load(const bundle::BundleReader &bundle, const ModelOptions &options) {
  const bundle::Manifest &manifest = bundle.manifest();
  Expected<size_t> chosen = bundle::selectModule(manifest.modules, options.cpu);
  if (!chosen.ok())
    return chosen.status();
  const std::string &variant = manifest.modules[*chosen].name;
  Expected<bundle::ModuleImage> image = bundle.mapModule(variant);
  if (!image.ok())
    return image.status();
  std::unique_ptr<Model> model(new Model(bundle, std::move(*image)));
  model->variantName = variant;
  const Dsv2ModuleDescriptor &module = model->module();
  if (module.vocabulary != manifest.vocabulary)
    return Status::error(bundle.path() + ": vocabulary: its code has " +
                         std::to_string(module.vocabulary) +
                         ", its manifest " +
                         std::to_string(manifest.vocabulary));
  model->contextLimit = std::min(module.maxSpan, manifest.maxContext);
  if (Status status = model->setThreads(options.threads); !status.ok())
    return status;
  if (Status status = model->loadWeights(options); !status.ok())
    return status;
  return model;
}

Status Model::loadWeights(const ModelOptions &options) {
  const bundle::Manifest &manifest = bundle.manifest();
  Expected<std::string> text = bundle.read(bundle::WeightProgramSection);
  if (!text.ok())
    return text.status();
  Expected<weights::WeightProgram> program =
      weights::parseWeightProgram(*text);
  if (!program.ok())
    return Status::error(bundle.path() + ": " + program.message());
  if (static_cast<int64_t>(program->weights.size()) != module().weightCount)
    return Status::error(bundle.path() + ": its code wants " +
                         std::to_string(module().weightCount) +
                         " weights, weights.json has " +
                         std::to_string(program->weights.size()));
  const char *base = nullptr;
  const uint64_t weightsSize = program->bytes;
  if (manifest.weights.mode == WeightsMode::Random) {
    Expected<device::Memory> memory =
        device::Memory::allocate(weightsSize, "random weights");
    if (!memory.ok())
      return memory.status();
    ownWeights = std::move(*memory);
    weights::RandomSource source(*manifest.weights.seed,
                                 manifest.dtype == "f32"
                                     ? weights::ElementType::F32
                                     : weights::ElementType::BF16);
    weights::MemorySink sink(ownWeights.data());
    if (Status status = weights::executeWeightProgram(
            *program, source, sink, options.threads, options.progress);
        !status.ok())
      return status;
    base = reinterpret_cast<const char *>(ownWeights.data());
  } else {
    Expected<bundle::MappedWeights> mapped = bundle.mapWeights();
    if (!mapped.ok())
      return mapped.status();
    if (mapped->bytes() < weightsSize)
      return Status::error(bundle.path() + ": has " +
                           std::to_string(mapped->bytes()) +
                           " bytes of weights, weights.json expects " +
                           std::to_string(weightsSize));
    mappedWeights = std::move(*mapped);
    base = mappedWeights.data();
  }
  weightTable.reserve(program->weights.size());
  for (const weights::Weight &weight : program->weights)
    weightTable.push_back(base + weight.offset);
  return Status::success();
}

/// Memory of which nothing is left to take.
static Expected<device::Memory> takeMemory(uint64_t bytes, int threads,
                                           const char *what) {
  Expected<device::Memory> memory = device::Memory::allocate(bytes, what);
  if (memory.ok())
    if (Status status = memory->populate(threads, what); !status.ok())
      return status;
  return memory;
}

Status Model::reserve(int64_t pages, int64_t outputs) {
  // Page numbers are i32, and the bytes must stay a number.
  if (pages < 1 || pages > (int64_t(1) << 31) / DSV2_PAGE_TOKENS)
    return Status::error("a cache of " + std::to_string(pages) +
                         " pages is outside what can be addressed");
  const Dsv2ModuleDescriptor &limits = module();
  if (outputs < 1 || outputs > limits.maxOutputs)
    return Status::error("a step of " + std::to_string(outputs) +
                         " rows of logits, at most " +
                         std::to_string(limits.maxOutputs) + " are possible");
  int64_t pageBytes = limits.layers * DSV2_PAGE_TOKENS *
                      limits.cacheRowElements * elementBytes(limits);
  int64_t cacheBytes, logitsBytes;
  if (__builtin_mul_overflow(pages, pageBytes, &cacheBytes) ||
      __builtin_mul_overflow(outputs * 4, limits.vocabulary, &logitsBytes))
    return Status::error(bundle.path() + ": its cache or its logits have an "
                                         "absurd size");
  // What was reserved before goes first.
  for (device::Memory *memory : {&arena, &logits, &cacheMemory})
    *memory = device::Memory();
  struct {
    device::Memory &memory;
    int64_t bytes;
    const char *what;
  } parts[] = {{arena, limits.arenaBytes, "arena"},
               {logits, logitsBytes, "logits"},
               {cacheMemory, cacheBytes, "cache"}};
  for (auto &[memory, bytes, what] : parts) {
    Expected<device::Memory> taken = takeMemory(bytes, threads(), what);
    if (!taken.ok())
      return taken.status();
    memory = std::move(*taken);
  }
  outputLimit = outputs;
  pool = cache::PagePool(static_cast<int32_t>(pages));
  reserveTables(pages);
  return Status::success();
}

/// Room for the largest step, so that no table grows in one.
void Model::reserveTables(int64_t pages) {
  for (auto *list : {&ids, &positions, &sequenceOf})
    list->reserve(module().maxTokens);
  for (auto *list : {&starts, &prefix})
    list->reserve(module().maxSequences + 1);
  pageTable.reserve(pages);
  outputRows.reserve(outputLimit);
  choices.reserve(outputLimit);
}

Status Model::setThreads(int wanted) {
  team = nullptr;
  scratch = device::Memory();
  team = std::make_unique<device::ThreadTeam>(std::max(1, wanted));
  Expected<device::Memory> memory =
      takeMemory(module().scratchBytes * threads(), threads(), "threads' scratch");
  if (!memory.ok())
    return memory.status();
  scratch = std::move(*memory);
  return Status::success();
}

MemoryPlan Model::allocated() const {
  auto whole = [](uint64_t bytes) { return (bytes + 4095) / 4096 * 4096; };
  MemoryPlan plan;
  plan.pages = pool.pages();
  plan.mappedWeights = whole(mappedWeights.bytes());
  plan.privateWeights = whole(ownWeights.bytes());
  plan.cache = whole(cacheMemory.bytes());
  plan.arena = whole(arena.bytes());
  plan.scratch = whole(scratch.bytes());
  plan.logits = whole(logits.bytes());
  // Free pages, holders of each, and those that sequences will list.
  uint64_t bytes = weightTable.capacity() * sizeof(void *) + 3 * 4 * pool.pages();
  for (auto *list : {&ids, &positions, &sequenceOf, &starts, &prefix,
                     &pageTable, &outputRows, &choices})
    bytes += 4 * list->capacity();
  plan.tables = whole(bytes);
  return plan;
}

Status Model::check(std::span<const StepPart> parts) const {
  const Dsv2ModuleDescriptor &limits = module();
  int64_t tokens = 0, outputs = 0, newPages = 0;
  for (const StepPart &part : parts) {
    int64_t count = static_cast<int64_t>(part.tokens.size());
    int64_t length = part.sequence->length + count;
    if (count == 0)
      return Status::error("a sequence of a step has no new tokens");
    if (length > contextLimit)
      return Status::error("a sequence of " + std::to_string(length) +
                           " tokens is longer than the context of " +
                           std::to_string(contextLimit));
    for (int32_t id : part.tokens)
      if (id < 0 || id >= limits.vocabulary)
        return Status::error("token " + std::to_string(id) +
                             " is outside the vocabulary of " +
                             std::to_string(limits.vocabulary));
    tokens += count;
    if (part.outputs < 0 || part.outputs > count)
      return Status::error("logits of " + std::to_string(part.outputs) + " of " +
                           std::to_string(count) + " tokens are wanted");
    outputs += part.outputs;
    newPages +=
        std::max<int64_t>(0, cache::pagesFor(length) -
                                 static_cast<int64_t>(
                                     part.sequence->pages.pages().size()));
  }
  struct {
    const char *what;
    int64_t value, limit;
  } maxima[] = {
      {"new tokens", tokens, limits.maxTokens},
      {"sequences", static_cast<int64_t>(parts.size()), limits.maxSequences},
      {"rows of logits", outputs, outputLimit},
      {"new cache pages", newPages, pool.available()},
  };
  for (const auto &[what, value, limit] : maxima)
    if (value > limit)
      return Status::error("a step of " + std::to_string(value) + " " + what +
                           ", at most " + std::to_string(limit) +
                           " are possible");
  return Status::success();
}

void Model::buildBatch(std::span<const StepPart> parts) {
  Dsv2Absorbs absorbs = image.absorbs();
  std::vector<size_t> order;
  auto count = [&](size_t i) {
    return static_cast<int64_t>(parts[i].tokens.size());
  };
  // Those that are absorbed when alone; then those that are beside them.
  std::vector<bool> absorbed(parts.size());
  for (size_t i = 0; i < parts.size(); ++i)
    absorbed[i] = parts[i].absorbed.value_or(false);
  auto classify = [&](int64_t beside) {
    for (size_t i = 0; absorbs && i < parts.size(); ++i)
      if (!absorbed[i] && !parts[i].absorbed)
        absorbed[i] = absorbs(count(i), parts[i].sequence->length, beside);
  };
  classify(0);
  int64_t anyway = std::count(absorbed.begin(), absorbed.end(), true);
  if (anyway > 0)
    classify(anyway);
  auto appendWhere = [&](bool wanted) {
    for (size_t i = 0; i < parts.size(); ++i)
      if (absorbed[i] == wanted)
        order.push_back(i);
  };
  appendWhere(true);
  batch = {};
  batch.absorbedSequences = static_cast<int64_t>(order.size());
  appendWhere(false);

  for (auto *list : {&ids, &positions, &sequenceOf, &starts, &prefix,
                     &pageTable, &outputRows})
    list->clear();
  for (const StepPart &part : parts)
    batch.pageStride =
        std::max(batch.pageStride,
                 static_cast<int64_t>(part.sequence->pages.pages().size()));
  std::vector<int64_t> firstToken(parts.size());
  for (size_t row = 0; row < order.size(); ++row) {
    const StepPart &part = parts[order[row]];
    const std::vector<int32_t> &pages = part.sequence->pages.pages();
    firstToken[order[row]] = static_cast<int64_t>(ids.size());
    starts.push_back(static_cast<int32_t>(ids.size()));
    prefix.push_back(static_cast<int32_t>(part.sequence->length));
    pageTable.insert(pageTable.end(), pages.begin(), pages.end());
    pageTable.resize((row + 1) * batch.pageStride, 0);
    for (size_t i = 0; i < part.tokens.size(); ++i) {
      ids.push_back(part.tokens[i]);
      positions.push_back(static_cast<int32_t>(part.sequence->length + i));
      sequenceOf.push_back(static_cast<int32_t>(row));
    }
    if (static_cast<int64_t>(row) < batch.absorbedSequences)
      batch.absorbedTokens = static_cast<int64_t>(ids.size());
  }
  starts.push_back(static_cast<int32_t>(ids.size()));
  // Rows of the logits in the caller's order.
  for (size_t i = 0; i < parts.size(); ++i) {
    for (int64_t from = count(i) - parts[i].outputs; from < count(i); ++from)
      outputRows.push_back(static_cast<int32_t>(firstToken[i] + from));
  }
  batch.tokens = static_cast<int64_t>(ids.size());
  batch.sequences = static_cast<int64_t>(parts.size());
  batch.outputs = static_cast<int64_t>(outputRows.size());
  batch.pages = pool.pages();
  batch.positions = positions.data();
  batch.sequence = sequenceOf.data();
  batch.starts = starts.data();
  batch.prefix = prefix.data();
  batch.pageTable = pageTable.data();
  batch.outputRows = outputRows.data();
}

static void meetAtBarrier(Dsv2Context *context, int64_t) {
  static_cast<device::ThreadTeam *>(context->runtime)->barrier();
}

/// Where thread 0 of a timed step notes the time; null on all others.
static thread_local StepProfile *profileOfThread = nullptr;

static void meetAndTime(Dsv2Context *context, int64_t number) {
  meetAtBarrier(context, number);
  // Barriers without a number are an op's own.
  if (profileOfThread && number)
    profileOfThread->leaveBarrier(number);
}

Expected<StepResult> Model::step(std::span<const StepPart> parts) {
  if (parts.empty())
    return StepResult();
  if (Status status = check(parts); !status.ok())
    return status;
  for (const StepPart &part : parts)
    part.sequence->pages.grow(pool, part.sequence->length +
                                        static_cast<int64_t>(
                                            part.tokens.size()));
  buildBatch(parts);
  static const Dsv2Functions plain = {meetAtBarrier};
  static const Dsv2Functions timed = {meetAndTime};
  Dsv2Context context = {};
  context.functions = profile ? &timed : &plain;
  context.weights = weightTable.data();
  context.batch = &batch;
  context.arena = arena.data();
  context.scratch = scratch.data();
  context.ids = ids.data();
  context.cache = cacheMemory.data();
  context.logits = reinterpret_cast<float *>(logits.data());
  // A step that chooses nothing leaves it to sampling.
  choices.assign(outputRows.size(), -1);
  context.choices = choices.data();
  context.runtime = team.get();
  Dsv2Step function = image.step();
  if (profile)
    profile->beginStep();
  team->run([&](int thread) {
    profileOfThread = thread == 0 ? profile : nullptr;
    function(&context, thread, team->size());
  });
  if (profile)
    profile->endStep();
  for (const StepPart &part : parts)
    part.sequence->length += static_cast<int64_t>(part.tokens.size());
  std::span<const float> rows(context.logits,
                              batch.outputs * module().vocabulary);
  return StepResult{rows, choices};
}

void Model::release(Sequence &sequence) {
  sequence.pages.clear(pool);
  sequence.length = 0;
}

Status Model::pretend(Sequence &sequence, int64_t tokens) {
  if (tokens > contextLimit)
    return Status::error("a depth of " + std::to_string(tokens) +
                         " tokens is over the context of " +
                         std::to_string(contextLimit));
  if (!sequence.pages.grow(pool, tokens))
    return Status::error("the cache of " + std::to_string(pool.pages()) +
                         " pages is too small for a depth of " +
                         std::to_string(tokens) + " tokens");
  sequence.length = tokens;
  int64_t elements = DSV2_PAGE_TOKENS * module().cacheRowElements;
  uint64_t state = 1;
  for (int64_t layer = 0; layer < module().layers; ++layer)
    for (int32_t page : sequence.pages.pages()) {
      uint8_t *at = cacheMemory.data() + (layer * pool.pages() + page) *
                                             elements * elementBytes(module());
      for (int64_t i = 0; i < elements; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        // In (-2, 2), as latents are after their norm.
        float value = static_cast<float>(static_cast<int32_t>(state >> 32)) *
                      0x1p-30f;
        uint32_t bits;
        std::memcpy(&bits, &value, 4);
        if (module().elementType == DSV2_F32) {
          std::memcpy(at + 4 * i, &bits, 4);
        } else {
          uint16_t high = static_cast<uint16_t>(bits >> 16);
          std::memcpy(at + 2 * i, &high, 2);
        }
      }
    }
  return Status::success();
}

} // namespace dsv2::engine
