//===- TemplateTool.cpp - Chat templates for comparisons ------------------===//
//
// Reads a template and JSON lines, each an object of variables, and writes a
// JSON line for each: {"text": ...} or {"error": ...}. A test with jinja2
// drives it.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/File.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/text/ChatTemplate.h"

#include <cstdio>

using namespace dsv2;

static int fail(const std::string &message) {
  fprintf(stderr, "template-tool: %s\n", message.c_str());
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return fail("usage: template-tool TEMPLATE LINES");
  Expected<std::string> source = readFile(argv[1], 1 << 20);
  Expected<std::string> lines = readFile(argv[2], size_t(1) << 30);
  for (const auto *file : {&source, &lines})
    if (!file->ok())
      return fail(file->message());
  Expected<ChatTemplate> chatTemplate =
      ChatTemplate::create(*source, "template", ChatConfig());
  if (!chatTemplate.ok())
    return fail(chatTemplate.message());
  for (size_t begin = 0; begin < lines->size();) {
    size_t end = lines->find('\n', begin);
    Expected<JsonValue> variables =
        parseJson(std::string_view(*lines).substr(begin, end - begin), "line");
    if (!variables.ok())
      return fail(variables.message());
    Expected<std::string> text = chatTemplate->render(*variables);
    JsonWriter json;
    json.beginObject();
    json.member(text.ok() ? "text" : "error",
                std::string_view(text.ok() ? *text : text.message()));
    json.endObject();
    puts(json.text().c_str());
    begin = end + 1;
  }
  return 0;
}
