//===- ScoreInput.cpp - The requests of the command score -----------------===//
//
// One function a form of line.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/ScoreInput.h"

#include "runtime/launcher/RequestFields.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/text/ContinuationEncoder.h"

#include <array>

namespace dsv2::launcher {

static constexpr std::array<std::string_view, 7> FieldNames = {
    "context", "continuation", "context_tokens", "continuation_tokens",
    "text",    "text_tokens",  "id"};

namespace {
class LineReader {
public:
  LineReader(Session &session, const Options &options)
      : session(session), options(options),
        vocabulary(session.bundle().manifest().vocabulary) {}

  Status read(const JsonCursor &line);

  std::vector<ScoreLine> lines;

private:
  Status readPair(const JsonCursor &at, ScoreLine &line);
  Status readTokenPair(const JsonCursor &at, ScoreLine &line);
  Status readText(const JsonCursor &field, ScoreLine &line);
  Status readTextTokens(const JsonCursor &field, ScoreLine &line);

  Expected<std::vector<int32_t>> tokens(const JsonCursor &field) const;
  Expected<int32_t> prefix();
  Expected<const ContinuationEncoder *> encoder();
  Status checkTokens(const JsonCursor &at, const ScoreLine &line) const;
  Status addPair(const JsonCursor &continuation, ContinuedTokens pair,
                 ScoreLine &line) const;
  Status addText(const JsonCursor &text, ScoreLine &line);

