//===- Batch.cpp - The command generate, of many requests -----------------===//
//
// Reads and checks all requests, then runs them together. A result is printed
// as soon as all before it are.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Scheduler.h"
#include "runtime/launcher/BatchRequests.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/GeneratedText.h"
#include "runtime/launcher/Interrupt.h"
#include "runtime/launcher/Output.h"
#include "runtime/launcher/RequestFields.h"
#include "runtime/launcher/ResultObject.h"

#include <algorithm>
#include <deque>

namespace dsv2::launcher {

namespace {

/// A request on its way to a line of output.
struct Job {
  Job(const BatchRequest &request, const Tokenizer *tokenizer)
      : id(request.id), promptTokens(request.generate.prompt.size()),
        work(static_cast<int64_t>(promptTokens) + request.generate.maxTokens),
        text(tokenizer, request.stops, /*quiet=*/true),
        hasText(tokenizer != nullptr) {}

  std::string describe(const Expected<engine::GenerateResult> &result) const;

  JsonValue id;
  size_t promptTokens;
  int64_t work; // tokens to be computed at most, that are not counted as done
  GeneratedText text;
  bool hasText;
  std::optional<std::string> line; // the result
};

/// The requests that run, and their results in the order of the requests.
class Batch {
public:
  Batch(engine::Model &model, int64_t texts) : scheduler(model, texts) {}

  Status add(BatchRequest request, const Tokenizer *tokenizer);
  Status run();

private:
  void finish(Job &job, const Expected<engine::GenerateResult> &result);
  /// Prints results up to the first that is not there, or all that are.
  Status print(bool all);

  engine::Scheduler scheduler;
  std::deque<Job> jobs;
  size_t printed = 0; // jobs before this one have been, or were left out
  size_t failed = 0;
  int64_t done = 0, total = 0; // tokens, those that nobody needs included
  ProgressBar bar{"requests"};
};

} // namespace

std::string
Job::describe(const Expected<engine::GenerateResult> &result) const {
  JsonWriter json;
  json.beginObject();
  writeId(json, id);
  if (result.ok())
    writeResultMembers(json, *result, promptTokens, text, hasText);
  else
    json.member("error", std::string_view(result.message()));
  json.endObject();
  return json.text() + "\n";
}

Status Batch::add(BatchRequest request, const Tokenizer *tokenizer) {
  Job &job = jobs.emplace_back(request, tokenizer);
  total += job.work;
  engine::ScheduledRequest scheduled;
  scheduled.generate = std::move(request.generate);
  scheduled.accept = [this, &job](int32_t id) {
    ++done;
    --job.work;
    return job.text.accept(id);
  };
  scheduled.finished = [this, &job](Expected<engine::GenerateResult> result) {
    finish(job, result);
  };
  return scheduler.submit(std::move(scheduled));
}

void Batch::finish(Job &job, const Expected<engine::GenerateResult> &result) {
  done += job.work;
  job.text.finish();
  job.line = job.describe(result);
  failed += !result.ok();
}

Status Batch::print(bool all) {
  std::string lines;
  for (; printed < jobs.size() && (all || jobs[printed].line); ++printed)
    if (std::optional<std::string> &line = jobs[printed].line) {
      lines += *line;
      line.reset();
    }
  if (lines.empty())
    return Status::success();
  bar.clear();
  return writeResult(lines);
}

Status Batch::run() {
  InterruptFlag interrupt(InterruptFlag::Second::Kills);
  Status status = Status::success();
  while (!scheduler.idle() && !interrupt.raised() && status.ok()) {
    bar.update(done, total);
    status = scheduler.step();
    if (Status written = print(/*all=*/false); !written.ok())
      return written;
  }
  // When it ends early, what is done is not lost.
  if (Status written = print(/*all=*/true); !written.ok())
    return written;
  if (status.ok() && failed > 0)
    status = Status::error(std::to_string(failed) + " of " +
                           std::to_string(jobs.size()) +
                           " requests failed, as their results say");
  return status;
}

Status runBatch(Session &session, const Options &options) {
  Expected<std::vector<BatchRequest>> requests =
      readBatchRequests(session, options);
  if (!requests.ok())
    return requests.status();
  if (requests->empty())
    return Status::success();
  Expected<const Tokenizer *> tokenizer = session.tokenizerIfAny();
  if (!tokenizer.ok())
    return tokenizer.status();
  std::vector<int64_t> lengths;
  for (const BatchRequest &request : *requests) {
    int64_t length = static_cast<int64_t>(request.generate.prompt.size());
    lengths.push_back(std::max(length,
                               std::min(length + request.generate.maxTokens,
                                        session.context())));
  }
  int64_t rows = std::min<int64_t>(static_cast<int64_t>(lengths.size()),
                                   session.mostTexts());
  if (Status status = session.startBatch(std::move(lengths), rows); !status.ok())
    return status;
  Batch batch(session.model(), session.mostTexts());
  for (BatchRequest &request : *requests)
    if (Status status = batch.add(std::move(request), *tokenizer); !status.ok())
      return status;
  return batch.run();
}

} // namespace dsv2::launcher
