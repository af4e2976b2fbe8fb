//===- TextStream.cpp - Text that is safe to show -------------------------===//
//
// Completes characters first, then looks for stop strings.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/TextStream.h"

#include "runtime/io/Utf8.h"

#include <algorithm>
#include <utility>

namespace dsv2::sampling {

TextStream::TextStream(std::vector<std::string> all) : stops(std::move(all)) {
  std::erase(stops, "");
}

std::string TextStream::push(std::string_view more) {
  if (met)
    return "";
  bytes += more;
  size_t at = 0;
  while (at < bytes.size()) {
    Utf8Step step = stepUtf8(std::string_view(bytes).substr(at));
    if (step.kind == Utf8Step::Incomplete)
      break;
    if (step.kind == Utf8Step::Valid)
      text.append(bytes, at, step.length);
    else
      text += utf8Replacement;
    at += step.length;
  }
  bytes.erase(0, at);
  return release();
}

std::string TextStream::release() {
  size_t end = std::string::npos;
  for (const std::string &stop : stops)
    end = std::min(end, text.find(stop));
  if (end != std::string::npos) {
    met = true;
    text.resize(end);
    return std::exchange(text, {});
  }
  size_t held = 0; // longest end of the text that begins a stop string
  for (const std::string &stop : stops)
    for (size_t n = std::min(stop.size() - 1, text.size()); n > held; --n)
      if (text.compare(text.size() - n, n, stop, 0, n) == 0)
        held = n;
  std::string certain = text.substr(0, text.size() - held);
  text.erase(0, certain.size());
  return certain;
}

std::string TextStream::finish() {
  if (met)
    return "";
  if (!bytes.empty())
    text += utf8Replacement;
  bytes.clear();
  std::string rest = release();
  return rest + std::exchange(text, {});
}

} // namespace dsv2::sampling
