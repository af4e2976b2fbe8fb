//===- Generator.cpp - One request, from prompt to tokens -----------------===//
//
// Everything here is made of Model::step.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Generator.h"

#include <algorithm>
#include <chrono>

namespace dsv2::engine {

namespace {
/// A sequence that gives its pages back.
class OwnedSequence {
public:
  explicit OwnedSequence(Model &model) : model(model) {}
  ~OwnedSequence() { model.release(sequence); }
  OwnedSequence(const OwnedSequence &) = delete;
  Sequence sequence;

private:
  Model &model;
};
} // namespace

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Status checkRequest(const Model &model, const GenerateRequest &request) {
  if (request.prompt.empty())
    return Status::error("the prompt has no tokens");
  if (static_cast<int64_t>(request.prompt.size()) > model.maxContext())
    return Status::error("the prompt has " +
                         std::to_string(request.prompt.size()) +
                         " tokens, the context " +
                         std::to_string(model.maxContext()));
  return sampling::validate(request.sampling);
}

Expected<bool> drawToken(const Model &model, const GenerateRequest &request,
                         std::span<const float> logits, int32_t choice,
                         int64_t position,
                         const std::function<bool(int32_t)> &accept,
                         GenerateResult &result) {
  Expected<int32_t> next =
      choice >= 0 && sampling::isGreedy(request.sampling)
          ? Expected<int32_t>(choice)
          : sampling::sample(logits, request.sampling, position);
  if (!next.ok())
    return next.status();
  if (std::find(request.eos.begin(), request.eos.end(), *next) !=
      request.eos.end()) {
    result.stopped = true;
    return false;
  }
  result.tokens.push_back(*next);
  if (accept && !accept(*next)) {
    result.stopped = true;
    return false;
  }
  return static_cast<int64_t>(result.tokens.size()) < request.maxTokens &&
         position < model.maxContext();
}

Expected<GenerateResult>
generate(Model &model, const GenerateRequest &request,
         const std::function<bool(int32_t)> &accept) {
  return Conversation(model).generate(request, accept);
}

Expected<StepResult> Conversation::step(std::span<const int32_t> tokens,
                                        int64_t outputs) {
  StepPart part = {&sequence, tokens, outputs};
  Expected<StepResult> made = model.step({&part, 1});
  if (made.ok())
    cached.insert(cached.end(), tokens.begin(), tokens.end());
  return made;
}

Expected<GenerateResult>
Conversation::generate(const GenerateRequest &request,
                       const std::function<bool(int32_t)> &accept) {
  GenerateResult result;
  if (Status status = checkRequest(model, request); !status.ok())
    return status;
  auto isCancelled = [&] {
    result.cancelled = request.cancelled && request.cancelled();
    return result.cancelled;
  };
  // The last token is computed in any case: its logits are wanted.
  std::span<const int32_t> rest = request.prompt;
  size_t most = std::min(cached.size(), rest.size() - 1);
  size_t common = static_cast<size_t>(
      std::mismatch(cached.begin(), cached.begin() + ptrdiff_t(most),
                    rest.begin())
          .first -
      cached.begin());
  cached.resize(common);
  sequence.length = static_cast<int64_t>(common);
  result.reused = sequence.length;
  rest = rest.subspan(common);

  double begin = now();
  Expected<StepResult> made = StepResult();
  while (!rest.empty()) {
    if (isCancelled())
      return result;
    size_t count = std::min<size_t>(rest.size(), model.module().maxTokens);
    made = step(rest.first(count), count == rest.size() ? 1 : 0);
    if (!made.ok())
      return made.status();
    rest = rest.subspan(count);
  }
  double middle = now();
  result.prefillSeconds = middle - begin;
  while (request.maxTokens > 0 && !isCancelled()) {
    Expected<bool> goesOn =
        drawToken(model, request, made->logits, made->choices.front(),
                  sequence.length, accept, result);
    if (!goesOn.ok())
      return goesOn.status();
    if (!*goesOn)
      break;
    made = step({&result.tokens.back(), 1}, 1);
    if (!made.ok())
      return made.status();
  }
  result.decodeSeconds = now() - middle;
  return result;
}

Status computeLogits(Model &model, std::span<const int32_t> tokens,
                     int64_t chunk, const LogitsSink &sink) {
  int64_t most = std::min(model.module().maxTokens, model.maxOutputs());
  chunk = chunk == 0 ? most : std::min(chunk, most);
  OwnedSequence owned(model);
  while (!tokens.empty()) {
    size_t count = std::min<size_t>(tokens.size(), chunk);
    StepPart part = {&owned.sequence, tokens.first(count), int64_t(count)};
    Expected<StepResult> made = model.step({&part, 1});
    if (!made.ok())
      return made.status();
    if (Status status = sink(made->logits); !status.ok())
      return status;
    tokens = tokens.subspan(count);
  }
  return Status::success();
}

Expected<std::vector<std::vector<float>>>
runSchedule(Model &model, const Schedule &schedule) {
  std::vector<std::vector<float>> results(schedule.sequences.size());
  std::vector<std::unique_ptr<OwnedSequence>> owned;
  for (size_t i = 0; i < schedule.sequences.size(); ++i)
    owned.push_back(std::make_unique<OwnedSequence>(model));
  int64_t vocabulary = model.module().vocabulary;
  for (const std::vector<Schedule::Part> &step : schedule.steps) {
    std::vector<StepPart> parts;
    for (const Schedule::Part &part : step) {
      Sequence &sequence = owned[part.sequence]->sequence;
      std::span<const int32_t> tokens = schedule.sequences[part.sequence];
      parts.push_back({&sequence, tokens.subspan(sequence.length, part.count),
                       part.count, part.absorbed});
    }
    Expected<StepResult> made = model.step(parts);
    if (!made.ok())
      return made.status();
    const float *from = made->logits.data();
    for (const Schedule::Part &part : step) {
      results[part.sequence].insert(results[part.sequence].end(), from,
                                    from + part.count * vocabulary);
      from += part.count * vocabulary;
    }
  }
  return results;
}

} // namespace dsv2::engine
