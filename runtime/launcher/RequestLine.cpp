//===- RequestLine.cpp - One request of a batch ---------------------------===//
//
// Fields one after the other; the first error counts.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/RequestLine.h"

#include "runtime/launcher/RequestFields.h"

#include <array>

namespace dsv2::launcher {

static constexpr std::array<std::string_view, 11> FieldNames = {
    "prompt", "tokens",      "messages", "id",    "max_tokens", "n",
    "seed",   "temperature", "top_k",    "top_p", "stop"};

namespace {

class Reader {
public:
  Reader(const JsonCursor &line, int64_t vocabulary)
      : line(line), vocabulary(vocabulary) {}

  Expected<RequestLine> read() {
    checkNames(line, fields, FieldNames);
    readText();
    readId(line["id"], fields, request.id);
    readSampling();
    if (!fields.status.ok())
      return fields.status;
    return std::move(request);
  }

private:
  static constexpr size_t Most = size_t(1) << 24; // elements of a list

  void fail(Status status) { fields.fail(std::move(status)); }

  void readText() {
    JsonCursor prompt = line["prompt"], tokens = line["tokens"],
               messages = line["messages"];
    if (prompt.present() + tokens.present() + messages.present() != 1)
      return fail(line.error("expected one of prompt, tokens and messages"));
    if (prompt.present())
      fields.read(prompt, request.prompt.emplace());
    if (tokens.present()) {
      request.tokens.emplace();
      fields.forEach(tokens, Most, [&](const JsonCursor &at) {
        fields.store(at.integer(0, vocabulary - 1),
                     request.tokens->emplace_back());
      });
    }
    if (messages.present())
      readMessages(messages, fields, request.messages.emplace());
  }

  void readSampling() {
    if (line["n"].given() && line["max_tokens"].given())
      fail(line["n"].error("is max_tokens by another name; expected one of "
                           "them"));
    JsonCursor length = line[line["n"].given() ? "n" : "max_tokens"];
    if (length.given())
      fields.read(length, request.maxTokens.emplace());
    if (line["top_k"].given())
      fields.read(line["top_k"], request.topK.emplace());
    readNumber(line["temperature"], request.temperature,
               [](double value) { return value >= 0 && value <= 1e6; },
               "a number from 0 to 1000000");
    readNumber(line["top_p"], request.topP,
               [](double value) { return value >= 1e-9 && value <= 1; },
               "a number above 0, at most 1");
    readSeed(line["seed"]);
    readStops(line["stop"]);
  }

  void readNumber(const JsonCursor &at, std::optional<double> &value,
                  bool (*isPossible)(double), const char *what) {
    if (!at.given())
      return;
    Expected<double> number = at.number();
    if (!number.ok() || !isPossible(*number))
      return fail(at.expected(what));
    value = *number;
  }

  void readSeed(const JsonCursor &at) {
    if (!at.given())
      return;
    if (const uint64_t *large = at.get()->asUnsigned())
      request.seed = *large;
    else
      fields.store(at.integer(0), request.seed.emplace());
  }

  void readStops(const JsonCursor &at) {
    if (!at.given())
      return;
    request.stops.emplace();
    if (at.get()->asString())
      return fields.read(at, request.stops->emplace_back());
    if (!at.get()->asArray())
      return fail(at.expected("a string or a list of strings"));
    fields.forEach(at, Most, [&](const JsonCursor &stop) {
      fields.read(stop, request.stops->emplace_back());
    });
  }

  const JsonCursor &line;
  const int64_t vocabulary;
  RequestLine request;
  JsonFields fields;
};

} // namespace

Expected<RequestLine> parseRequestLine(const JsonCursor &line,
                                       int64_t vocabulary) {
  return Reader(line, vocabulary).read();
}

} // namespace dsv2::launcher
