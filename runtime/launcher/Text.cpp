//===- Text.cpp - The commands tokenize and detokenize --------------------===//
//
// Ids on one line; text with nothing added.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Commands.h"
#include "runtime/launcher/Output.h"

namespace dsv2::launcher {

Status runTokenize(Session &session, const Options &) {
  Expected<std::vector<int32_t>> ids = session.inputTokens();
  if (!ids.ok())
    return ids.status();
  std::string line;
  for (int32_t id : *ids)
    line += (line.empty() ? "" : ",") + std::to_string(id);
  return writeResult(line + "\n");
}

Status runDetokenize(Session &session, const Options &) {
  Expected<std::vector<int32_t>> ids = session.inputTokens();
  if (!ids.ok())
    return ids.status();
  Expected<const Tokenizer *> tokenizer = session.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  return writeResult((*tokenizer)->decode(*ids));
}

} // namespace dsv2::launcher
