//===- ScoreWindows.h - Texts longer than the context -----------*- C++ -*-===//
//
// Cuts a text into requests that score each of its tokens once. Two rules that
// others have defined, so that figures can be compared with theirs.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_SCOREWINDOWS_H
#define RUNTIME_ENGINE_SCOREWINDOWS_H

#include "runtime/engine/Scorer.h"

namespace dsv2::engine {

/// Windows of at most `window` tokens, each beginning `stride` tokens after the
/// one before and scoring what that one did not see, as in transformers' guide
/// to perplexity. The first token of a window is never scored: with a stride of
/// `window` that is one in each, else only the text's first one.
/// 2 <= window, 1 <= stride <= window.
std::vector<ScoreRequest> slidingWindows(std::span<const int32_t> tokens,
                                         int64_t window, int64_t stride);

/// Windows that read at most `context` tokens and score each but the text's
/// first one, which stands for what is before the text: the first window scores
/// as many as it reads, later ones read what is directly before the tokens that
/// they score and never fewer than one, the last is as long as the others. The
/// rolling log-likelihood of lm-evaluation-harness with its `context_len` of 1.
std::vector<ScoreRequest> rollingWindows(std::span<const int32_t> tokens,
                                         int64_t context);

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_SCOREWINDOWS_H
