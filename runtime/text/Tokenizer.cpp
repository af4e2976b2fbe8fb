//===- Tokenizer.cpp - Text to ids and back -------------------------------===//
//
// Puts the stages of a tokenizer file together: added tokens, pre-tokenizer,
// byte pair model; and the table of bytes for the way back.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Tokenizer.h"

#include "runtime/io/JsonCursor.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/io/Utf8.h"
#include "runtime/text/AddedTokens.h"
#include "runtime/text/ByteAlphabet.h"
#include "runtime/text/BytePairModel.h"
#include "runtime/text/PreTokenizer.h"

#include <algorithm>
#include <mutex>

using namespace dsv2;

namespace {

constexpr const char *tokenizerName = "tokenizer.json";
constexpr const char *configName = "tokenizer_config.json";

/// Positions inside a piece are counted in 32 bits.
constexpr size_t maxTextBytes = size_t(1) << 31;

/// All tokens' bytes behind one another.
struct ByteTable {
  std::string bytes;
  std::vector<uint32_t> ends; // by id

  std::string_view at(int32_t id) const {
    if (id < 0 || size_t(id) >= ends.size())
      return {};
    uint32_t begin = id == 0 ? 0 : ends[size_t(id) - 1];
    return std::string_view(bytes).substr(begin, ends[size_t(id)] - begin);
  }
};

/// A normalizer that does nothing, or why it is refused.
Status checkNormalizer(const JsonCursor &field) {
  if (!field.given())
    return Status::success();
  Expected<std::string_view> type = field["type"].string();
  if (!type.ok())
    return type.status();
  if (*type != "Sequence")
    return field["type"].expected("no normalizer");
  JsonCursor list = field["normalizers"];
  Expected<const JsonArray *> parts = list.array();
  if (!parts.ok())
    return parts.status();
  for (size_t i = 0; i < (*parts)->size(); ++i)
    if (Status status = checkNormalizer(list.at(i)); !status.ok())
      return status;
  return Status::success();
}

Status checkDecoder(const JsonCursor &field) {
  if (!field.given())
    return field.expected("a decoder of type ByteLevel");
  Expected<std::string_view> type = field["type"].string();
  if (!type.ok())
    return type.status();
  if (*type != "ByteLevel")
    return field["type"].expected("\"ByteLevel\"");
  return Status::success();
}

/// What is put around raw text.
struct Surroundings {
  std::vector<int32_t> prefix, suffix;
};

/// The ids that a TemplateProcessing's special token stands for.
Status addTemplateToken(const JsonCursor &processor, const JsonCursor &name,
                        std::vector<int32_t> &ids) {
  Expected<std::string_view> token = name.string();
  if (!token.ok())
    return token.status();
  JsonCursor list = processor["special_tokens"][*token]["ids"];
  Expected<const JsonArray *> entries = list.array();
  if (!entries.ok())
    return entries.status();
  for (size_t i = 0; i < (*entries)->size(); ++i) {
    Expected<int64_t> id = list.at(i).integer(0, (1 << 24) - 1);
    if (!id.ok())
      return id.status();
    ids.push_back(static_cast<int32_t>(*id));
  }
  return Status::success();
}

Status readPostProcessor(const JsonCursor &field, Surroundings &around,
                         unsigned depth = 0) {
  if (!field.given())
    return Status::success();
  Expected<std::string_view> type = field["type"].string();
  if (!type.ok())
    return type.status();
  if (*type == "ByteLevel") // changes offsets only
    return Status::success();
  if (*type == "Sequence") {
    JsonCursor list = field["processors"];
    Expected<const JsonArray *> parts = list.array();
    if (!parts.ok())
      return parts.status();
    if (depth > 8)
      return list.error("expected at most 8 nested sequences");
    for (size_t i = 0; i < (*parts)->size(); ++i)
      if (Status status = readPostProcessor(list.at(i), around, depth + 1);
          !status.ok())
        return status;
    return Status::success();
  }
  if (*type != "TemplateProcessing")
    return field["type"].expected("Sequence, ByteLevel or TemplateProcessing");

  JsonCursor single = field["single"];
  Expected<const JsonArray *> parts = single.array();
  if (!parts.ok())
    return parts.status();
  Surroundings own;
  bool textSeen = false;
  for (size_t i = 0; i < (*parts)->size(); ++i) {
    JsonCursor part = single.at(i);
    if (part["Sequence"].present()) {
      if (textSeen)
        return part.error("expected the text once");
      textSeen = true;
    } else if (Status status =
                   addTemplateToken(field, part["SpecialToken"]["id"],
                                    textSeen ? own.suffix : own.prefix);
               !status.ok()) {
      return status;
    }
  }
  if (!textSeen)
    return single.error("expected the text among the parts");
  // In a Sequence, each template goes around what those before it made.
  around.prefix.insert(around.prefix.begin(), own.prefix.begin(),
                       own.prefix.end());
  around.suffix.insert(around.suffix.end(), own.suffix.begin(),
                       own.suffix.end());
  return Status::success();
}

} // namespace

