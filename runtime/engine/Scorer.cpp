//===- Scorer.cpp - How likely texts are ----------------------------------===//
//
// Each group of requests is one request of the scheduler, which generates
// nothing and hands its logits to all of them.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Scorer.h"

#include "runtime/device/Workers.h"
#include "runtime/engine/AttentionForms.h"
#include "runtime/sampling/Distribution.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <optional>

namespace dsv2::engine {

/// Fewer logits are summed by one thread sooner than others have started.
static constexpr size_t LogitsOfAThread = size_t(1) << 18;

/// Whether `first` computes all that `next` wants, in the same way.
static bool serves(const Model &model, const ScoreRequest &first,
                   const ScoreRequest &next) {
  std::span<const int32_t> longer = first.input(), input = next.input();
  if (next.from < first.from || input.size() > longer.size() ||
      !std::equal(input.begin(), input.end(), longer.begin()))
    return false;
  // The steps before the last one are the same.
  auto formAtEnd = [&](std::span<const int32_t> text) {
    return AttentionForms(model, static_cast<int64_t>(text.size()))
        .isAbsorbed(static_cast<int64_t>(input.size()) - 1);
  };
  return formAtEnd(longer) == formAtEnd(input);
}

std::vector<ScoreGroup> groupRequests(const Model &model,
                                      std::span<const ScoreRequest> requests) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t(0));
  // Inputs that begin another stand in front of it; of equal ones, that which
  // wants the most stands last.
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    auto byTokens = std::lexicographical_compare_three_way(
        requests[a].input().begin(), requests[a].input().end(),
        requests[b].input().begin(), requests[b].input().end());
    if (byTokens != 0)
      return byTokens < 0;
    if (requests[a].from != requests[b].from)
      return requests[a].from > requests[b].from;
    return a > b;
  });
  std::vector<ScoreGroup> groups;
  for (size_t i = order.size(); i-- > 0;) {
    if (!groups.empty() && serves(model, requests[groups.back().front()],
                                  requests[order[i]]))
      groups.back().push_back(order[i]);
    else
      groups.push_back({order[i]});
  }
  std::vector<std::pair<size_t, size_t>> ranks; // lowest index, group
  for (size_t i = 0; i < groups.size(); ++i)
    ranks.emplace_back(*std::min_element(groups[i].begin(), groups[i].end()), i);
  std::sort(ranks.begin(), ranks.end());
  std::vector<ScoreGroup> sorted;
  for (auto [lowest, group] : ranks)
    sorted.push_back(std::move(groups[group]));
  return sorted;
}

namespace {
/// All that runs.
class Scorer {
public:
  Scorer(Model &model, std::span<const ScoreRequest> requests,
         const ScoreOptions &options,
         const std::function<Status(size_t, const Score &)> &done)
      : model(model), requests(requests), options(options), done(done),
        scheduler(model, options.texts), scores(requests.size()) {
    for (const ScoreRequest &request : requests)
      total += request.scored();
  }

  Expected<Scheduler::Statistics> run();

private:
  Status checkLastTokens() const;
  Status submit(const ScoreGroup &group);
  Status take(const ScoreGroup &group, int64_t first,
              std::span<const float> rows);
  void finish(const ScoreGroup &group, const Status &result);

  Model &model;
  std::span<const ScoreRequest> requests;
  const ScoreOptions &options;
  const std::function<Status(size_t, const Score &)> &done;
  Scheduler scheduler;
  std::vector<Score> scores;
  int64_t total = 0, scored = 0; // tokens
  size_t open = 0;               // groups that the scheduler has
  Status status = Status::success();
};
} // namespace

/// The model checks what it reads, which these are not.
Status Scorer::checkLastTokens() const {
  int64_t vocabulary = model.module().vocabulary;
  for (const ScoreRequest &request : requests)
    if (int32_t token = request.tokens.back(); token < 0 || token >= vocabulary)
      return Status::error("token " + std::to_string(token) +
                           " is outside the vocabulary of " +
                           std::to_string(vocabulary));
  return Status::success();
}

Expected<Scheduler::Statistics> Scorer::run() {
  if (Status checked = checkLastTokens(); !checked.ok())
    return checked;
  std::vector<ScoreGroup> groups;
  if (options.shareLogits)
    groups = groupRequests(model, requests);
  else
    for (size_t i = 0; i < requests.size(); ++i)
      groups.push_back({i});
  // The scheduler copies what it is given; twice what runs is enough for it to
  // choose from.
  size_t most = 2 * static_cast<size_t>(options.texts), next = 0;
  while (status.ok() && (next < groups.size() || !scheduler.idle())) {
    for (; next < groups.size() && open < most && status.ok(); ++next)
      status = submit(groups[next]);
    if (!status.ok())
      break;
    // What `done` said while a step ran stands before the step's own success.
    Status step = scheduler.step();
    if (status.ok())
      status = std::move(step);
    if (options.progress)
      options.progress(scored, total);
  }
  if (!status.ok())
    return status;
  return scheduler.statistics();
}

Status Scorer::submit(const ScoreGroup &group) {
  const ScoreRequest &first = requests[group.front()];
  ScheduledRequest scheduled;
  scheduled.generate.prompt.assign(first.input().begin(), first.input().end());
  scheduled.logitsFrom = first.from - 1;
  scheduled.logits = [this, &group](int64_t position,
                                    std::span<const float> rows) {
    return take(group, position, rows);
  };
  scheduled.finished = [this, &group](const Expected<GenerateResult> &result) {
    finish(group, result.status());
  };
  ++open;
  return scheduler.submit(std::move(scheduled));
}

/// Rows of logits of the positions from `first` on: each is of the token behind.
Status Scorer::take(const ScoreGroup &group, int64_t first,
                    std::span<const float> rows) {
  size_t vocabulary = static_cast<size_t>(model.module().vocabulary);
  int64_t count = static_cast<int64_t>(rows.size() / vocabulary);
  std::vector<std::optional<Expected<sampling::Distribution>>> found(count);
  std::atomic<int64_t> next = 0;
  int64_t threads =
      std::min<int64_t>(model.threads(), rows.size() / LogitsOfAThread);
  Status worked = device::runWorkers(threads, [&] {
    for (int64_t i; (i = next++) < count;)
      found[i] = sampling::Distribution::of(
          rows.subspan(size_t(i) * vocabulary, vocabulary), first + i + 1);
  });
  if (!worked.ok())
    return worked;
  for (int64_t i = 0; i < count; ++i) {
    if (!found[i]->ok())
      return found[i]->status();
    const sampling::Distribution &distribution = **found[i];
    size_t position = static_cast<size_t>(first + i + 1);
    for (size_t index : group) {
      const ScoreRequest &request = requests[index];
      if (position < size_t(request.from) || position >= request.tokens.size())
        continue;
      int32_t token = request.tokens[position];
      scores[index].logLikelihood += distribution.logProbability(token);
      scores[index].greedy &= distribution.best() == token;
      ++scored;
    }
  }
  return Status::success();
}

void Scorer::finish(const ScoreGroup &group, const Status &result) {
  --open;
  if (status.ok())
    status = result;
  for (size_t index : group)
    if (status.ok())
      status = done(index, scores[index]);
}

Expected<Scheduler::Statistics>
score(Model &model, std::span<const ScoreRequest> requests,
      const ScoreOptions &options,
      const std::function<Status(size_t, const Score &)> &done) {
  return Scorer(model, requests, options, done).run();
}

} // namespace dsv2::engine
