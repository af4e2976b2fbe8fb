//===- Generate.cpp - The command generate --------------------------------===//
//
// Text streams out as it is certain; with --json one object comes at the end.
// Many requests are a batch (Batch.cpp).
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Generator.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/GeneratedText.h"
#include "runtime/launcher/Interrupt.h"
#include "runtime/launcher/MemoryReport.h"
#include "runtime/launcher/Output.h"
#include "runtime/launcher/ResultObject.h"

#include <algorithm>

namespace dsv2::launcher {

static std::string describe(const Session &session,
                            const engine::GenerateResult &result,
                            size_t promptTokens, const GeneratedText &text,
                            bool hasText) {
  JsonWriter json;
  json.beginObject();
  writeResultMembers(json, result, promptTokens, text, hasText);
  writeMemoryReport(json, session);
  json.endObject();
  return json.text() + "\n";
}

Status runGenerate(Session &session, const Options &options) {
  if (options.prompts)
    return runBatch(session, options);
  Expected<GenerationConfig> config = session.generationConfig();
  if (!config.ok())
    return config.status();
  if (!options.stops.empty() && !session.hasTokenizer())
    return session.tokenizer().status();
  Expected<std::vector<int32_t>> prompt = session.inputTokens();
  if (!prompt.ok())
    return prompt.status();
  Expected<const Tokenizer *> tokenizer = session.tokenizerIfAny();
  if (!tokenizer.ok())
    return tokenizer.status();
  engine::GenerateRequest request;
  request.sampling = chooseSampling(options, *config);
  if (Status status = sampling::validate(request.sampling); !status.ok())
    return status;
  request.eos = config->eos.value_or(session.bundle().manifest().eos);
  int64_t length = static_cast<int64_t>(prompt->size());
  // A full context ends the text, so no more is ever needed.
  int64_t room = std::max<int64_t>(0, session.context() - length) + 1;
  request.maxTokens = std::min(options.maxTokens, room);
  CacheNeed need = {1, std::max(length, std::min(length + request.maxTokens,
                                                 session.context()))};
  if (Status status = session.start({&need, 1}, /*outputs=*/1); !status.ok())
    return status;
  request.prompt = std::move(*prompt);

  // What there is by then is printed; until now there was nothing.
  InterruptFlag interrupt(InterruptFlag::Second::Kills);
  request.cancelled = [&] { return interrupt.raised(); };
  GeneratedText text(*tokenizer, options.stops, /*quiet=*/options.json);
  Expected<engine::GenerateResult> result =
      engine::generate(session.model(), request,
                       [&](int32_t id) { return text.accept(id); });
  text.finish();
  if (!options.json && (result.ok() || !text.text().empty()))
    text.endLine();
  if (!result.ok())
    return result.status();
  if (!text.status.ok())
    return text.status;
  if (!options.json)
    return Status::success();
  return writeResult(describe(session, *result, request.prompt.size(), text,
                              *tokenizer != nullptr));
}

} // namespace dsv2::launcher
