//===- Output.h - Results on stdout, everything else on stderr --*- C++ -*-===//
//
// Writes that notice a full disk, and a reader that has gone.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_OUTPUT_H
#define RUNTIME_LAUNCHER_OUTPUT_H

#include "runtime/io/Status.h"
#include <cstdint>
#include <string>
#include <string_view>

namespace dsv2::launcher {

/// Gives 0, 1 and 2 a meaning where a caller closed them, so that no file that
/// is opened takes their place; writing to stdout fails then.
void openStandardDescriptors();

/// Writes at once, so that text appears as it is generated. A reader that has
/// gone (`| head`) ends the process silently with status 1.
Status writeResult(std::string_view text);

/// A line on stderr; failures are ignored.
void writeNote(const std::string &line);

/// A progress bar on stderr, only when that is a terminal.
class ProgressBar {
public:
  explicit ProgressBar(std::string what) : what(std::move(what)) {}
  ~ProgressBar() { clear(); }
  void update(int64_t done, int64_t total);
  /// Makes room for other output; the next update draws it again.
  void clear();

private:
  std::string what;
  int percent = -1;
};

/// "1.5 GiB".
std::string formatBytes(double bytes);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_OUTPUT_H
