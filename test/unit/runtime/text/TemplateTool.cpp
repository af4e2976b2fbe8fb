//===- TemplateTool.cpp - Chat templates for comparisons ------------------===//
//
// Reads JSON lines {"template": ..., "variables": {...}} and writes a JSON line
// for each: {"text": ...}, {"error": ...} when rendering fails, or {"refused":
// ...} when the template is not supported. A test with jinja2 drives it.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/File.h"
#include "runtime/io/JsonCursor.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/text/ChatTemplate.h"

#include <cstdio>

using namespace dsv2;

static int fail(const std::string &message) {
  fprintf(stderr, "template-tool: %s\n", message.c_str());
  return 1;
}

static void answer(const char *key, const std::string &text) {
  JsonWriter json;
  json.beginObject().member(key, std::string_view(text)).endObject();
  puts(json.text().c_str());
}

int main(int argc, char **argv) {
  if (argc != 2)
    return fail("usage: template-tool LINES");
  Expected<std::string> lines = readFile(argv[1], size_t(1) << 30);
  if (!lines.ok())
    return fail(lines.message());
  for (size_t begin = 0, end; begin < lines->size(); begin = end + 1) {
    end = std::min(lines->find('\n', begin), lines->size());
    Expected<JsonValue> line =
        parseJson(std::string_view(*lines).substr(begin, end - begin), "line");
    if (!line.ok())
      return fail(line.message());
    JsonCursor root(*line, "line");
    Expected<std::string_view> source = root["template"].string();
    const JsonValue *variables = line->asObject()->find("variables");
    if (!source.ok() || !variables)
      return fail("expected template and variables");
    Expected<ChatTemplate> chatTemplate =
        ChatTemplate::create(*source, "template", ChatConfig());
    if (!chatTemplate.ok()) {
      answer("refused", chatTemplate.message());
      continue;
    }
    Expected<std::string> text = chatTemplate->render(*variables);
    answer(text.ok() ? "text" : "error", text.ok() ? *text : text.message());
  }
  return 0;
}
