//===- Scorer.h - How likely texts are --------------------------*- C++ -*-===//
//
// Log-likelihoods of many texts, computed together by the scheduler. Logits are
// used as they come; none is kept.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_SCORER_H
#define RUNTIME_ENGINE_SCORER_H

#include "runtime/engine/Scheduler.h"

namespace dsv2::engine {

/// A text whose tokens from `from` on are scored, each after all those before
/// it. 1 <= from < tokens.size(); all but the last fit into the context. Borrows
/// the tokens.
struct ScoreRequest {
  std::span<const int32_t> tokens;
  int64_t from;

  int64_t scored() const { return static_cast<int64_t>(tokens.size()) - from; }
  /// What is computed: the last token is scored but never read.
  std::span<const int32_t> input() const {
    return tokens.first(tokens.size() - 1);
  }
};

struct Score {
  double logLikelihood = 0; // natural, of all scored tokens
  bool greedy = true;       // each of them was the most likely one
};

struct ScoreOptions {
  int64_t texts = 1; // at once
  /// Looks for requests whose logits are among those of another, such as answers
  /// of one token to the same question, and computes them once.
  bool shareLogits = false;
  /// Scored tokens done and in all.
  std::function<void(int64_t, int64_t)> progress;
};

/// Scores all requests, each as if it were alone, bit for bit. `done` gets each once, by its index, in the order in
/// which they are ready; its error ends the work. The model is used by nobody
/// else. Errors: of the model; a token outside the vocabulary; logits that are no
/// numbers.
Expected<Scheduler::Statistics>
score(Model &model, std::span<const ScoreRequest> requests,
      const ScoreOptions &options,
      const std::function<Status(size_t, const Score &)> &done);

/// Requests that one computation serves: the input of each begins that of the
/// first one, is scored within what is scored of it, and would be computed alike
/// alone, so that no bit depends on the group.
using ScoreGroup = std::vector<size_t>;

/// Groups of indices; every request is in one. Groups are in the order of their
/// lowest index.
std::vector<ScoreGroup> groupRequests(const Model &model,
                                      std::span<const ScoreRequest> requests);

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_SCORER_H
