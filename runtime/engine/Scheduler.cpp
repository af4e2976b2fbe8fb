//===- Scheduler.cpp - Many requests, one step after the other ------------===//
//
// A text is its tokens, the first `sequence.length` of which are in the cache.
// One that is generated has one token that is not, one that waits for its prompt
// has more: a step takes the next of each, and what it does not take is left.
//
// What the cache holds for a token follows from the tokens up to it and from the
// forms of attention that they took. The index therefore knows texts by both.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Scheduler.h"

#include "runtime/engine/AttentionForms.h"

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
  Text(const Model &model, ScheduledRequest asked, int64_t number);

  ScheduledRequest request;
  const AttentionForms forms;
  const int64_t number;        // in the order of submission
  const int64_t longest;       // tokens that will be computed at most
  std::vector<int32_t> tokens; // the prompt and what was generated
  std::vector<int32_t> keys;   // of each: the token, with its form
  int64_t logitsAt;            // the next position whose logits are wanted
  Sequence sequence;
  int64_t indexed = 0; // tokens in pages that the index knows
  /// While it waits: the running text that computes its beginning, and how much
  /// of it, in whole pages.
  int64_t ahead = -1, common = 0;
  GenerateResult result;
  double admitted = 0, prefilled = 0; // seconds
  bool ended = false;

  void append(int32_t token) {
    bool absorbed = forms.isAbsorbed(length());
    tokens.push_back(token);
    keys.push_back(absorbed ? ~token : token);
  }
  int64_t promptLength() const {
    return static_cast<int64_t>(request.generate.prompt.size());
  }
  int64_t length() const { return static_cast<int64_t>(tokens.size()); }
  int64_t pending() const { return length() - sequence.length; }
  bool generates() const { return request.generate.maxTokens > 0; }
  /// Tokens whose logits nobody wants: they may be found in the cache.
  std::span<const int32_t> sharedKeys() const {
    int64_t count = length() - 1; // what follows the last one is wanted
    if (logitsAt < promptLength())
      count = std::min(count, logitsAt);
    return std::span(keys).first(static_cast<size_t>(count));
  }
  /// Pages of its tokens and of as many new ones as a page has.
  int64_t pagesSoon() const {
    return cache::pagesFor(std::min(longest, length() + PageTokens));
  }
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

/// The last new token is never computed.
static int64_t longestOf(const Model &model, const GenerateRequest &request) {
  int64_t room = model.maxContext() - static_cast<int64_t>(request.prompt.size());
  return static_cast<int64_t>(request.prompt.size()) +
         std::clamp<int64_t>(request.maxTokens - 1, 0, room);
}

Scheduler::Text::Text(const Model &model, ScheduledRequest asked, int64_t number)
    : request(std::move(asked)), forms(model, promptLength()), number(number),
      longest(longestOf(model, request.generate)),
      logitsAt(std::min(request.logitsFrom, promptLength())) {
  tokens.reserve(request.generate.prompt.size());
  keys.reserve(request.generate.prompt.size());
  for (int32_t token : request.generate.prompt)
    append(token);
}

/// What a step computes of one text.
struct Scheduler::Plan {
  Text *text;
  int64_t count, rows;
};

Scheduler::Scheduler(Model &model, int64_t sequences)
    : model(model),
      mostSequences(std::min({sequences, model.module().maxSequences,
                              model.module().maxTokens})),
      index(model.pages()) {}

Scheduler::~Scheduler() {
  for (const std::unique_ptr<Text> &text : running)
    model.release(text->sequence);
}

Status Scheduler::submit(ScheduledRequest request) {
  const GenerateRequest &asked = request.generate;
  if (Status status = checkRequest(model, asked); !status.ok())
    return status;
  int64_t longest = longestOf(model, asked);
  if (cache::pagesFor(longest) > model.pages().pages())
    return Status::error("a text of " + std::to_string(longest) +
                         " tokens needs " +
                         std::to_string(cache::pagesFor(longest)) +
                         " pages of the cache, which has " +
                         std::to_string(model.pages().pages()));
  waiting.push_back(
      std::make_unique<Text>(model, std::move(request), submitted++));
  return Status::success();
}

/// Null when it does not run.
const Scheduler::Text *Scheduler::findRunning(int64_t number) const {
  auto at = std::lower_bound(
      running.begin(), running.end(), number,
      [](const auto &text, int64_t wanted) { return text->number < wanted; });
  return at != running.end() && (*at)->number == number ? at->get() : nullptr;
}

