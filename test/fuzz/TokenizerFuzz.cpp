//===- TokenizerFuzz.cpp - Any text as tokenizer.json ---------------------===//
//
// It is refused with a line or it tokenizes, whatever its patterns are.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Utf8.h"
#include "runtime/text/Tokenizer.h"
#include "test/fuzz/Expect.h"

using namespace dsv2;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  Expected<Tokenizer> tokenizer = Tokenizer::create(text);
  if (refused(tokenizer))
    return 0;
  Expected<std::vector<int32_t>> ids = tokenizer->encode(
      "Hello  world's 123 \n\n\u00e9\u4e2d\U0001F600 <s> aaaaaaaaaaaaaaaaaaaa\r\n ");
  if (!refused(ids)) {
    // What the file puts around a text may be no tokens; the reference does not ask either.
    std::span<const int32_t> own(*ids);
    own = own.first(own.size() - tokenizer->suffix().size()).subspan(tokenizer->prefix().size());
    for (int32_t id : own)
      expect(id >= 0 && id < tokenizer->size(), "ids are of tokens");
    for (bool skipSpecial : {false, true})
      expect(findInvalidUtf8(tokenizer->decode(*ids, skipSpecial)) == std::string::npos,
             "decoded text is UTF-8");
  }
  for (int32_t id : {-1, 0, 1, tokenizer->size(), INT32_MAX})
    tokenizer->bytes(id);
  return 0;
}
