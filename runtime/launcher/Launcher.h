//===- Launcher.h - The main function of compiled files ---------*- C++ -*-===//
//
// Parses the command line, opens the file that runs and executes one command.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_LAUNCHER_H
#define RUNTIME_LAUNCHER_LAUNCHER_H

#include "runtime/bundle/BundleReader.h"

namespace dsv2::launcher {

/// Returns the exit status: 0, 1 when a command fails, 2 for wrong usage, 128
/// and the signal's number where SIGINT or SIGTERM ended a command early.
/// `expected` is what the launcher's note says of the whole file.
int runLauncher(int argc, char **argv, const bundle::ExpectedFile &expected);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_LAUNCHER_H
