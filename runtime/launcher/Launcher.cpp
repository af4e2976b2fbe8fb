//===- Launcher.cpp - The main function of compiled files -----------------===//
//
// Nothing thrown leaves this file: memory that runs out is a line too.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Launcher.h"

#include "runtime/launcher/Commands.h"
#include "runtime/launcher/Interrupt.h"
#include "runtime/launcher/Output.h"

#include <csignal>
#include <exception>
#include <new>

namespace dsv2::launcher {

static constexpr const char *Version = "dsv2 " DSV2_VERSION;

static Status runCommand(Session &session, const Options &options) {
  switch (options.command) {
  case Command::Info:
    return runInfo(session, options);
  case Command::Generate:
    return runGenerate(session, options);
  case Command::Chat:
    return runChat(session, options);
  case Command::Logits:
    return runLogits(session, options);
  case Command::Tokenize:
    return runTokenize(session, options);
  case Command::Detokenize:
    return runDetokenize(session, options);
  case Command::Bench:
    return runBench(session, options);
  case Command::Perplexity:
    return runPerplexity(session, options);
  case Command::Render:
    return runRender(session, options);
  case Command::Score:
    return runScore(session, options);
  case Command::Verify:
    return runVerify(session, options);
  }
  return Status::success();
}

static Status checkAndRun(bundle::BundleReader &bundle,
                          const Options &options) {
  if (Status status = bundle.checkContents(); !status.ok())
    return status;
  Session session(bundle, options);
  if (Status status = session.checkLimits(); !status.ok())
    return status;
  return runCommand(session, options);
}

int runLauncher(int argc, char **argv, const bundle::ExpectedFile &expected) {
  // A reader that goes away is an error of write, handled there.
  signal(SIGPIPE, SIG_IGN);
  openStandardDescriptors();
  std::string name = argc > 0 && argv[0] ? argv[0] : "dsv2";
  name = name.substr(name.rfind('/') + 1);
  auto fail = [&](const std::string &message, int status) {
    // One line, whatever the file is called.
    writeNote(Status::error(name + ": " + message).message());
    return status;
  };
  try {
    // A damaged launcher does nothing else.
    Expected<bundle::BundleReader> bundle =
        bundle::BundleReader::openSelf(expected);
    if (!bundle.ok())
      return fail(bundle.message(), 1);
    Expected<ParsedCommandLine> parsed = parseCommandLine(argc, argv, Version);
    if (!parsed.ok())
      return fail(parsed.message() + "; see " + name + " --help", 2);
    Status status = parsed->options ? checkAndRun(*bundle, *parsed->options)
                                    : writeResult(parsed->text);
    if (!status.ok())
      return fail(status.message(), 1);
    int signal = InterruptFlag::pending();
    return signal == 0 ? 0 : 128 + signal;
  } catch (const std::bad_alloc &) {
    return fail("out of memory", 1);
  } catch (const std::exception &error) {
    return fail(error.what(), 1);
  }
}

} // namespace dsv2::launcher
