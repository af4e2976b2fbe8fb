//===- JsonReadersFuzz.cpp - Any text for the small readers of JSON -------===//
//
// The first line names the reader, the rest is its text. The text is refused
// with a line; or writing what was read and reading it again gives the same;
// or, for a weight program, it stays inside its memory.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/Manifest.h"
#include "runtime/bundle/SegmentTable.h"
#include "runtime/bundle/TargetFile.h"
#include "runtime/engine/Generator.h"
#include "runtime/launcher/GenerationConfig.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/weights/Execute.h"
#include "runtime/weights/RandomWeights.h"
#include "test/fuzz/Expect.h"

#include <functional>
#include <numeric>

using namespace dsv2;

static void readManifest(const std::string &text) {
  auto manifest = bundle::parseManifest(text);
  if (refused(manifest))
    return;
  std::string written = bundle::writeManifest(*manifest);
  auto again = bundle::parseManifest(written);
  expect(!refused(again) && bundle::writeManifest(*again) == written,
         "a manifest survives writing");
}

static void readSegments(const std::string &text) {
  auto table = bundle::parseSegmentTable(text);
  if (refused(table))
    return;
  std::string written = bundle::writeSegmentTable(*table);
  auto again = bundle::parseSegmentTable(written);
  expect(!refused(again) && bundle::writeSegmentTable(*again) == written,
         "a table of segments survives writing");
}

static void readTarget(const std::string &text) {
  auto target = bundle::parseTargetFile(text, "target.json");
  if (refused(target))
    return;
  std::string written = bundle::writeTargetFile(*target);
  auto again = bundle::parseTargetFile(written, "target.json");
  expect(!refused(again) && bundle::writeTargetFile(*again) == written,
         "figures of a machine survive writing");
}

/// Elements that a program moves, or many.
static int64_t work(const weights::WeightProgram &program) {
  constexpr int64_t many = int64_t(1) << 20;
  int64_t sum = program.bytes;
  auto add = [&](const weights::Weight &weight) {
    for (const weights::WeightCopy &copy : weight.copies) {
      int64_t count = 1;
      for (const std::vector<int64_t> &sizes : {copy.sizes, copy.sourceShape})
        for (int64_t size : sizes)
          count = std::min(many, count * std::min(many, std::max<int64_t>(size, 1)));
      sum = std::min(many, sum + count);
    }
  };
  for (const weights::Weight &weight : program.weights)
    add(weight);
  for (const weights::Temporary &temporary : program.temporaries) {
    add(temporary.lhs);
    add(temporary.rhs);
    int64_t count = 1; // [H, I, J] and K
    for (int64_t size : {temporary.shape[0], temporary.shape[1], temporary.shape[2],
                         temporary.lhs.shape[2]})
      count = std::min(many, count * std::min(many, std::max<int64_t>(size, 1)));
    sum = std::min(many, sum + count);
  }
  return sum;
}

static void readWeightProgram(const std::string &text) {
  auto program = weights::parseWeightProgram(text);
  if (refused(program) || work(*program) > 1 << 16)
    return;
  std::vector<char> memory(program->bytes);
  weights::MemorySink sink(memory.data());
  weights::RandomSource source(1, weights::ElementType::BF16);
  refused(weights::executeWeightProgram(*program, source, sink, 1));
}

static void readSchedule(const std::string &text) {
  auto schedule = engine::parseSchedule(text, "schedule.json");
  if (refused(schedule))
    return;
  size_t computed = 0, tokens = 0;
  for (const auto &step : schedule->steps)
    for (const engine::Schedule::Part &part : step)
      computed += part.count;
  for (const auto &sequence : schedule->sequences)
    tokens += sequence.size();
  expect(computed == tokens, "a schedule computes each token once");
}

static void readGenerationConfig(const std::string &text) {
  refused(launcher::parseGenerationConfig(text));
}

static void readTokenizerConfig(const std::string &text) { refused(ChatConfig::create(text)); }

static void readAny(const std::string &text) {
  auto value = parseJson(text, "file.json");
  if (!refused(value))
    expect(!value->describe().empty(), "a value can be described");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  constexpr std::pair<std::string_view, void (*)(const std::string &)> readers[] = {
      {"any", readAny},
      {"generation_config", readGenerationConfig},
      {"manifest", readManifest},
      {"schedule", readSchedule},
      {"segments", readSegments},
      {"target", readTarget},
      {"tokenizer_config", readTokenizerConfig},
      {"weights", readWeightProgram},
  };
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t line = input.find('\n');
  if (line == input.npos)
    return 0;
  for (auto [name, read] : readers)
    if (input.substr(0, line) == name)
      read(std::string(input.substr(line + 1)));
  return 0;
}
