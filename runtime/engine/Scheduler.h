//===- Scheduler.h - Many requests, one step after the other ----*- C++ -*-===//
//
// Continuous batching. Every step of the model takes one token of each text
// that is being generated, and fills up with the prompts of others, in chunks.
// Texts that begin alike share the full pages of what they have in common. When
// the cache is full the youngest text gives its pages back, and is computed
// again later: what was generated of it stays.
//
// First come, first served: requests are admitted in the order of `submit`,
// except that one whose beginning is just being computed waits for it. The
// oldest text gets what it needs first, so that each ends in finite time.
//
// What a request gives is what it gives alone, bit for bit (AttentionForms.h).
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_SCHEDULER_H
#define RUNTIME_ENGINE_SCHEDULER_H

#include "runtime/cache/PrefixIndex.h"
#include "runtime/engine/Generator.h"

#include <deque>

namespace dsv2::engine {

/// What a scheduler computes for one text, and whom it tells.
struct ScheduledRequest {
  /// With `maxTokens` 0 nothing is generated: only logits are wanted.
  GenerateRequest generate;
  /// Sees each new token; false ends the text after it. Empty: none does.
  std::function<bool(int32_t)> accept;
  /// Logits are wanted of the prompt's positions from here on, and `logits` gets
  /// them in order, once each: rows [n][vocabulary] of positions [first,
  /// first + n). An error ends the request.
  int64_t logitsFrom = std::numeric_limits<int64_t>::max();
  std::function<Status(int64_t first, std::span<const float> rows)> logits;
  /// Called once, at the end; nothing of the request is used after.
  std::function<void(Expected<GenerateResult>)> finished;
};

class Scheduler {
public:
  struct Statistics {
    int64_t steps = 0;
    int64_t computed = 0;    // tokens, those computed again included
    int64_t shared = 0;      // tokens found in the cache
    int64_t preemptions = 0; // texts that gave their pages back
  };

  /// At most `sequences` texts at once, and no more than a step has tokens. The
  /// model, whose memory is reserved, must live longer and is used by nobody
  /// else.
  Scheduler(Model &model, int64_t sequences);
  ~Scheduler();
  Scheduler(const Scheduler &) = delete;
  Scheduler &operator=(const Scheduler &) = delete;

  /// Adds a request. Errors: those of `generate`; the cache is too small for it
  /// alone; more rows of logits than a step has.
  Status submit(ScheduledRequest request);
  /// One step of the model, for as many requests as fit. Calls what they gave;
  /// nothing of the scheduler may be called from there. Of requests that wait,
  /// only those whose turn may come are asked whether they are cancelled: a step
  /// costs the same however many wait. Errors: of the model; no request can go on
  /// then.
  Status step();
  bool idle() const { return waiting.empty() && running.empty(); }
  const Statistics &statistics() const { return counts; }

private:
  struct Text;
  struct Plan;

  void admit();
  bool admitNext(size_t at);
  const Text *findRunning(int64_t number) const;
  bool waitsForPrefix(Text &text);
  int64_t promisedPages() const;
  std::vector<Plan> plan();
  bool takePages(Text &text, int64_t &count);
  void preempt(Text &text);
  Status deliver(Text &text, const Plan &plan, const StepResult &rows);
  bool endIfCancelled(Text &text);
  void end(Text &text, Status status);

  Model &model;
  const int64_t mostSequences;
  cache::PrefixIndex index;
  std::deque<std::unique_ptr<Text>> waiting;
  std::vector<std::unique_ptr<Text>> running; // oldest first
  int64_t submitted = 0;
  Statistics counts;
};

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_SCHEDULER_H
