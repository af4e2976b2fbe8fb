//===- RequestsFuzz.cpp - Any text as lines of requests -------------------===//
//
// What `generate --prompts` reads. The first bad line is refused with a line
// that names its place; requests before it are possible ones.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonLines.h"
#include "runtime/launcher/RequestLine.h"
#include "test/fuzz/Expect.h"

using namespace dsv2;
using namespace dsv2::launcher;

static constexpr int64_t vocabulary = 576;

static void checkRequest(const RequestLine &request) {
  expect(request.prompt.has_value() + request.tokens.has_value() +
                 request.messages.has_value() == 1,
         "a request has one text");
  if (request.tokens)
    for (int32_t id : *request.tokens)
      expect(id >= 0 && id < vocabulary, "ids are in the vocabulary");
  expect(request.maxTokens.value_or(0) >= 0 && request.topK.value_or(0) >= 0,
         "counts are not negative");
  expect(request.temperature.value_or(0) >= 0, "a temperature is a number, not negative");
  double topP = request.topP.value_or(1);
  expect(topP > 0 && topP <= 1, "a probability is in (0, 1]");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  size_t requests = 0;
  auto visit = [&](const JsonCursor &line) {
    Expected<RequestLine> request = parseRequestLine(line, vocabulary);
    if (!request.ok())
      return request.status();
    checkRequest(*request);
    ++requests;
    return Status::success();
  };
  JsonLinesLimits limits;
  limits.maxLines = 100;
  limits.line.maxBytes = 2000;
  Status status = readJsonLines(text, "requests.jsonl", visit, limits);
  if (refused(status))
    expect(status.message().starts_with("requests.jsonl:"), "a refusal names its place");
  expect(requests <= limits.maxLines, "no more lines than allowed");
  return 0;
}