  Session &session;
  const Options &options;
  const int64_t vocabulary;
  std::optional<int32_t> prefixToken;
  std::optional<ContinuationEncoder> textEncoder;
};
} // namespace

Status LineReader::read(const JsonCursor &at) {
  JsonFields fields;
  checkNames(at, fields, FieldNames);
  if (!fields.status.ok())
    return fields.status;
  bool pair = at["context"].present() || at["continuation"].present();
  bool tokenPair = at["context_tokens"].present() ||
                   at["continuation_tokens"].present();
  bool text = at["text"].present(), textTokens = at["text_tokens"].present();
  if (pair + tokenPair + text + textTokens != 1)
    return at.error("expected either context and continuation, or "
                    "context_tokens and continuation_tokens, or text, or "
                    "text_tokens");
  ScoreLine &line = lines.emplace_back();
  readId(at["id"], fields, line.id);
  if (!fields.status.ok())
    return fields.status;
  return pair        ? readPair(at, line)
         : tokenPair ? readTokenPair(at, line)
         : text      ? readText(at["text"], line)
                     : readTextTokens(at["text_tokens"], line);
}

/// What the tokenizer calls bos, else eos; without a tokenizer, config.json's.
Expected<int32_t> LineReader::prefix() {
  if (prefixToken)
    return *prefixToken;
  const bundle::Manifest &manifest = session.bundle().manifest();
  if (session.hasTokenizer() &&
      session.bundle().find(bundle::TokenizerConfigSection)) {
    Expected<const Tokenizer *> tokenizer = session.tokenizer();
    if (!tokenizer.ok())
      return tokenizer.status();
    Expected<std::string> text =
        session.bundle().read(bundle::TokenizerConfigSection);
    if (!text.ok())
      return text.status();
    Expected<ChatConfig> config = ChatConfig::create(*text);
    if (!config.ok())
      return config.status();
    for (const char *name : {"bos_token", "eos_token"})
      if (auto found = config->tokens.find(name);
          found != config->tokens.end() && !prefixToken)
        prefixToken = (*tokenizer)->find(found->second);
  }
  if (!prefixToken && manifest.bos)
    prefixToken = static_cast<int32_t>(*manifest.bos);
  if (!prefixToken && !manifest.eos.empty())
    prefixToken = static_cast<int32_t>(manifest.eos.front());
  if (!prefixToken)
    return Status::error("the model has neither bos_token nor eos_token to "
                         "put before a text");
  return *prefixToken;
}

Expected<const ContinuationEncoder *> LineReader::encoder() {
  if (textEncoder)
    return &*textEncoder;
  Expected<const Tokenizer *> tokenizer = session.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Expected<int32_t> token = prefix();
  if (!token.ok())
    return token.status();
  textEncoder.emplace(**tokenizer, *token, options.bos);
  return &*textEncoder;
}

Expected<std::vector<int32_t>>
LineReader::tokens(const JsonCursor &field) const {
  Expected<const JsonArray *> array = field.array();
  if (!array.ok())
    return array.status();
  std::vector<int32_t> ids;
  for (size_t i = 0; i < (*array)->size(); ++i) {
    Expected<int64_t> id = field.at(i).integer(0, vocabulary - 1);
    if (!id.ok())
      return id.status();
    ids.push_back(static_cast<int32_t>(*id));
  }
  return ids;
}

/// What came out of the tokenizer, and what is put before it: files beside the
/// model decide on both.
Status LineReader::checkTokens(const JsonCursor &at,
                               const ScoreLine &line) const {
  for (int32_t token : line.tokens)
    if (token < 0 || token >= vocabulary)
      return at.error("token " + std::to_string(token) +
                      " is outside the vocabulary of " +
                      std::to_string(vocabulary));
  return Status::success();
}

Status LineReader::readPair(const JsonCursor &at, ScoreLine &line) {
  Expected<std::string_view> context = at["context"].string();
  if (!context.ok())
    return context.status();
  Expected<std::string_view> continuation = at["continuation"].string();
  if (!continuation.ok())
    return continuation.status();
  Expected<const ContinuationEncoder *> encoded = encoder();
  if (!encoded.ok())
    return encoded.status();
  Expected<ContinuedTokens> pair =
      (*encoded)->encodePair(*context, *continuation);
  if (!pair.ok())
    return at.error(pair.message());
  return addPair(at["continuation"], std::move(*pair), line);
}

Status LineReader::readTokenPair(const JsonCursor &at, ScoreLine &line) {
  Expected<std::vector<int32_t>> context = tokens(at["context_tokens"]);
  if (!context.ok())
    return context.status();
  Expected<std::vector<int32_t>> continuation =
      tokens(at["continuation_tokens"]);
  if (!continuation.ok())
    return continuation.status();
  ContinuedTokens pair = {std::move(*context), 0};
  pair.from = pair.tokens.size();
  pair.tokens.insert(pair.tokens.end(), continuation->begin(),
                     continuation->end());
  if (pair.from == 0) {
    Expected<int32_t> token = prefix();
    if (!token.ok())
      return token.status();
    pair = withPrefix(std::move(pair.tokens), *token);
  }
  return addPair(at["continuation_tokens"], std::move(pair), line);
}

Status LineReader::addPair(const JsonCursor &continuation, ContinuedTokens pair,
                           ScoreLine &line) const {
  int64_t context = session.context();
  int64_t length = static_cast<int64_t>(pair.tokens.size());
  int64_t scored = length - static_cast<int64_t>(pair.from);
  if (scored == 0)
    return continuation.expected("at least one token after the context");
  line.tokens = std::move(pair.tokens);
  if (Status status = checkTokens(continuation, line); !status.ok())
    return status;
  // The last token is never read.
  if (length - 1 > context) {
    if (!options.truncate || scored > context) {
      line.error = std::to_string(length) + " tokens, of which " +
                   std::to_string(scored) +
                   " are scored, are more than the context of " +
                   std::to_string(context) + " and one";
      return Status::success();
    }
    line.cut = length - 1 - context;
  }
  line.requests.push_back(
      {std::span(line.tokens).subspan(size_t(line.cut)),
       static_cast<int64_t>(pair.from) - line.cut});
  return Status::success();
}

Status LineReader::readText(const JsonCursor &field, ScoreLine &line) {
  Expected<std::string_view> text = field.string();
  if (!text.ok())
    return text.status();
  Expected<const ContinuationEncoder *> encoded = encoder();
  if (!encoded.ok())
    return encoded.status();
  Expected<std::vector<int32_t>> ids = (*encoded)->encode(*text);
  if (!ids.ok())
    return field.error(ids.message());
  line.tokens = std::move(*ids);
  return addText(field, line);
}

Status LineReader::readTextTokens(const JsonCursor &field, ScoreLine &line) {
  Expected<std::vector<int32_t>> ids = tokens(field);
  if (!ids.ok())
    return ids.status();
  line.tokens = std::move(*ids);
  return addText(field, line);
}

Status LineReader::addText(const JsonCursor &text, ScoreLine &line) {
  Expected<int32_t> token = prefix();
  if (!token.ok())
    return token.status();
  line.tokens.insert(line.tokens.begin(), *token);
  if (Status status = checkTokens(text, line); !status.ok())
    return status;
  line.requests = engine::rollingWindows(line.tokens, session.context());
  return Status::success();
}

Expected<std::vector<ScoreLine>> readScoreLines(Session &session,
                                                const Options &options) {
  LineReader reader(session, options);
  Status status = readJsonLinesFile(
      options.textFile.value_or("-"),
      [&](const JsonCursor &line) { return reader.read(line); });
  if (!status.ok())
    return status;
  return std::move(reader.lines);
}

Expected<std::vector<ScoreLine>>
parseScoreLines(Session &session, const Options &options, std::string_view text,
                const std::string &source, const JsonLinesLimits &limits) {
  LineReader reader(session, options);
  Status status = readJsonLines(
      text, source, [&](const JsonCursor &line) { return reader.read(line); },
      limits);
  if (!status.ok())
    return status;
  return std::move(reader.lines);
}

} // namespace dsv2::launcher
