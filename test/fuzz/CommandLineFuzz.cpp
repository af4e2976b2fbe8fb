//===- CommandLineFuzz.cpp - Any words as a command line ------------------===//
//
// One word a line. They are refused with a line, give a text, or give options
// whose values are possible.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/OptionValues.h"
#include "runtime/launcher/Options.h"
#include "test/fuzz/Expect.h"

#include <cstddef>

using namespace dsv2;
using namespace dsv2::launcher;

static void checkOptions(const Options &options) {
  for (int64_t count : options.threads)
    expect(count >= 1 && count <= 4096, "threads are a number of threads");
  for (const std::optional<int64_t> &value : {options.context, options.maxBatch})
    expect(value.value_or(1) >= 1, "limits are positive");
  expect(options.maxTokens >= 0 && options.chunk >= 0 && options.topK.value_or(0) >= 0,
         "counts are not negative");
  expect(options.temperature.value_or(0) >= 0, "a temperature is a number, not negative");
  double topP = options.topP.value_or(1);
  expect(topP > 0 && topP <= 1, "a probability is in (0, 1]");
  if (options.tokens)
    for (int32_t id : *options.tokens)
      expect(id >= 0, "ids are not negative");
  for (const auto *list : {&options.benchPrompts, &options.benchBatches})
    for (int64_t value : *list)
      expect(value >= 1, "lengths to measure are positive");
}

/// A size is below 2^62 however it is written.
static void checkSize(const std::string &text) {
  Expected<uint64_t> bytes = parseSize(text);
  if (!refused(bytes))
    expect(*bytes <= uint64_t(1) << 62, "a size is a size");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<std::string> words = {"model", ""};
  for (size_t i = 0; i < size; ++i) {
    // No argument holds a zero byte.
    if (data[i] == '\n' && i + 1 < size)
      words.emplace_back();
    else if (data[i] != '\n' && data[i] != 0)
      words.back() += static_cast<char>(data[i]);
  }
  if (size == 0)
    words.pop_back();
  std::vector<const char *> arguments;
  for (const std::string &word : words)
    arguments.push_back(word.c_str());
  auto parsed = parseCommandLine(static_cast<int>(arguments.size()), arguments.data(), "dsv2 0");
  if (!refused(parsed)) {
    expect(parsed->options.has_value() || !parsed->text.empty(), "there is something to do");
    if (parsed->options)
      checkOptions(*parsed->options);
  }
  for (const std::string &word : words) {
    checkSize(word);
    refused(parseIds(word));
  }
  return 0;
}
