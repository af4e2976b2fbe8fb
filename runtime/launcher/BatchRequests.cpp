//===- BatchRequests.cpp - Requests of a batch, ready to run --------------===//
//
// Tokenizer and chat template are loaded by the first line that needs them.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/BatchRequests.h"

#include "runtime/io/JsonLines.h"
#include "runtime/launcher/GeneratedText.h"
#include "runtime/launcher/RequestLine.h"

#include <algorithm>

namespace dsv2::launcher {

namespace {

class Reader {
public:
  Reader(Session &session, const Options &options, GenerationConfig config)
      : session(session), options(options), config(std::move(config)) {}

  Status read(const JsonCursor &line, int64_t number) {
    Expected<RequestLine> parsed =
        parseRequestLine(line, session.bundle().manifest().vocabulary);
    if (!parsed.ok())
      return parsed.status();
    BatchRequest &request = requests.emplace_back();
    request.id = parsed->id.isNull() ? JsonValue(number) : parsed->id;
    request.stops = parsed->stops.value_or(options.stops);
    if (!request.stops.empty() && !session.hasTokenizer())
      return line["stop"].error(session.tokenizer().message());
    engine::GenerateRequest &generate = request.generate;
    generate.sampling = chooseSampling(withDefaults(*parsed), config);
    generate.eos = config.eos.value_or(session.bundle().manifest().eos);
    const char *field = parsed->prompt   ? "prompt"
                        : parsed->tokens ? "tokens"
                                         : "messages";
    Expected<std::vector<int32_t>> tokens = encode(*parsed);
    if (!tokens.ok())
      return line[field].error(tokens.message());
    generate.prompt = std::move(*tokens);
    int64_t length = static_cast<int64_t>(generate.prompt.size());
    if (length == 0)
      return line[field].error("has no tokens, expected at least one");
    if (length > session.context())
      return line[field].error("has " + std::to_string(length) +
                               " tokens, the context " +
                               std::to_string(session.context()));
    // A full context ends the text, so no more is ever needed.
    generate.maxTokens = std::min(parsed->maxTokens.value_or(options.maxTokens),
                                  session.context() - length + 1);
    return Status::success();
  }

  std::vector<BatchRequest> requests;

private:
  /// The options, as if what the line says had been given there.
  Options withDefaults(const RequestLine &line) const {
    Options given;
    given.temperature = line.temperature ? line.temperature : options.temperature;
    given.topK = line.topK ? line.topK : options.topK;
    given.topP = line.topP ? line.topP : options.topP;
    given.seed = line.seed.value_or(options.seed);
    return given;
  }

  Expected<std::vector<int32_t>> encode(const RequestLine &line) {
    if (line.tokens)
      return *line.tokens;
    Expected<const Tokenizer *> tokenizer = session.tokenizer();
    if (!tokenizer.ok())
      return tokenizer.status();
    if (line.prompt && !options.chat)
      return (*tokenizer)->encode(*line.prompt, options.bos);
    std::vector<ChatMessage> messages;
    if (options.systemPrompt)
      messages.push_back({"system", *options.systemPrompt});
    if (line.prompt)
      messages.push_back({"user", *line.prompt});
    else
      messages = *line.messages;
    if (!chatTemplate) {
      Expected<ChatTemplate> loaded = loadChatTemplate(session.bundle(), options);
      if (!loaded.ok())
        return loaded.status();
      chatTemplate.emplace(std::move(*loaded));
    }
    Expected<std::string> text = renderChat(*chatTemplate, messages);
    if (!text.ok())
      return text.status();
    return (*tokenizer)->encode(*text, /*addSpecial=*/false);
  }

  Session &session;
  const Options &options;
  const GenerationConfig config;
  std::optional<ChatTemplate> chatTemplate;
};

} // namespace

Expected<std::vector<BatchRequest>> readBatchRequests(Session &session,
                                                      const Options &options) {
  Expected<GenerationConfig> config = session.generationConfig();
  if (!config.ok())
    return config.status();
  Reader reader(session, options, std::move(*config));
  int64_t number = 0;
  Status status = readJsonLinesFile(*options.prompts, [&](const JsonCursor &line) {
    return reader.read(line, ++number);
  });
  if (!status.ok())
    return status;
  return std::move(reader.requests);
}

} // namespace dsv2::launcher
