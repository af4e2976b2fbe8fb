//===- ChatTemplateFuzz.cpp - Any text as a chat template -----------------===//
//
// It is refused with a line, fails with a line or renders to UTF-8, in bounded
// time and memory.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Utf8.h"
#include "runtime/text/ChatTemplate.h"
#include "test/fuzz/Expect.h"

using namespace dsv2;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const JsonValue variables = *parseJson(
      R"({"messages":[{"role":"system","content":"s\u00fc"},
          {"role":"user","content":"a <b> c, d"},
          {"role":"assistant","content":null,"tool_calls":[{"type":"function",
           "function":{"name":"f","arguments":{"x":[1,2.5,true,null]}}}]},
          {"role":"tool","content":"</think>r"}],
          "add_generation_prompt":true,"bos_token":"<s>","eos_token":"</s>"})",
      "variables");
  std::string_view source(reinterpret_cast<const char *>(data), size);
  Expected<ChatTemplate> made = ChatTemplate::create(source, "t", ChatConfig());
  if (refused(made))
    return 0;
  Expected<std::string> text = made->render(variables);
  if (!refused(text))
    expect(findInvalidUtf8(*text) == text->npos, "the text is UTF-8");
  return 0;
}
