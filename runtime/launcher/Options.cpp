//===- Options.cpp - The command line of a compiled file ------------------===//
//
// Declares the commands to CLI11. Its exceptions end here.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Options.h"

#include "runtime/io/Utf8.h"
#include "runtime/launcher/OptionValues.h"

#include <CLI/CLI.hpp>

#include <charconv>

namespace dsv2::launcher {

/// Turns a parser with a Status into a check that CLI11 reports.
template <typename Parser> static CLI::Validator checkedBy(Parser parse) {
  return CLI::Validator(
      [parse](std::string &text) { return parse(text).message(); }, "");
}

/// Texts of the command line: UTF-8, as everything behind it assumes.
static const CLI::Validator IsUtf8(
    [](std::string &text) {
      size_t bad = findInvalidUtf8(text);
      return bad == std::string::npos
                 ? std::string()
                 : "is not UTF-8 at byte " + std::to_string(bad);
    },
    "");

static const CLI::Range AtLeastOne(int64_t(1), int64_t(1) << 40);
static const CLI::Range AtLeastZero(int64_t(0), int64_t(1) << 40);

namespace {
/// Strings that need a second look after CLI11 is done.
struct RawOptions {
  std::string cacheMemory, device = "cpu";
  std::optional<std::string> tokensGiven;
};
} // namespace

static void addGlobalOptions(CLI::App &app, Options &options,
                             RawOptions &raw) {
  app.add_option("--threads", options.threads,
                 "threads (default: physical cores that may be used)")
      ->delimiter(',')
      ->check(CLI::Range(int64_t(1), int64_t(4096)))
      ->type_name("N");
  app.add_option("--device", raw.device, "device (this file has: cpu)")
      ->check(CLI::IsMember({"cpu"}))
      ->type_name("NAME");
  app.add_option("--cpu", options.cpu,
                 "variant of the code to run (default: the best; also "
                 "DSV2_CPU in the environment)")
      ->type_name("NAME");
  app.add_option("--context", options.context,
                 "longest text in tokens (default: what the command needs)")
      ->check(AtLeastOne)
      ->type_name("N");
  app.add_option("--max-batch", options.maxBatch, "most texts at once")
      ->check(AtLeastOne)
      ->type_name("N");
  app.add_option("--cache-memory", raw.cacheMemory,
                 "most memory for the cache, such as 512M or 4G (default: "
                 "what fits)")
      ->check(checkedBy(parseSize))
      ->type_name("SIZE");
}

/// Declares a command. `example` is a line for a shell that works with any
/// compiled file, which it calls OUT; --help shows it and a test runs it.
static CLI::App *addCommand(CLI::App &app, Options &options, Command which,
                            const char *name, const char *summary,
                            std::string example) {
  CLI::App *command = app.add_subcommand(name, summary);
  command->callback([&options, which] { options.command = which; });
  command->footer([&app, example]() mutable {
    size_t at = example.find("OUT ");
    if (at != std::string::npos)
      example.replace(at, 3, app.get_name());
    return "Example:\n  " + example +
           "\n\nOptions of every command, such as --threads: see --help "
           "without a command.";
  });
  return command;
}

static CLI::Option *addTokens(CLI::App *command, RawOptions &raw,
                              const char *help) {
  return command->add_option("--tokens", raw.tokensGiven, help)
      ->check(checkedBy(parseIds))
      ->type_name("IDS");
}

static void addTemplate(CLI::App *command, Options &options) {
  command->add_option("--chat-template", options.chatTemplate,
                      "file of the template (default: the model's)")
      ->type_name("FILE");
}

static void addConversation(CLI::App *command, Options &options) {
  command->add_option("--system", options.systemPrompt, "the system prompt")
      ->check(IsUtf8)
      ->type_name("TEXT");
  addTemplate(command, options);
}

/// How tokens are drawn and where the text ends.
static void addSampling(CLI::App *command, Options &options) {
  const char *fromConfig = " (default: generation_config.json's)";
  command
      ->add_option("--temperature", options.temperature,
                   std::string("0 takes the most likely token") + fromConfig)
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("T");
  command
      ->add_option("--top-k", options.topK,
                   std::string("keep the K most likely tokens; 0: all") +
                       fromConfig)
      ->check(AtLeastZero)
      ->type_name("K");
  command
      ->add_option("--top-p", options.topP,
                   std::string("keep the fewest tokens that reach P") +
                       fromConfig)
      ->check(CLI::Range(1e-9, 1.0))
      ->type_name("P");
  // CLI11 takes -1 for 2^64 - 1, and so it does what is too large.
  CLI::Validator unsignedNumber(
      [](std::string &text) {
        uint64_t value;
        auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc() && end == text.data() + text.size()
                   ? std::string()
                   : "expected a number of at least 0 and below 2^64, got " +
                         text;
      },
      "");
  command->add_option("--seed", options.seed, "seed of the draws")
      ->check(unsignedNumber)
      ->capture_default_str()
      ->type_name("S");
  command->add_option("--stop", options.stops,
                      "end before this text; may be repeated")
      ->allow_extra_args(false)
      ->check(IsUtf8)
      ->check(CLI::Validator(
          [](std::string &text) {
            return text.empty() ? "expected a text that is not empty" : "";
          },
          ""))
      ->type_name("TEXT");
}

static void addGenerate(CLI::App &app, Options &options, RawOptions &raw) {
  CLI::App *command = addCommand(
      app, options, Command::Generate, "generate", "continues a text",
      "OUT generate --prompt 'three plus four is' -n 20 --temperature 0");
  CLI::Option_group *from = command->add_option_group("prompt");
  from->add_option("--prompt", options.text, "the text to continue")
      ->check(IsUtf8)
      ->type_name("TEXT");
  from->add_option("--prompt-file", options.textFile, "file of the text")
      ->type_name("FILE");
  addTokens(from, raw, "token ids, comma-separated");
  from->add_option("--prompts", options.prompts,
                   "file of requests, one JSON object a line (-: stdin); prints "
                   "one result a line, in their order")
      ->type_name("FILE");
  from->require_option(1);
  command->add_option("-n", options.maxTokens, "most new tokens")
      ->check(AtLeastZero)
      ->capture_default_str()
      ->type_name("N");
  command->add_flag("--chat", options.chat,
                    "the text is a user's turn: put it into the model's chat "
                    "template");
  command->add_flag("!--no-bos", options.bos,
                    "without the token that begins a text");
  addConversation(command, options);
  addSampling(command, options);
  command->add_flag("--json", options.json, "print one JSON object");
}

static void addChat(CLI::App &app, Options &options) {
  CLI::App *command = addCommand(
      app, options, Command::Chat, "chat",
      "a conversation: each line is a turn; /help shows the commands",
      "OUT chat --system 'Answer briefly.'");
  command->add_option("-n", options.maxAnswerTokens,
                      "most tokens of an answer (default: what the context "
                      "has left)")
      ->check(AtLeastOne)
      ->type_name("N");
  addConversation(command, options);
  addSampling(command, options);
}

static void addLogits(CLI::App &app, Options &options, RawOptions &raw) {
  CLI::App *command = addCommand(
      app, options, Command::Logits, "logits",
      "computes the logits of every position of a text",
      "OUT logits --tokens 1,2,3 -o logits.safetensors");
  CLI::Option_group *from = command->add_option_group("text");
  from->add_option("--text", options.text, "the text")
      ->check(IsUtf8)
      ->type_name("TEXT");
  addTokens(from, raw, "token ids, comma-separated");
  from->add_option(
          "--schedule", options.schedule,
          "JSON file {\"sequences\": [[ids], ...], \"steps\": [[[sequence, "
          "count], ...], ...]}: several texts in steps of your own; a part may "
          "be [sequence, count, absorbed]; writes a tensor logits.<i> for each "
          "sequence")
      ->type_name("FILE");
  from->require_option(1);
  command->add_option("--chunk", options.chunk,
                      "most tokens of a step (default: as many as possible)")
      ->check(AtLeastOne)
      ->type_name("K");
  command->add_option("-o,--output", options.output,
                      "safetensors file to write: f32 [tokens, vocabulary]")
      ->required()
      ->type_name("FILE");
}

static void addPerplexity(CLI::App &app, Options &options, RawOptions &raw) {
  CLI::App *command = addCommand(
      app, options, Command::Perplexity, "perplexity",
      "measures how well the model foretells a text",
      "OUT perplexity --text 'three plus four is seven'");
  CLI::Option_group *from = command->add_option_group("text");
  from->add_option("--file", options.textFile, "file of the text")
      ->type_name("FILE");
  from->add_option("--text", options.text, "the text")
      ->check(IsUtf8)
      ->type_name("TEXT");
  addTokens(from, raw, "token ids, comma-separated");
  from->require_option(1);
  command->add_flag("!--no-bos", options.bos,
                    "without the token that begins a text");
  command->add_option("--window", options.window,
                      "tokens that are read at once (default: 4096, or the "
                      "context where that is shorter)")
      ->check(CLI::Range(int64_t(2), int64_t(1) << 40))
      ->type_name("N");
  command->add_option("--stride", options.stride,
                      "tokens between the beginnings of two windows (default: "
                      "half a window)")
      ->check(AtLeastOne)
      ->type_name("N");
  command->add_flag("--json", options.json, "print one JSON object");
}

/// The requests of a command that answers line by line.
static CLI::Option *addLines(CLI::App *command, Options &options,
                             const std::string &forms) {
  return command
      ->add_option("--file", options.textFile,
                   "lines " + forms + "; an id comes back (default: stdin)")
      ->type_name("FILE");
}

static void addScore(CLI::App &app, Options &options) {
  CLI::App *command = addCommand(
      app, options, Command::Score, "score",
      "computes log-likelihoods of continuations, many at once: JSON lines in, "
      "JSON lines out",
      "echo '{\"context\": \"three plus four is\", \"continuation\": \" seven\"}' | OUT score");
  addLines(command, options,
           "{\"context\": TEXT, \"continuation\": TEXT}, or "
           "{\"context_tokens\": [IDS], \"continuation_tokens\": [IDS]}, or "
           "{\"text\": TEXT}, or {\"text_tokens\": [IDS]}");
  command->add_flag("!--no-bos", options.bos,
                    "without the token that begins a text");
  command->add_flag("--truncate", options.truncate,
                    "cut contexts that are too long at their beginning");
}

static void addRender(CLI::App &app, Options &options) {
  CLI::App *command = addCommand(
      app, options, Command::Render, "render",
      "puts conversations into the model's chat template: JSON lines in, JSON "
      "lines out",
      "echo '{\"messages\": [{\"role\": \"user\", \"content\": \"three plus four is\"}]}' | OUT render");
  CLI::Option *lines =
      addLines(command, options,
               "{\"messages\": [{\"role\": ROLE, \"content\": TEXT}, ...]}, "
               "perhaps with \"add_generation_prompt\": false");
  addTemplate(command, options);
  command->add_flag("--source", options.showTemplate,
                    "print the template itself")
      ->excludes(lines);
}

static void addText(CLI::App &app, Options &options, RawOptions &raw) {
  CLI::App *tokenize = addCommand(
      app, options, Command::Tokenize, "tokenize",
      "prints the token ids of a text", "OUT tokenize --text 'three plus four'");
  CLI::Option_group *from = tokenize->add_option_group("text");
  from->add_option("--text", options.text, "the text")
      ->check(IsUtf8)
      ->type_name("TEXT");
  from->add_option("--file", options.textFile, "file of the text")
      ->type_name("FILE");
  from->require_option(1);
  tokenize->add_flag("!--no-bos", options.bos,
                     "without the token that begins a text");
  CLI::App *detokenize = addCommand(
      app, options, Command::Detokenize, "detokenize",
      "prints the text of token ids", "OUT detokenize --tokens 72,105");
  addTokens(detokenize, raw, "token ids, comma-separated")->required();
}

static void addBench(CLI::App &app, Options &options) {
  CLI::App *command = addCommand(
      app, options, Command::Bench, "bench",
      "measures speed, beside the machine's bandwidth and peak; --threads may "
      "be a list",
      "OUT bench --prompt 128 --gen 16 --threads 1,2 --rounds 3");
  auto add = [&](const char *name, std::vector<int64_t> &values,
                 const char *help, const CLI::Range &range) {
    command->add_option(name, values, help)
        ->delimiter(',')
        ->check(range)
        ->capture_default_str()
        ->type_name("LIST");
  };
  add("--prompt", options.benchPrompts, "prompt lengths of prefill", AtLeastOne);
  add("--depth", options.benchDepths, "tokens in the cache before", AtLeastZero);
  add("--batch", options.benchBatches, "texts that decode at once", AtLeastOne);
  command->add_option("--gen", options.benchGenerated,
                      "steps of decode; 0: none")
      ->check(AtLeastZero)
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--requests", options.benchRequests,
                      "measure N whole requests, with prompts of lengths from the "
                      "shortest to the longest of --prompt and --gen new tokens, "
                      "as many at once as each of --batch says")
      ->check(CLI::Range(int64_t(1), int64_t(100'000)))
      ->type_name("N");
  command->add_flag("--paced", options.paced,
                    "measures one result whenever stdin says its index, and "
                    "prints the seconds: for comparing two files in turns");
  command->add_option("--rounds", options.benchRounds,
                      "measurements of each, of which the median counts")
      ->check(CLI::Range(int64_t(1), int64_t(1000)))
      ->capture_default_str()
      ->type_name("N");
  command->add_flag("--profile", options.profile,
                    "also time each op, beside what the compiler predicted");
  command->add_option("--write-target", options.writeTarget,
                      "measure this machine alone, for dsv2-compile --cost-target")
      ->type_name("FILE");
  command->add_flag("--json", options.json, "print one JSON object");
}

static std::string oneLine(std::string text) {
  for (char &c : text)
    if (c == '\n' || c == '\r')
      c = ' ';
  while (!text.empty() && (text.back() == ' ' || text.back() == '.'))
    text.pop_back();
  return text;
}

/// CLI11 misses a command before it looks at what stands in its place.
static std::string explain(const CLI::App &app, const std::exception &error) {
  std::vector<std::string> unknown = app.remaining();
  if (!app.get_subcommands().empty() || unknown.empty())
    return oneLine(error.what());
  const std::string &word = unknown.front();
  return word.starts_with("-")
             ? "The following argument was not expected: " + word
             : "unknown command '" + word + "'";
}

Expected<ParsedCommandLine> parseCommandLine(int argc,
                                             const char *const *argv,
                                             const std::string &version) {
  Options options;
  RawOptions raw;
  CLI::App app("A compiled DeepSeek-V2 model.");
  app.set_version_flag("--version", version);
  app.fallthrough();
  app.require_subcommand(1);
  addGlobalOptions(app, options, raw);
  CLI::App *info = addCommand(app, options, Command::Info, "info",
                              "model, target, memory plan, hashes",
                              "OUT info --json");
  info->add_flag("--json", options.json, "print one JSON object");
  addGenerate(app, options, raw);
  addChat(app, options);
  addLogits(app, options, raw);
  addPerplexity(app, options, raw);
  addScore(app, options);
  addRender(app, options);
  addText(app, options, raw);
  addBench(app, options);
  addCommand(app, options, Command::Verify, "verify",
             "checks the hash of every section", "OUT verify --threads 4");
  // After the commands, which would inherit it.
  app.footer("Exit status: 0, or 1 when a command fails, 2 for wrong usage, 130 "
             "and 143 where SIGINT\n(Ctrl-C) or SIGTERM ended it. An error is "
             "one line on stderr.");

  ParsedCommandLine parsed;
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &) {
    // --help of the command that was being parsed, or --version.
    parsed.text = app.count("--version") ? version + "\n" : app.help();
    return parsed;
  } catch (const std::exception &error) {
    return Status::error(explain(app, error));
  }
  if (options.threads.size() > 1 && options.command != Command::Bench)
    return Status::error("--threads: only bench takes a list");
  if (options.command == Command::Bench && options.benchGenerated == 0 &&
      options.benchPrompts.empty())
    return Status::error("bench: nothing to measure");
  if (options.benchRequests > 0 &&
      (options.benchGenerated == 0 || options.benchPrompts.empty() ||
       options.benchBatches.empty() || options.threads.size() > 1 ||
       options.paced || options.profile))
    return Status::error("bench: --requests takes --prompt, --gen of at least 1, "
                         "--batch, --rounds and one number of threads");
  bool templated = options.systemPrompt || options.chatTemplate;
  if (options.command == Command::Generate && templated && !options.chat &&
      !(options.prompts && !options.systemPrompt))
    return Status::error("--system and --chat-template need --chat");
  if (options.chat && raw.tokensGiven)
    return Status::error("--chat takes a text, not --tokens");
  if (!raw.cacheMemory.empty())
    options.cacheMemory = *parseSize(raw.cacheMemory);
  if (raw.tokensGiven)
    options.tokens = *parseIds(*raw.tokensGiven);
  parsed.options = std::move(options);
  return parsed;
}

} // namespace dsv2::launcher