struct Tokenizer::State {
  /// Memory of one call of `encode`.
  struct Scratch {
    PreTokenizer::Scratch preTokenizer;
    BytePairModel::Scratch model;
  };

  State(BytePairModel model, AddedTokens added, PreTokenizer preTokenizer)
      : model(std::move(model)), added(std::move(added)),
        preTokenizer(std::move(preTokenizer)) {}

  void fillBytes();
  Status readConfig(std::string_view json);
  Status readConfigToken(const JsonCursor &root, const char *flag,
                         const char *token, std::vector<int32_t> &ids) const;
  std::unique_ptr<Scratch> takeScratch();
  void giveScratch(std::unique_ptr<Scratch> scratch);

  BytePairModel model;
  AddedTokens added;
  PreTokenizer preTokenizer;
  Surroundings around;
  ByteTable bytes;

  std::mutex mutex; // guards `idle`
  std::vector<std::unique_ptr<Scratch>> idle;
};

void Tokenizer::State::fillBytes() {
  int32_t count = std::max(model.size(), added.size());
  bytes.ends.reserve(size_t(count));
  for (int32_t id = 0; id < count; ++id) {
    const AddedToken *token = added.find(id);
    std::string_view letters =
        token ? std::string_view(token->content) : model.letters(id);
    // As the reference's decoder does, for added tokens too: a token is read
    // as letters for bytes, or as it stands when a letter is none.
    if (!appendBytesOfLetters(letters, bytes.bytes))
      bytes.bytes += letters;
    bytes.ends.push_back(static_cast<uint32_t>(bytes.bytes.size()));
  }
}

Status Tokenizer::State::readConfigToken(const JsonCursor &root,
                                         const char *flag, const char *token,
                                         std::vector<int32_t> &ids) const {
  if (!root[flag].given())
    return Status::success();
  Expected<bool> wanted = root[flag].boolean();
  if (!wanted.ok())
    return wanted.status();
  ids.clear();
  if (!*wanted)
    return Status::success();
  JsonCursor field = root[token];
  Expected<std::string_view> content =
      (field["content"].present() ? field["content"] : field).string();
  if (!content.ok())
    return content.status();
  const AddedToken *found = added.find(*content);
  int32_t id = found ? found->id : model.find(*content);
  if (id < 0)
    return field.error("expected a token of " + std::string(tokenizerName) +
                       ", got " + quoteJson(*content));
  ids.push_back(id);
  return Status::success();
}

Status Tokenizer::State::readConfig(std::string_view json) {
  Expected<JsonValue> tree = parseJson(json, configName);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, configName);
  if (Expected<const JsonObject *> object = root.object(); !object.ok())
    return object.status();
  if (Status status =
          readConfigToken(root, "add_bos_token", "bos_token", around.prefix);
      !status.ok())
    return status;
  return readConfigToken(root, "add_eos_token", "eos_token", around.suffix);
}

