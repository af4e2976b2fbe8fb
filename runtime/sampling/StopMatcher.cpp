//===- StopMatcher.cpp - Text up to a stop string -------------------------===//
//
// Holds back the longest end of the text that begins a stop string.
//
//===----------------------------------------------------------------------===//

#include "runtime/sampling/StopMatcher.h"

#include <algorithm>
#include <utility>

namespace dsv2::sampling {

StopMatcher::StopMatcher(std::vector<std::string> all)
    : stops(std::move(all)) {
  std::erase(stops, "");
}

std::string StopMatcher::push(std::string_view more) {
  if (met)
    return "";
  text += more;
  size_t end = std::string::npos;
  for (const std::string &stop : stops)
    end = std::min(end, text.find(stop));
  if (end != std::string::npos) {
    met = true;
    text.resize(end);
    return std::exchange(text, {});
  }
  size_t held = 0;
  for (const std::string &stop : stops)
    for (size_t n = std::min(stop.size() - 1, text.size()); n > held; --n)
      if (text.compare(text.size() - n, n, stop, 0, n) == 0)
        held = n;
  std::string certain = text.substr(0, text.size() - held);
  text.erase(0, certain.size());
  return certain;
}

std::string StopMatcher::finish() {
  return met ? "" : std::exchange(text, {});
}

} // namespace dsv2::sampling
