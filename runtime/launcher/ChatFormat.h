//===- ChatFormat.h - The conversation that a model sees --------*- C++ -*-===//
//
// Finds the model's chat template and puts messages into it.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_CHATFORMAT_H
#define RUNTIME_LAUNCHER_CHATFORMAT_H

#include "runtime/bundle/BundleReader.h"
#include "runtime/launcher/Options.h"
#include "runtime/text/ChatTemplate.h"

#include <span>

namespace dsv2::launcher {

struct ChatMessage {
  std::string role; // system, user, assistant
  std::string content;
};

/// The template of --chat-template, of the model's chat_template.jinja or of
/// its tokenizer_config.json, in this order. Errors: there is none; it is not
/// supported, by construct and line.
Expected<ChatTemplate> loadChatTemplate(const bundle::BundleReader &file,
                                        const Options &options);

/// The text of a conversation; with the generation prompt, the one after which
/// the assistant's next message begins. Contents are valid UTF-8.
Expected<std::string> renderChat(const ChatTemplate &chatTemplate,
                                 std::span<const ChatMessage> messages,
                                 bool addGenerationPrompt = true);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_CHATFORMAT_H
