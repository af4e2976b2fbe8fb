//===- Render.cpp - The command render ------------------------------------===//
//
// Conversations into the texts that a model sees: JSON lines in, JSON lines
// out, each as soon as its line is there.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonLines.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/Output.h"
#include "runtime/launcher/RequestFields.h"

#include <array>

namespace dsv2::launcher {

static constexpr std::array<std::string_view, 3> FieldNames = {
    "messages", "add_generation_prompt", "id"};

namespace {
struct RenderLine {
  JsonValue id; // a string or an integer; null: none
  std::vector<ChatMessage> messages;
  bool addGenerationPrompt = true;
};
} // namespace

static Expected<RenderLine> parseRenderLine(const JsonCursor &line) {
  RenderLine parsed;
  JsonFields fields;
  checkNames(line, fields, FieldNames);
  readMessages(line["messages"], fields, parsed.messages);
  if (line["add_generation_prompt"].given())
    fields.read(line["add_generation_prompt"], parsed.addGenerationPrompt);
  readId(line["id"], fields, parsed.id);
  if (!fields.status.ok())
    return fields.status;
  return parsed;
}

/// What the template does not take is an error of its line alone.
static std::string describe(const RenderLine &line,
                            const Expected<std::string> &text) {
  JsonWriter json;
  json.beginObject();
  writeId(json, line.id);
  if (text.ok())
    json.member("text", std::string_view(*text));
  else
    json.member("error", std::string_view(text.message()));
  json.endObject();
  return json.text() + "\n";
}

Status runRender(Session &session, const Options &options) {
  Expected<ChatTemplate> chatTemplate =
      loadChatTemplate(session.bundle(), options);
  if (!chatTemplate.ok())
    return chatTemplate.status();
  if (options.showTemplate)
    return writeResult(chatTemplate->source());
  int64_t lines = 0, errors = 0;
  Status status = readJsonLinesFile(
      options.textFile.value_or("-"), [&](const JsonCursor &line) {
        Expected<RenderLine> parsed = parseRenderLine(line);
        if (!parsed.ok())
          return parsed.status();
        Expected<std::string> text = renderChat(
            *chatTemplate, parsed->messages, parsed->addGenerationPrompt);
        ++lines;
        errors += !text.ok();
        return writeResult(describe(*parsed, text));
      });
  if (!status.ok() || errors == 0)
    return status;
  return Status::error("the template refuses " + std::to_string(errors) +
                       " of " + std::to_string(lines) +
                       " conversations, as their lines say");
}

} // namespace dsv2::launcher
