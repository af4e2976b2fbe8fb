//===- ScoreWindows.cpp - Texts longer than the context -------------------===//
//
// Windows are views: those of a small stride share nearly all their tokens.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/ScoreWindows.h"

#include <algorithm>

namespace dsv2::engine {

std::vector<ScoreRequest> slidingWindows(std::span<const int32_t> tokens,
                                         int64_t window, int64_t stride) {
  std::vector<ScoreRequest> windows;
  int64_t length = static_cast<int64_t>(tokens.size());
  for (int64_t begin = 0, seen = 0; seen < length; begin += stride) {
    int64_t end = std::min(begin + window, length);
    int64_t from = std::max(seen, begin + 1);
    if (from < end)
      windows.push_back(
          {tokens.subspan(size_t(begin), size_t(end - begin)), from - begin});
    seen = end;
  }
  return windows;
}

std::vector<ScoreRequest> rollingWindows(std::span<const int32_t> tokens,
                                         int64_t context) {
  std::vector<ScoreRequest> windows;
  int64_t length = static_cast<int64_t>(tokens.size());
  for (int64_t next = 1; next < length;) {
    int64_t end = std::min(next + context, length);
    int64_t begin = std::max<int64_t>(0, end - context - 1);
    windows.push_back({tokens.subspan(size_t(begin), size_t(end - begin)),
                       next - begin});
    next = end;
  }
  return windows;
}

} // namespace dsv2::engine
