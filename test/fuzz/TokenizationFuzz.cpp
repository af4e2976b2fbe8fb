//===- TokenizationFuzz.cpp - Any text, any ids ---------------------------===//
//
// With the bundled tokenizer: what is encoded decodes to itself, ids decode
// token by token as they do together, and bytes that are no UTF-8 are refused.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/File.h"
#include "runtime/io/Utf8.h"
#include "runtime/text/Tokenizer.h"
#include "test/fuzz/Expect.h"

#include <cstring>

using namespace dsv2;

static const Tokenizer &bundled() {
  static const Tokenizer tokenizer = [] {
    Expected<std::string> json = readFile(DSV2_BUNDLED_TOKENIZER, 64 << 20);
    expect(json.ok(), "the bundled tokenizer is there");
    Expected<Tokenizer> made = Tokenizer::create(*json);
    expect(made.ok(), "the bundled tokenizer is supported");
    return std::move(*made);
  }();
  return tokenizer;
}

static void checkDecoding(std::span<const int32_t> ids) {
  for (bool skipSpecial : {false, true}) {
    TokenStream stream(bundled(), skipSpecial);
    std::string text;
    for (int32_t id : ids)
      text += stream.push(id);
    text += stream.finish();
    expect(text == bundled().decode(ids, skipSpecial),
           "token by token is as together");
    expect(findInvalidUtf8(text) == text.npos, "decoded text is UTF-8");
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  Expected<std::vector<int32_t>> ids = bundled().encode(text);
  expect(ids.ok() == (findInvalidUtf8(text) == text.npos),
         "text is encoded just when it is UTF-8");
  if (ids.ok()) {
    expect(bundled().decode(*ids) == text, "text decodes to itself");
    checkDecoding(*ids);
  }
  std::vector<int32_t> any;
  for (; size >= 2; data += 2, size -= 2)
    any.push_back(int32_t(data[0] | data[1] << 8) % 700);
  checkDecoding(any);
  return 0;
}
