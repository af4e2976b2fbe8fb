//===- ScoreWindowsTest.cpp - Texts longer than the context ---------------===//
//
// Every token is scored once, with as much before it as its rule says.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/ScoreWindows.h"

#include <gtest/gtest.h>

#include <numeric>

using namespace dsv2::engine;

using Range = std::array<int64_t, 3>; // begin, first scored, end

static std::vector<int32_t> counted(int64_t length) {
  std::vector<int32_t> tokens(static_cast<size_t>(length));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

static std::vector<Range> ranges(const std::vector<ScoreRequest> &windows) {
  std::vector<Range> found;
  for (const ScoreRequest &window : windows) {
    int64_t begin = window.tokens.front();
    found.push_back({begin, begin + window.from,
                     begin + int64_t(window.tokens.size())});
  }
  return found;
}

static std::vector<Range> sliding(int64_t length, int64_t window,
                                  int64_t stride) {
  std::vector<int32_t> tokens = counted(length);
  return ranges(slidingWindows(tokens, window, stride));
}

static std::vector<Range> rolling(int64_t length, int64_t context) {
  std::vector<int32_t> tokens = counted(length);
  return ranges(rollingWindows(tokens, context));
}

TEST(SlidingWindowsTest, ScoreWhatTheOneBeforeDidNotSee) {
  using Ranges = std::vector<Range>;
  EXPECT_EQ(sliding(10, 10, 5), (Ranges{{0, 1, 10}}));
  EXPECT_EQ(sliding(10, 4, 2),
            (Ranges{{0, 1, 4}, {2, 4, 6}, {4, 6, 8}, {6, 8, 10}}));
  EXPECT_EQ(sliding(9, 4, 3), (Ranges{{0, 1, 4}, {3, 4, 7}, {6, 7, 9}}));
  // A window that begins behind the last one's end has a first token that
  // nothing foretells.
  EXPECT_EQ(sliding(9, 4, 4), (Ranges{{0, 1, 4}, {4, 5, 8}}));
  EXPECT_EQ(sliding(1, 4, 4), Ranges());
  EXPECT_EQ(sliding(0, 4, 4), Ranges());
}

TEST(RollingWindowsTest, ReadAsMuchAsTheContextAllows) {
  using Ranges = std::vector<Range>;
  // The first token stands before the text.
  EXPECT_EQ(rolling(1, 4), Ranges());
  EXPECT_EQ(rolling(5, 4), (Ranges{{0, 1, 5}}));
  EXPECT_EQ(rolling(6, 4), (Ranges{{0, 1, 5}, {1, 5, 6}}));
  // The example of lm-evaluation-harness: ten tokens behind bos.
  EXPECT_EQ(rolling(11, 4), (Ranges{{0, 1, 5}, {4, 5, 9}, {6, 9, 11}}));
  EXPECT_EQ(rolling(4, 1), (Ranges{{0, 1, 2}, {1, 2, 3}, {2, 3, 4}}));
}

TEST(ScoreWindowsTest, CoverEachTokenOnce) {
  for (int64_t length = 0; length < 40; ++length)
    for (int64_t size = 1; size < 12; ++size) {
      int64_t next = 1;
      for (auto [begin, from, end] : rolling(length, size)) {
        EXPECT_EQ(from, next);
        EXPECT_LE(end - begin - 1, size);
        next = end;
      }
      EXPECT_EQ(next, std::max<int64_t>(length, 1));
      for (int64_t stride = 1; size > 1 && stride < size; ++stride) {
        next = 1;
        for (auto [begin, from, end] : sliding(length, size, stride)) {
          EXPECT_EQ(from, next);
          EXPECT_LE(end - begin, size);
          next = end;
        }
        EXPECT_EQ(next, std::max<int64_t>(length, 1));
      }
    }
}
