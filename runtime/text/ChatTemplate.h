//===- ChatTemplate.h - Conversations into text -----------------*- C++ -*-===//
//
// A model's chat template: Jinja, rendered as the Python package transformers
// renders it (jinja2 with trim_blocks and lstrip_blocks, in a sandbox). What is
// not supported is refused when the template is made, by name and line.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_CHATTEMPLATE_H
#define RUNTIME_TEXT_CHATTEMPLATE_H

#include "runtime/io/Json.h"
#include "runtime/io/Status.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dsv2 {

/// What the text of a `tokenizer_config.json` says about conversations.
struct ChatConfig {
  /// `chat_template`, or of several the one named `default`.
  std::optional<std::string> source;
  /// `bos_token` and so on, which templates print.
  std::map<std::string, std::string> tokens;

  /// From an empty text: nothing.
  static Expected<ChatConfig> create(std::string_view configJson);
};

/// Const use is thread-safe.
class ChatTemplate {
public:
  /// `name` stands for the source in messages, `name:line: ...`.
  static Expected<ChatTemplate> create(std::string_view source,
                                       std::string_view name,
                                       const ChatConfig &config);
  ChatTemplate(ChatTemplate &&) noexcept;
  ChatTemplate &operator=(ChatTemplate &&) noexcept;
  ~ChatTemplate();

  /// The template itself, as it was given.
  const std::string &source() const;
  /// The text for an object of variables: `messages`, `add_generation_prompt`,
  /// perhaps `tools` and others. Errors: what Python would raise, the template's
  /// own among it; a template that takes too many steps.
  Expected<std::string> render(const JsonValue &variables) const;

private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace dsv2

#endif // RUNTIME_TEXT_CHATTEMPLATE_H