/// Whether a text that is being computed will soon have more of this one's
/// beginning in the cache than is there.
bool Scheduler::waitsForPrefix(Text &text) {
  // Texts are compared once: whoever is ahead is waited for until it is done.
  if (const Text *ahead = findRunning(text.ahead);
      ahead && ahead->pending() > 1 && ahead->sequence.length < text.common)
    return true;
  text.ahead = -1;
  std::span<const int32_t> keys = text.sharedKeys();
  auto computes = [](const auto &other) { return other->pending() > 1; };
  if (std::none_of(running.begin(), running.end(), computes))
    return false;
  text.common = static_cast<int64_t>(index.find(keys).size()) * PageTokens;
  for (const std::unique_ptr<Text> &other : running) {
    if (!computes(other))
      continue;
    auto end = keys.begin() + ptrdiff_t(std::min(keys.size(), other->keys.size()));
    int64_t equal = std::mismatch(keys.begin(), end, other->keys.begin()).first -
                    keys.begin();
    if (int64_t common = equal / PageTokens * PageTokens; common > text.common) {
      text.ahead = other->number;
      text.common = common;
    }
  }
  return text.ahead >= 0;
}

/// Pages that the running texts will soon take.
int64_t Scheduler::promisedPages() const {
  int64_t pages = 0;
  for (const std::unique_ptr<Text> &text : running)
    pages += std::max<int64_t>(
        0, text->pagesSoon() -
               static_cast<int64_t>(text->sequence.pages.pages().size()));
  return pages;
}

/// Moves the waiting text to the running ones if its tokens fit into the cache
/// beside theirs, with room for each to grow by a page: what is computed again
/// when pages run out stays little beside what was gained.
bool Scheduler::admitNext(size_t at) {
  Text &text = *waiting[at];
  std::vector<int32_t> known = index.find(text.sharedKeys());
  text.sequence.pages.share(model.pages(), known);
  text.sequence.length = static_cast<int64_t>(known.size()) * PageTokens;
  text.indexed = text.sequence.length;
  int64_t wanted =
      promisedPages() + text.pagesSoon() - static_cast<int64_t>(known.size());
  if (wanted > model.pages().available() + model.pages().idle()) {
    model.release(text.sequence);
    return false;
  }
  if (text.admitted == 0) {
    text.admitted = now();
    text.result.reused = text.sequence.length;
  }
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
    if (endIfCancelled(*waiting[at]))
      waiting.erase(waiting.begin() + ptrdiff_t(at));
    else if (waitsForPrefix(*waiting[at]))
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
    if (count > 0)
      count = text.forms.alike(text.sequence.length, count);
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
Status Scheduler::deliver(Text &text, const Plan &plan, const StepResult &rows) {
  int64_t vocabulary = model.module().vocabulary, end = text.sequence.length;
  int64_t first = end - plan.rows;
  if (int64_t from = std::max(text.logitsAt, end - plan.count);
      from < std::min(end, text.promptLength())) {
    text.logitsAt = std::min(end, text.promptLength());
    Status status = text.request.logits(
        from, rows.logits.subspan(size_t((from - first) * vocabulary),
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
      drawToken(model, text.request.generate, rows.logits.last(size_t(vocabulary)),
                rows.choices.back(), end, text.request.accept, text.result);
  if (!goesOn.ok())
    return goesOn.status();
  if (*goesOn)
    text.append(text.result.tokens.back());
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

bool Scheduler::endIfCancelled(Text &text) {
  const auto &cancelled = text.request.generate.cancelled;
  if (!cancelled || !cancelled())
    return false;
  text.result.cancelled = true;
  end(text, Status::success());
  return true;
}

Status Scheduler::step() {
  std::erase_if(running,
                [&](const auto &text) { return endIfCancelled(*text); });
  admit();
  std::vector<Plan> plans = plan();
  // The oldest text always finds its pages, so this is a fault of ours.
  if (plans.empty() && !idle())
    return Status::error("the scheduler finds nothing to compute for " +
                         std::to_string(running.size()) + " running and " +
                         std::to_string(waiting.size()) + " waiting texts");
  if (plans.empty())
    return Status::success();
  std::vector<StepPart> parts;
  for (const Plan &plan : plans) {
    std::span<const int32_t> tokens = plan.text->tokens;
    int64_t from = plan.text->sequence.length;
    parts.push_back({&plan.text->sequence,
                     tokens.subspan(size_t(from), size_t(plan.count)),
                     plan.rows, plan.text->forms.isAbsorbed(from)});
  }
  Expected<StepResult> made = model.step(parts);
  if (!made.ok())
    return made.status();
  ++counts.steps;
  StepResult rest = *made;
  for (const Plan &plan : plans) {
    Text &text = *plan.text;
    counts.computed += plan.count;
    if (int64_t full = text.sequence.length / PageTokens * PageTokens; full > text.indexed) {
      index.insert(std::span(text.keys).first(size_t(full)), text.sequence.pages);
      text.indexed = full;
    }
    size_t rows = size_t(plan.rows), size = rows * size_t(model.module().vocabulary);
    Status status = deliver(text, plan, {rest.logits.first(size), rest.choices.first(rows)});
    rest = {rest.logits.subspan(size), rest.choices.subspan(rows)};
    if (!status.ok() || text.ended)
      end(text, std::move(status));
  }
  std::erase_if(running, [](const auto &text) { return text->ended; });
  return Status::success();
}

} // namespace dsv2::engine
