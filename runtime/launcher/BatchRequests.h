//===- BatchRequests.h - Requests of a batch, ready to run ------*- C++ -*-===//
//
// Reads the lines of `generate --prompts`: what a line leaves out comes from the
// command line, and then from generation_config.json; text becomes tokens.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_BATCHREQUESTS_H
#define RUNTIME_LAUNCHER_BATCHREQUESTS_H

#include "runtime/engine/Generator.h"
#include "runtime/io/Json.h"
#include "runtime/launcher/Session.h"

namespace dsv2::launcher {

struct BatchRequest {
  JsonValue id; // the line's, or its number
  engine::GenerateRequest generate;
  std::vector<std::string> stops;
};

/// All requests of the file that the options name. Errors, of the first bad line,
/// name it and the field: those of parseRequestLine; text without a tokenizer, or
/// messages without a template; no tokens, or more than the context has.
Expected<std::vector<BatchRequest>> readBatchRequests(Session &session,
                                                      const Options &options);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_BATCHREQUESTS_H