std::unique_ptr<Tokenizer::State::Scratch> Tokenizer::State::takeScratch() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!idle.empty()) {
      std::unique_ptr<Scratch> scratch = std::move(idle.back());
      idle.pop_back();
      return scratch;
    }
  }
  auto scratch = std::make_unique<Scratch>();
  scratch->preTokenizer = preTokenizer.makeScratch();
  return scratch;
}

void Tokenizer::State::giveScratch(std::unique_ptr<Scratch> scratch) {
  std::lock_guard<std::mutex> lock(mutex);
  idle.push_back(std::move(scratch));
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer &&) noexcept = default;
Tokenizer &Tokenizer::operator=(Tokenizer &&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Expected<Tokenizer> Tokenizer::create(std::string_view tokenizerJson,
                                      std::string_view configJson) {
  Expected<JsonValue> tree = parseJson(tokenizerJson, tokenizerName);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, tokenizerName);
  if (Expected<const JsonObject *> object = root.object(); !object.ok())
    return object.status();
  // `truncation` and `padding` are not read: transformers resets both.
  if (Status status = checkNormalizer(root["normalizer"]); !status.ok())
    return status;
  if (Status status = checkDecoder(root["decoder"]); !status.ok())
    return status;
  Expected<PreTokenizer> preTokenizer =
      PreTokenizer::create(root["pre_tokenizer"]);
  if (!preTokenizer.ok())
    return preTokenizer.status();
  Expected<BytePairModel> model = BytePairModel::create(root["model"]);
  if (!model.ok())
    return model.status();
  Expected<AddedTokens> added =
      AddedTokens::create(root["added_tokens"], *model);
  if (!added.ok())
    return added.status();

  auto state = std::make_unique<State>(std::move(*model), std::move(*added),
                                       std::move(*preTokenizer));
  if (Status status = readPostProcessor(root["post_processor"], state->around);
      !status.ok())
    return status;
  if (!configJson.empty())
    if (Status status = state->readConfig(configJson); !status.ok())
      return status;
  state->fillBytes();
  return Tokenizer(std::move(state));
}

Expected<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                                 bool addSpecial) const {
  if (text.size() >= maxTextBytes)
    return Status::error("expected a text of less than 2 GiB, got " +
                         std::to_string(text.size()) + " bytes");
  if (size_t invalid = findInvalidUtf8(text); invalid != text.npos)
    return Status::error("expected valid UTF-8, got an invalid byte at offset " +
                         std::to_string(invalid));
  std::vector<int32_t> ids;
  if (addSpecial)
    ids = state->around.prefix;

  std::unique_ptr<State::Scratch> scratch = state->takeScratch();
  Status status = Status::success();
  state->added.split(
      text,
      [&](std::string_view part) {
        if (status.ok())
          status = state->preTokenizer.split(
              part, scratch->preTokenizer, [&](std::string_view piece) {
                state->model.encode(piece, scratch->model, ids);
              });
      },
      [&](int32_t token) { ids.push_back(token); });
  state->giveScratch(std::move(scratch));
  if (!status.ok())
    return Status::error(std::string(tokenizerName) + ": pre_tokenizer: " +
                         status.message());

  if (addSpecial)
    ids.insert(ids.end(), state->around.suffix.begin(),
               state->around.suffix.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids,
                              bool skipSpecial) const {
  TokenStream stream(*this, skipSpecial);
  std::string text;
  for (int32_t id : ids)
    text += stream.push(id);
  return text + stream.finish();
}

std::string_view Tokenizer::bytes(int32_t id) const {
  return state->bytes.at(id);
}

bool Tokenizer::isSpecial(int32_t id) const {
  const AddedToken *token = state->added.find(id);
  return token && token->special;
}

std::optional<int32_t> Tokenizer::find(std::string_view token) const {
  if (const AddedToken *added = state->added.find(token))
    return added->id;
  if (int32_t id = state->model.find(token); id >= 0)
    return id;
  return std::nullopt;
}

int32_t Tokenizer::size() const {
  return static_cast<int32_t>(state->bytes.ends.size());
}

std::span<const int32_t> Tokenizer::prefix() const {
  return state->around.prefix;
}

std::span<const int32_t> Tokenizer::suffix() const {
  return state->around.suffix;
}
