//===- Scheduler.cpp - Many requests, one step after the other ------------===//
//
// A text is its tokens, the first `sequence.length` of which are in the cache.
// One that is generated has one token that is not, one that waits for its prompt
// has more: a step takes the next of each, and what it does not take is left.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Scheduler.h"

#include <algorithm>
#include <chrono>

namespace dsv2::engine {

static constexpr int64_t PageTokens = DSV2_PAGE_TOKENS;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Scheduler::Text {
  ScheduledRequest request;
  int64_t number;              // in the order of submission
  std::vector<int32_t> tokens; // the prompt and what was generated
  int64_t logitsAt;            // the next position whose logits are wanted
  Sequence sequence;
  int64_t indexed = 0; // tokens in pages that the index knows
  GenerateResult result;
  double admitted = 0, prefilled = 0; // seconds
  bool ended = false;

  int64_t promptLength() const {
    return static_cast<int64_t>(request.generate.prompt.size());
  }
  int64_t length() const { return static_cast<int64_t>(tokens.size()); }
  int64_t pending() const { return length() - sequence.length; }
  bool generates() const { return request.generate.maxTokens > 0; }
  /// Rows of logits wanted of the next `count` tokens, which are the last ones.
  int64_t rowsOf(int64_t count) const {
    int64_t end = sequence.length + count;
    int64_t rows = std::max<int64_t>(
        0, std::min(end, promptLength()) - std::max(logitsAt, sequence.length));
    // A chunk that goes on beyond the prompt is of a text that is computed
    // again; its logits have been delivered.
    bool last = end == length() && generates();
    return std::max<int64_t>(rows, last);
  }
};

/// What a step computes of one text.
struct Scheduler::Plan {
  Text *text;
  int64_t count, rows;
};

Scheduler::Scheduler(Model &model, int64_t sequences)
    : model(model),
      mostSequences(std::min(sequences, model.module().maxSequences)),
      index(model.pages()) {}

Scheduler::~Scheduler() {
  for (const std::unique_ptr<Text> &text : running)
    model.release(text->sequence);
}

Status Scheduler::submit(ScheduledRequest request) {
  const GenerateRequest &asked = request.generate;
  if (Status status = checkRequest(model, asked); !status.ok())
    return status;
  int64_t prompt = static_cast<int64_t>(asked.prompt.size());
  // The last new token is never computed.
  int64_t longest = std::min(
      model.maxContext(), prompt + std::max<int64_t>(0, asked.maxTokens - 1));
  if (cache::pagesFor(longest) > model.pages().pages())
    return Status::error("a text of " + std::to_string(longest) +
                         " tokens needs " +
                         std::to_string(cache::pagesFor(longest)) +
                         " pages of the cache, which has " +
                         std::to_string(model.pages().pages()));
  auto text = std::make_unique<Text>();
  text->tokens = asked.prompt;
  text->logitsAt = std::min(request.logitsFrom, prompt);
  text->request = std::move(request);
  text->number = submitted++;
  waiting.push_back(std::move(text));
  return Status::success();
}

/// Whether a text that is being computed will soon have more of this one's
/// beginning in the cache than the `known` tokens that are there.
bool Scheduler::waitsForPrefix(const Text &text, size_t known) const {
  for (const std::unique_ptr<Text> &other : running) {
    if (other->pending() <= 1)
      continue;
    size_t most = std::min(text.tokens.size() - 1, other->tokens.size());
    size_t common = static_cast<size_t>(
        std::mismatch(text.tokens.begin(), text.tokens.begin() + ptrdiff_t(most),
                      other->tokens.begin())
            .first -
        text.tokens.begin());
    if (common / PageTokens * PageTokens > known)
      return true;
  }
  return false;
}

/// Pages that the running texts will still take for tokens that they have.
int64_t Scheduler::promisedPages() const {
  int64_t pages = 0;
  for (const std::unique_ptr<Text> &text : running)
    pages += std::max<int64_t>(
        0, cache::pagesFor(text->length()) -
               static_cast<int64_t>(text->sequence.pages.pages().size()));
  return pages;
}

/// Moves the waiting text to the running ones if its tokens fit into the cache
/// beside theirs, with one page to spare for what is generated.
bool Scheduler::admitNext(size_t at) {
  Text &text = *waiting[at];
  // Logits that are wanted must be computed, and those of the last token.
  int64_t usable = text.length() - 1;
  if (text.logitsAt < text.promptLength())
    usable = std::min(usable, text.logitsAt);
  std::vector<int32_t> known =
      index.find(std::span(text.tokens).first(static_cast<size_t>(usable)));
  text.sequence.pages.share(model.pages(), known);
  text.sequence.length = static_cast<int64_t>(known.size()) * PageTokens;
  text.indexed = text.sequence.length;
  int64_t wanted = promisedPages() + cache::pagesFor(text.length()) -
                   static_cast<int64_t>(known.size()) + !running.empty();
  if (wanted > model.pages().available() &&
      wanted > model.pages().available() + index.idlePages()) {
    model.release(text.sequence);
    return false;
  }
  if (text.admitted == 0)
    text.admitted = now();
  text.result.reused = std::max(text.result.reused, text.sequence.length);
  counts.shared += text.sequence.length;
  auto place = std::find_if(running.begin(), running.end(), [&](const auto &other) {
    return other->number > text.number;
  });
  running.insert(place, std::move(waiting[at]));
  waiting.erase(waiting.begin() + ptrdiff_t(at));
  return true;
}

void Scheduler::admit() {
  // Behind those that wait for a prefix, no more are looked at than may run.
  size_t most = static_cast<size_t>(mostSequences);
  for (size_t at = 0; at < waiting.size() && at < most && running.size() < most;) {
    const Text &text = *waiting[at];
    size_t known = 0;
    if (!running.empty())
      known = index.find(std::span(text.tokens).first(text.tokens.size() - 1)).size() *
              size_t(PageTokens);
    if (waitsForPrefix(text, known))
      ++at;
    else if (!admitNext(at))
      return;
  }
}

void Scheduler::preempt(Text &text) {
  model.release(text.sequence);
  text.indexed = 0;
  ++counts.preemptions;
  auto at = std::find_if(running.begin(), running.end(),
                         [&](const auto &other) { return other.get() == &text; });
  // In front of those that were never admitted, in order of age.
  auto place = std::find_if(waiting.begin(), waiting.end(), [&](const auto &other) {
    return other->number > text.number;
  });
  waiting.insert(place, std::move(*at));
  running.erase(at);
}

/// Takes the pages of the next `count` tokens: free ones, those that only the index
/// holds, those of younger texts; else lowers `count` to what fits. False when that
/// is none.
bool Scheduler::takePages(Text &text, int64_t &count) {
  int64_t held = static_cast<int64_t>(text.sequence.pages.pages().size());
  auto missing = [&] {
    return cache::pagesFor(text.sequence.length + count) - held;
  };
  while (missing() > 0 && !index.makeRoom(missing())) {
    if (running.back().get() != &text) {
      preempt(*running.back());
      continue;
    }
    count = std::min(count, (held + model.pages().available()) * PageTokens -
                                text.sequence.length);
    break;
  }
  text.sequence.pages.grow(model.pages(), text.sequence.length + count);
  return count > 0;
}

std::vector<Scheduler::Plan> Scheduler::plan() {
  // A token for each text that is generated; the rest is for prompts.
  int64_t decoding = std::count_if(running.begin(), running.end(), [](const auto &text) {
    return text->pending() == 1;
  });
  int64_t tokens = model.module().maxTokens, rows = model.maxOutputs();
  int64_t forPrompts = std::max<int64_t>(tokens - decoding, 0);
  std::vector<Plan> plans;
  for (size_t i = 0; i < running.size(); ++i) {
    Text &text = *running[i];
    int64_t &budget = text.pending() == 1 ? tokens : forPrompts;
    int64_t count = std::min({text.pending(), budget, tokens});
    while (count > 0 && text.rowsOf(count) > rows)
      count -= std::max<int64_t>(1, text.rowsOf(count) - rows);
    if (count <= 0 || !takePages(text, count))
      continue;
    int64_t wanted = text.rowsOf(count);
    plans.push_back({&text, count, wanted});
    if (&budget == &forPrompts)
      forPrompts -= count;
    tokens -= count;
    rows -= wanted;
  }
  return plans;
}

/// Gives a text what the step computed for it.
Status Scheduler::deliver(Text &text, const Plan &plan, std::span<const float> rows) {
  int64_t vocabulary = model.module().vocabulary, end = text.sequence.length;
  int64_t first = end - plan.rows;
  if (int64_t from = std::max(text.logitsAt, end - plan.count);
      from < std::min(end, text.promptLength())) {
    text.logitsAt = std::min(end, text.promptLength());
    Status status = text.request.logits(
        from, rows.subspan(size_t((from - first) * vocabulary),
                           size_t((text.logitsAt - from) * vocabulary)));
    if (!status.ok())
      return status;
  }
  if (end < text.length())
    return Status::success();
  if (text.prefilled == 0)
    text.prefilled = now();
  if (!text.generates()) {
    text.ended = true;
    return Status::success();
  }
  Expected<bool> goesOn =
      drawToken(model, text.request.generate, rows.last(size_t(vocabulary)), end,
                text.request.accept, text.result);
  if (!goesOn.ok())
    return goesOn.status();
  if (*goesOn)
    text.tokens.push_back(text.result.tokens.back());
  text.ended = !*goesOn;
  return Status::success();
}

void Scheduler::end(Text &text, Status status) {
  text.ended = true;
  model.release(text.sequence);
  double time = now();
  if (text.prefilled == 0)
    text.prefilled = time;
  text.result.prefillSeconds = text.admitted ? text.prefilled - text.admitted : 0;
  text.result.decodeSeconds = time - text.prefilled;
  if (!text.request.finished)
    return;
  if (status.ok())
    text.request.finished(std::move(text.result));
  else
    text.request.finished(std::move(status));
}

void Scheduler::endCancelled() {
  auto endWhereAsked = [&](std::unique_ptr<Text> &text) {
    const auto &cancelled = text->request.generate.cancelled;
    if (!cancelled || !cancelled())
      return false;
    text->result.cancelled = true;
    end(*text, Status::success());
    return true;
  };
  std::erase_if(running, endWhereAsked);
  std::erase_if(waiting, endWhereAsked);
}

Status Scheduler::step() {
  endCancelled();
  admit();
  std::vector<Plan> plans = plan();
  if (plans.empty())
    return Status::success();
  std::vector<StepPart> parts;
  for (const Plan &plan : plans) {
    std::span<const int32_t> tokens = plan.text->tokens;
    parts.push_back({&plan.text->sequence,
                     tokens.subspan(size_t(plan.text->sequence.length), size_t(plan.count)),
                     plan.rows});
  }
  Expected<std::span<const float>> logits = model.step(parts);
  if (!logits.ok())
    return logits.status();
  ++counts.steps;
  std::span<const float> rest = *logits;
  for (const Plan &plan : plans) {
    Text &text = *plan.text;
    counts.computed += plan.count;
    if (int64_t full = text.sequence.length / PageTokens * PageTokens; full > text.indexed) {
      index.insert(std::span(text.tokens).first(size_t(full)), text.sequence.pages);
      text.indexed = full;
    }
    size_t size = size_t(plan.rows * model.module().vocabulary);
    Status status = deliver(text, plan, rest.first(size));
    rest = rest.subspan(size);
    if (!status.ok() || text.ended)
      end(text, std::move(status));
  }
  std::erase_if(running, [](const auto &text) { return text->ended; });
  return Status::success();
}

} // namespace dsv2::engine
