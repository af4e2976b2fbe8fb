//===- TokenizerTool.cpp - The tokenizer for comparisons ------------------===//
//
// Reads texts of a file, each a u32 length and its bytes, and prints a line of
// ids for each; or, with `decode` and `stream`, reads lines of ids and writes
// each text the same way, decoded as a whole or token by token (with `-skip`:
// without special tokens). A test with the reference implementation drives it.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/File.h"
#include "runtime/text/Tokenizer.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

using namespace dsv2;

namespace {

int fail(const std::string &message) {
  fprintf(stderr, "tokenizer-tool: %s\n", message.c_str());
  return 1;
}

/// Of this process, so that others on the machine do not count.
double processorMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e3 + double(now.tv_nsec) / 1e6;
}

int encodeAll(const Tokenizer &tokenizer, std::string_view input) {
  std::vector<std::vector<int32_t>> results;
  size_t bytes = 0;
  double start = processorMilliseconds();
  while (input.size() >= 4) {
    uint32_t length;
    memcpy(&length, input.data(), 4);
    if (length > input.size() - 4)
      return fail("cut input");
    auto ids = tokenizer.encode(input.substr(4, length));
    if (!ids.ok())
      return fail(ids.message());
    results.push_back(std::move(*ids));
    bytes += length;
    input.remove_prefix(4 + size_t(length));
  }
  fprintf(stderr, "encoded %zu bytes in %.1f ms\n", bytes,
          processorMilliseconds() - start);
  for (const std::vector<int32_t> &ids : results) {
    std::string line;
    for (int32_t id : ids)
      line += (line.empty() ? "" : " ") + std::to_string(id);
    puts(line.c_str());
  }
  return 0;
}

int decodeAll(const Tokenizer &tokenizer, const std::string &input,
              bool byTokens, bool skipSpecial) {
  for (size_t begin = 0; begin < input.size();) {
    size_t end = input.find('\n', begin);
    std::vector<int32_t> ids;
    const char *cursor = input.c_str() + begin;
    while (cursor < input.c_str() + end) {
      char *next;
      ids.push_back(int32_t(strtol(cursor, &next, 10)));
      cursor = next + (*next == ' ');
    }
    std::string text;
    if (byTokens) {
      TokenStream stream(tokenizer, skipSpecial);
      for (int32_t id : ids)
        text += stream.push(id);
      text += stream.finish();
    } else {
      text = tokenizer.decode(ids, skipSpecial);
    }
    uint32_t length = uint32_t(text.size());
    fwrite(&length, 4, 1, stdout);
    fwrite(text.data(), 1, text.size(), stdout);
    begin = end + 1;
  }
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 5)
    return fail("usage: tokenizer-tool encode|decode|stream[-skip] TOKENIZER "
                "CONFIG|- INPUT");
  std::string mode = argv[1], config = argv[3];
  auto json = readFile(argv[2], 64 << 20);
  auto configJson = config == "-" ? Expected<std::string>(std::string())
                                  : readFile(config, 1 << 20);
  auto input = readFile(argv[4], size_t(1) << 30);
  for (const auto *file : {&json, &configJson, &input})
    if (!file->ok())
      return fail(file->message());
  double start = processorMilliseconds();
  auto tokenizer = Tokenizer::create(*json, *configJson);
  if (!tokenizer.ok())
    return fail(tokenizer.message());
  fprintf(stderr, "made in %.1f ms\n", processorMilliseconds() - start);
  if (mode == "encode")
    return encodeAll(*tokenizer, *input);
  return decodeAll(*tokenizer, *input, mode.starts_with("stream"),
                   mode.ends_with("-skip"));
}
