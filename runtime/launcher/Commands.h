//===- Commands.h - The commands of a compiled file -------------*- C++ -*-===//
//
// One function a command: results on stdout, an error as a Status.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_COMMANDS_H
#define RUNTIME_LAUNCHER_COMMANDS_H

#include "runtime/launcher/Session.h"

namespace dsv2::launcher {

Status runInfo(Session &session, const Options &options);
Status runChat(Session &session, const Options &options);
Status runGenerate(Session &session, const Options &options);
/// `generate --prompts`.
Status runBatch(Session &session, const Options &options);
Status runLogits(Session &session, const Options &options);
Status runTokenize(Session &session, const Options &options);
Status runDetokenize(Session &session, const Options &options);
Status runPerplexity(Session &session, const Options &options);
Status runRender(Session &session, const Options &options);
Status runScore(Session &session, const Options &options);
Status runBench(Session &session, const Options &options);
/// `bench --requests`.
Status runBenchRequests(Session &session, const Options &options);
/// `bench --write-target`: needs no model.
Status writeTarget(int threads, const Options &options);
Status runVerify(Session &session, const Options &options);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_COMMANDS_H
