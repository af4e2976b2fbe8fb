//===- ChatFormat.cpp - The conversation that a model sees ----------------===//
//
// Sections of the file into a template, messages into JSON.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/ChatFormat.h"

#include "runtime/bundle/Format.h"
#include "runtime/io/File.h"
#include "runtime/io/JsonWriter.h"

namespace dsv2::launcher {

Expected<ChatTemplate> loadChatTemplate(const bundle::BundleReader &file,
                                        const Options &options) {
  std::string configText;
  if (file.find(bundle::TokenizerConfigSection)) {
    Expected<std::string> text = file.read(bundle::TokenizerConfigSection);
    if (!text.ok())
      return text.status();
    configText = std::move(*text);
  }
  Expected<ChatConfig> config = ChatConfig::create(configText);
  if (!config.ok())
    return config.status();
  if (options.chatTemplate) {
    Expected<std::string> source = readFile(*options.chatTemplate, 1 << 20);
    if (!source.ok())
      return source.status();
    return ChatTemplate::create(*source, *options.chatTemplate, *config);
  }
  if (file.find(bundle::ChatTemplateSection)) {
    Expected<std::string> source = file.read(bundle::ChatTemplateSection);
    if (!source.ok())
      return source.status();
    return ChatTemplate::create(*source, "chat_template.jinja", *config);
  }
  if (config->source)
    return ChatTemplate::create(*config->source, "chat_template", *config);
  return Status::error("the model has no chat template; give one with "
                       "--chat-template FILE");
}

Expected<std::string> renderChat(const ChatTemplate &chatTemplate,
                                 std::span<const ChatMessage> messages,
                                 bool addGenerationPrompt) {
  JsonWriter json;
  json.beginObject();
  json.member("add_generation_prompt", addGenerationPrompt);
  json.key("messages").beginArray();
  for (const ChatMessage &message : messages) {
    json.beginObject();
    json.member("role", std::string_view(message.role));
    json.member("content", std::string_view(message.content));
    json.endObject();
  }
  json.endArray().endObject();
  JsonLimits limits;
  limits.maxBytes = json.text().size();
  Expected<JsonValue> variables = parseJson(json.text(), "messages", limits);
  if (!variables.ok())
    return variables.status();
  return chatTemplate.render(*variables);
}

} // namespace dsv2::launcher
