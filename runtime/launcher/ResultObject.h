//===- ResultObject.h - What was generated, as JSON -------------*- C++ -*-===//
//
// The members that `generate --json` prints of one request.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_RESULTOBJECT_H
#define RUNTIME_LAUNCHER_RESULTOBJECT_H

#include "runtime/engine/Generator.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/launcher/GeneratedText.h"

namespace dsv2::launcher {

/// Members `prompt_tokens`, `tokens`, `text` (null where there is no
/// tokenizer), `finish_reason` and `timing` of an object that is open.
void writeResultMembers(JsonWriter &json, const engine::GenerateResult &result,
                        size_t promptTokens, const GeneratedText &text,
                        bool hasText);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_RESULTOBJECT_H
