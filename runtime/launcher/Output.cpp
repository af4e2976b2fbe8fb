//===- Output.cpp - Results on stdout, everything else on stderr ----------===//
//
// write(2), without buffers.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace dsv2::launcher {

void openStandardDescriptors() {
  for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(descriptor, F_GETFD) < 0)
      // The lowest free number, which is this one.
      (void)open("/dev/null", O_RDONLY);
}

Status writeResult(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR)
        continue;
      if (errno == EPIPE)
        _exit(1);
      return Status::error(std::string("cannot write to stdout: ") +
                           strerror(errno));
    }
    text.remove_prefix(written);
  }
  return Status::success();
}

void writeNote(const std::string &line) {
  std::string text = line + "\n";
  ssize_t ignored = write(STDERR_FILENO, text.data(), text.size());
  (void)ignored;
}

void ProgressBar::update(int64_t done, int64_t total) {
  int now = total > 0 ? static_cast<int>(done * 100 / total) : 100;
  if (now == percent || !isatty(STDERR_FILENO))
    return;
  percent = now;
  fprintf(stderr, "\r%s %3d%% [%-40.*s]", what.c_str(), percent,
          percent * 40 / 100, "########################################");
}

void ProgressBar::clear() {
  if (percent >= 0)
    fprintf(stderr, "\r\033[K");
  percent = -1;
}

std::string formatBytes(double bytes) {
  const char *units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  for (; bytes >= 1024 && unit < 4; ++unit)
    bytes /= 1024;
  char text[64];
  snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", bytes,
           units[unit]);
  return text;
}

} // namespace dsv2::launcher
