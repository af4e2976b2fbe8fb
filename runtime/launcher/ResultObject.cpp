//===- ResultObject.cpp - What was generated, as JSON ---------------------===//
//
// One object for `generate --json` and for each line of a batch.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/ResultObject.h"

namespace dsv2::launcher {

void writeResultMembers(JsonWriter &json, const engine::GenerateResult &result,
                        size_t promptTokens, const GeneratedText &text,
                        bool hasText) {
  auto rate = [](double count, double seconds) {
    return seconds > 0 ? count / seconds : 0.0;
  };
  // The first new token comes with the prompt.
  size_t steps = result.tokens.empty() ? 0 : result.tokens.size() - 1;
  json.member("prompt_tokens", promptTokens);
  json.key("tokens").beginArray();
  for (int32_t id : result.tokens)
    json.value(id);
  json.endArray();
  json.key("text");
  if (hasText)
    json.value(text.text());
  else
    json.null();
  json.member("finish_reason", result.cancelled ? "interrupted"
                               : result.stopped || text.stopped() ? "stop"
                                                                  : "length");
  json.key("timing").beginObject();
  json.member("prefill_seconds", result.prefillSeconds);
  json.member("prefill_tokens_per_second",
              rate(double(promptTokens), result.prefillSeconds));
  json.member("decode_seconds", result.decodeSeconds);
  json.member("decode_tokens_per_second",
              rate(double(steps), result.decodeSeconds));
  json.endObject();
}

} // namespace dsv2::launcher
