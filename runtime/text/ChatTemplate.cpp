//===- ChatTemplate.cpp - Conversations into text -------------------------===//
//
// Where the interpreter's exceptions end.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/ChatTemplate.h"

#include "runtime/io/JsonCursor.h"
#include "runtime/io/Utf8.h"
#include "runtime/text/JinjaInterpreter.h"

using namespace dsv2;

namespace {

constexpr const char *configName = "tokenizer_config.json";
constexpr size_t maxSourceBytes = size_t(1) << 20;

Expected<std::optional<std::string>> readSource(const JsonCursor &field) {
  if (!field.given())
    return std::optional<std::string>();
  if (Expected<std::string_view> text = field.string(); text.ok())
    return std::optional<std::string>(std::string(*text));
  // Several, each with a name.
  Expected<const JsonArray *> entries = field.array();
  if (!entries.ok())
    return field.expected("a text or a list of named ones");
  for (size_t i = 0; i < (*entries)->size(); ++i) {
    JsonCursor entry = field.at(i);
    Expected<std::string_view> name = entry["name"].string();
    if (!name.ok())
      return name.status();
    Expected<std::string_view> text = entry["template"].string();
    if (!text.ok())
      return text.status();
    if (*name == "default")
      return std::optional<std::string>(std::string(*text));
  }
  return std::optional<std::string>();
}

} // namespace

Expected<ChatConfig> ChatConfig::create(std::string_view configJson) {
  ChatConfig config;
  if (configJson.empty())
    return config;
  Expected<JsonValue> tree = parseJson(configJson, configName);
  if (!tree.ok())
    return tree.status();
  JsonCursor root(*tree, configName);
  if (Expected<const JsonObject *> object = root.object(); !object.ok())
    return object.status();
  Expected<std::optional<std::string>> source =
      readSource(root["chat_template"]);
  if (!source.ok())
    return source.status();
  config.source = std::move(*source);
  for (const char *name : {"bos_token", "eos_token", "unk_token", "sep_token",
                           "pad_token", "cls_token", "mask_token"}) {
    JsonCursor field = root[name];
    if (!field.given())
      continue;
    Expected<std::string_view> token =
        (field["content"].present() ? field["content"] : field).string();
    if (!token.ok())
      return token.status();
    config.tokens.emplace(name, std::string(*token));
  }
  return config;
}

struct ChatTemplate::State {
  std::string name, source;
  jinja::Node tree;
  std::map<std::string, std::string> tokens;
};

ChatTemplate::ChatTemplate(std::unique_ptr<State> state)
    : state(std::move(state)) {}
ChatTemplate::ChatTemplate(ChatTemplate &&) noexcept = default;
ChatTemplate &ChatTemplate::operator=(ChatTemplate &&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

static Status failureOf(const std::string &name, const jinja::Failure &failure) {
  return Status::error(name + ":" + std::to_string(failure.line) + ": " +
                       failure.what());
}

Expected<ChatTemplate> ChatTemplate::create(std::string_view source,
                                            std::string_view name,
                                            const ChatConfig &config) {
  std::string where(name);
  if (source.size() > maxSourceBytes)
    return Status::error(where + ": expected a template of at most " +
                         std::to_string(maxSourceBytes) + " bytes, got " +
                         std::to_string(source.size()));
  if (size_t bad = findInvalidUtf8(source); bad != source.npos)
    return Status::error(where + ": is not UTF-8 at byte " +
                         std::to_string(bad));
  auto state = std::make_unique<State>();
  state->name = where;
  state->source = source;
  state->tokens = config.tokens;
  try {
    state->tree = jinja::parseTemplate(source);
  } catch (const jinja::Failure &failure) {
    return failureOf(where, failure);
  }
  return ChatTemplate(std::move(state));
}

const std::string &ChatTemplate::source() const { return state->source; }

Expected<std::string> ChatTemplate::render(const JsonValue &variables) const {
  std::map<std::string, jinja::Value, std::less<>> values;
  try {
    // transformers passes these always.
    values.emplace("tools", jinja::Value());
    values.emplace("documents", jinja::Value());
    for (const auto &[name, token] : state->tokens)
      values.insert_or_assign(name, jinja::Value(token));
    if (const JsonObject *object = variables.asObject())
      for (const JsonMember &member : *object)
        values.insert_or_assign(member.key, jinja::Value::of(member.value));
    return jinja::render(state->tree, values);
  } catch (const jinja::Failure &failure) {
    return failureOf(state->name, failure);
  } catch (const jinja::ValueError &error) {
    return Status::error(state->name + ": " + error.what());
  }
}
