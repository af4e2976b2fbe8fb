//===- Generator.h - One request, from prompt to tokens ---------*- C++ -*-===//
//
// Prefill in chunks, then one token a step; and logits of whole texts, alone or
// several at once by a schedule.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_ENGINE_GENERATOR_H
#define RUNTIME_ENGINE_GENERATOR_H

#include "runtime/engine/Model.h"
#include "runtime/sampling/Sampler.h"

namespace dsv2::engine {

struct GenerateRequest {
  std::vector<int32_t> prompt; // at least one token
  int64_t maxTokens = 0;       // new ones
  sampling::SamplingParameters sampling;
  std::vector<int64_t> eos; // any of them ends the text and is not part of it
  /// Asked before each step; true ends the text there. May be empty.
  std::function<bool()> cancelled;
};

struct GenerateResult {
  std::vector<int32_t> tokens; // the new ones
  bool stopped = false;   // by eos or by the callback, else by length
  bool cancelled = false; // by the request's function
  int64_t reused = 0;     // tokens of the prompt that were in the cache
  double prefillSeconds = 0, decodeSeconds = 0;
};

/// Errors: no tokens, more than the context has, impossible sampling values.
Status checkRequest(const Model &model, const GenerateRequest &request);

/// Draws the token that follows `position` tokens from a row of logits and its
/// choice (StepResult) into `result` and shows it to `accept`. False when the text ends there: by eos, by `accept`, by its length or
/// by that of the context. Errors: of sampling.
Expected<bool> drawToken(const Model &model, const GenerateRequest &request,
                         std::span<const float> logits, int32_t choice,
                         int64_t position,
                         const std::function<bool(int32_t)> &accept,
                         GenerateResult &result);

/// Generates; `accept` sees each new token as it comes and returns false to
/// stop after it. Also ends when the context is full.
Expected<GenerateResult>
generate(Model &model, const GenerateRequest &request,
         const std::function<bool(int32_t)> &accept);

/// A text that grows by turns: what a prompt begins with as the text before it
/// did is not computed again. Gives its pages back at its end.
class Conversation {
public:
  explicit Conversation(Model &model) : model(model) {}
  ~Conversation() { model.release(sequence); }
  Conversation(const Conversation &) = delete;
  Conversation &operator=(const Conversation &) = delete;

  /// As the function above, of one text after another.
  Expected<GenerateResult>
  generate(const GenerateRequest &request,
           const std::function<bool(int32_t)> &accept);

private:
  Expected<StepResult> step(std::span<const int32_t> tokens, int64_t outputs);

  Model &model;
  Sequence sequence;
  std::vector<int32_t> cached; // the tokens of `sequence`
};

/// Receives logits [rows][vocabulary] of consecutive positions.
using LogitsSink = std::function<Status(std::span<const float>)>;

/// Logits of every position of a text, in steps of at most `chunk` tokens (0:
/// as many as one step takes).
Status computeLogits(Model &model, std::span<const int32_t> tokens,
                     int64_t chunk, const LogitsSink &sink);

/// Several texts and the steps that compute them: each step takes the next
/// `count` tokens of some sequences, in this order, in the given form of
/// attention or in the one that is cheapest in the step.
struct Schedule {
  struct Part {
    int64_t sequence, count;
    std::optional<bool> absorbed;
  };
  std::vector<std::vector<int32_t>> sequences;
  std::vector<std::vector<Part>> steps;
};

/// Reads {"sequences": [[ids]], "steps": [[[sequence, count], ...], ...]}; a part
/// may be [sequence, count, absorbed].
/// Errors: the form; a sequence that is computed beyond its end, not to its
/// end, or twice in a step.
Expected<Schedule> parseSchedule(const std::string &text,
                                 const std::string &source);

/// Logits of every position of each sequence, [tokens][vocabulary] each.
Expected<std::vector<std::vector<float>>> runSchedule(Model &model,
                                                      const Schedule &schedule);

} // namespace dsv2::engine

#endif // RUNTIME_ENGINE_GENERATOR_H
