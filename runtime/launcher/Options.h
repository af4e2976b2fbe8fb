//===- Options.h - The command line of a compiled file ----------*- C++ -*-===//
//
// What a user may ask for, as a plain struct, and the parser that fills it.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_OPTIONS_H
#define RUNTIME_LAUNCHER_OPTIONS_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsv2::launcher {

enum class Command {
  Info,
  Generate,
  Chat,
  Logits,
  Tokenize,
  Detokenize,
  Bench,
  Perplexity,
  Render,
  Score,
  Verify
};

struct Options {
  Command command = Command::Info;

  // Everywhere.
  std::vector<int64_t> threads; // empty: physical cores; several: bench only
  std::string cpu;              // variant to force; empty: the best
  std::optional<int64_t> context, maxBatch;
  std::optional<uint64_t> cacheMemory; // bytes
  bool json = false;

  // generate, logits, perplexity, tokenize, detokenize: where text or ids come
  // from.
  std::optional<std::string> text;     // --prompt or --text
  std::optional<std::string> textFile; // --prompt-file or --file
  std::optional<std::vector<int32_t>> tokens;
  bool bos = true;

  // generate, chat
  bool chat = false; // generate: the text is a user's turn
  std::optional<std::string> systemPrompt, chatTemplate; // a text, a file
  std::optional<int64_t> maxAnswerTokens;                // chat
  bool showTemplate = false; // render: the template itself

  std::optional<std::string> prompts; // generate: file of requests; -: stdin
  int64_t maxTokens = 256;            // generate
  std::optional<double> temperature, topP;
  std::optional<int64_t> topK;
  uint64_t seed = 0;
  std::vector<std::string> stops;

  // logits
  int64_t chunk = 0; // 0: as many as one step takes
  std::optional<std::string> schedule;
  std::string output;

  // score
  bool truncate = false; // contexts that are too long

  // perplexity
  std::optional<int64_t> window, stride; // tokens

  // bench
  std::vector<int64_t> benchPrompts = {128, 512}, benchDepths = {0},
                       benchBatches = {1};
  int64_t benchGenerated = 64;
  int64_t benchRounds = 5;
  int64_t benchRequests = 0; // 0: steps instead of requests
  bool paced = false;
  bool profile = false;
  std::string writeTarget; // file for this machine's figures; empty: none
};

/// Either options, or text for stdout and nothing to do (--help, --version).
struct ParsedCommandLine {
  std::optional<Options> options;
  std::string text;
};

/// Errors: one line that says what is wrong with the command line. `version`
/// is what --version prints.
Expected<ParsedCommandLine> parseCommandLine(int argc,
                                             const char *const *argv,
                                             const std::string &version);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_OPTIONS_H
