//===- SchedulerTest.cpp - Many requests, one step after the other --------===//
//
// Each result is that of the request alone, whatever else runs, how small the
// cache is and how few texts may run at once; no page is lost.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/engine/FakeModel.h"
#include "runtime/engine/Scheduler.h"

#include <gmock/gmock.h>

#include <random>

using namespace dsv2;
using namespace dsv2::engine;
using testing::HasSubstr;

namespace {

/// What a request gave, and the logits that it wanted.
struct Outcome {
  bool ended = false;
  std::string error;
  GenerateResult result;
  std::vector<float> logits;
};

/// Requests that run together.
struct Batch {
  explicit Batch(FakeModel &fake, int64_t sequences = 4)
      : scheduler(*fake.model, sequences) {}

  Status add(GenerateRequest request,
             int64_t logitsFrom = std::numeric_limits<int64_t>::max()) {
    Outcome &outcome = outcomes.emplace_back();
    ScheduledRequest scheduled;
    scheduled.generate = std::move(request);
    scheduled.logitsFrom = logitsFrom;
    scheduled.logits = [&outcome, logitsFrom](int64_t first, std::span<const float> rows) {
      EXPECT_EQ(first, logitsFrom + int64_t(outcome.logits.size()) / 300);
      outcome.logits.insert(outcome.logits.end(), rows.begin(), rows.end());
      return Status::success();
    };
    scheduled.finished = [&outcome](Expected<GenerateResult> result) {
      EXPECT_FALSE(outcome.ended);
      outcome.ended = true;
      if (result.ok())
        outcome.result = *result;
      else
        outcome.error = result.message();
    };
    return scheduler.submit(std::move(scheduled));
  }

  void run() {
    for (int64_t steps = 0; !scheduler.idle(); ++steps) {
      ASSERT_LT(steps, 20000) << "it does not end";
      Status status = scheduler.step();
      ASSERT_TRUE(status.ok()) << status.message();
    }
  }

  Scheduler scheduler;
  std::deque<Outcome> outcomes;
};

} // namespace

static GenerateRequest request(int length, int64_t maxTokens, int32_t first = 1) {
  GenerateRequest made;
  for (int i = 0; i < length; ++i)
    made.prompt.push_back(first + i % 40);
  made.maxTokens = maxTokens;
  made.eos = {257};
  return made;
}

static GenerateResult alone(FakeModel &fake, const GenerateRequest &request) {
  Expected<GenerateResult> result = generate(*fake.model, request, nullptr);
  EXPECT_TRUE(result.ok()) << result.message();
  return result.ok() ? *result : GenerateResult();
}

TEST(Scheduler, StepsMixTextsAndPrompts) {
  FakeModel fake(2);
  std::vector<GenerateRequest> requests = {request(5, 20), request(70, 3, 2),
                                           request(1, 20, 3), request(33, 9, 4),
                                           request(40, 1, 5)};
  Batch batch(fake);
  for (const GenerateRequest &r : requests)
    ASSERT_TRUE(batch.add(r).ok());
  batch.run();
  for (size_t i = 0; i < requests.size(); ++i) {
    GenerateResult want = alone(fake, requests[i]);
    EXPECT_EQ(batch.outcomes[i].result.tokens, want.tokens);
    EXPECT_EQ(batch.outcomes[i].result.stopped, want.stopped);
  }
  // Five prompts of 149 tokens in steps of 32, and 19 single ones beside them.
  EXPECT_LE(batch.scheduler.statistics().steps, 27);
  EXPECT_EQ(batch.scheduler.statistics().preemptions, 0);
}

TEST(Scheduler, EqualBeginningsAreComputedOnce) {
  FakeModel fake;
  Batch batch(fake);
  for (int i = 0; i < 4; ++i) {
    GenerateRequest r = request(130, 4);
    r.prompt.back() = 200 + i;
    ASSERT_TRUE(batch.add(r).ok());
  }
  batch.run();
  EXPECT_EQ(batch.scheduler.statistics().shared, 3 * 128);
  for (int i = 0; i < 4; ++i) {
    GenerateRequest r = request(130, 4);
    r.prompt.back() = 200 + i;
    EXPECT_EQ(batch.outcomes[size_t(i)].result.tokens, alone(fake, r).tokens);
    EXPECT_EQ(batch.outcomes[size_t(i)].result.reused, i == 0 ? 0 : 128);
  }
}

TEST(Scheduler, TheYoungestGivesWayWhenPagesRunOut) {
  FakeModel fake;
  ASSERT_TRUE(fake.model->reserve(4, 40).ok());
  std::vector<GenerateRequest> requests;
  Batch batch(fake);
  for (int i = 0; i < 3; ++i) {
    requests.push_back(request(20, 200, 1 + 50 * i));
    requests.back().eos.clear();
    ASSERT_TRUE(batch.add(requests.back()).ok());
  }
  batch.run();
  EXPECT_GT(batch.scheduler.statistics().preemptions, 0);
  FakeModel other;
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(batch.outcomes[i].result.tokens, alone(other, requests[i]).tokens);
}

TEST(Scheduler, GivesTheLogitsThatAreWanted) {
  FakeModel fake;
  ASSERT_TRUE(fake.model->reserve(10, 7).ok());
  Batch batch(fake);
  GenerateRequest r = request(100, 0);
  ASSERT_TRUE(batch.add(r, 0).ok());
  ASSERT_TRUE(batch.add(r, 90).ok());
  r.maxTokens = 3;
  ASSERT_TRUE(batch.add(r, 99).ok());
  ASSERT_TRUE(batch.add(r).ok());
  batch.run();
  std::vector<float> want;
  ASSERT_TRUE(computeLogits(*fake.model, r.prompt, 0, [&](std::span<const float> rows) {
                want.insert(want.end(), rows.begin(), rows.end());
                return Status::success();
              }).ok());
  EXPECT_EQ(batch.outcomes[0].logits, want);
  EXPECT_EQ(batch.outcomes[1].logits, std::vector<float>(want.end() - 3000, want.end()));
  EXPECT_EQ(batch.outcomes[2].logits, std::vector<float>(want.end() - 300, want.end()));
  EXPECT_TRUE(batch.outcomes[3].logits.empty());
  EXPECT_EQ(batch.outcomes[2].result.tokens, alone(fake, r).tokens);
  EXPECT_EQ(batch.outcomes[3].result.tokens, batch.outcomes[2].result.tokens);
}

TEST(Scheduler, RefusesWhatCannotRun) {
  FakeModel fake;
  ASSERT_TRUE(fake.model->reserve(2, 4).ok());
  Batch batch(fake);
  EXPECT_THAT(batch.add(request(0, 1)).message(), HasSubstr("no tokens"));
  EXPECT_THAT(batch.add(request(100, 30)).message(),
              HasSubstr("129 tokens needs 3 pages of the cache, which has 2"));
  EXPECT_THAT(batch.add(request(5000, 1)).message(), HasSubstr("the context"));
  EXPECT_TRUE(batch.add(request(100, 29)).ok());
  GenerateRequest bad = request(1, 1);
  bad.sampling.temperature = -1;
  EXPECT_THAT(batch.add(bad).message(), HasSubstr("temperature"));
}

TEST(Scheduler, EndsWhatIsCancelled) {
  FakeModel fake;
  Batch batch(fake, 1);
  bool stop = false;
  for (int i = 0; i < 2; ++i) {
    GenerateRequest r = request(5, 400);
    r.eos.clear();
    r.cancelled = [&] { return stop; };
    ASSERT_TRUE(batch.add(r).ok());
  }
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(batch.scheduler.step().ok());
  stop = true;
  batch.run();
  EXPECT_TRUE(batch.outcomes[0].result.cancelled);
  EXPECT_EQ(batch.outcomes[0].result.tokens.size(), 5u);
  EXPECT_TRUE(batch.outcomes[1].result.cancelled);
  EXPECT_TRUE(batch.outcomes[1].result.tokens.empty());
}

/// `module` is the image of the model's code.
static void randomBatchesEqualRequestsAlone(const char *module) {
  std::mt19937 random(7);
  auto between = [&](int low, int high) {
    return low + static_cast<int>(random() % unsigned(high - low + 1));
  };
  FakeModel fake(2, {}, module), reference(1, {}, module);
  int64_t preemptions = 0, shared = 0;
  for (int round = 0; round < 40; ++round) {
    int pages = between(4, 7);
    ASSERT_TRUE(fake.model->reserve(pages, between(4, 40)).ok());
    Batch batch(fake, between(1, 4));
    std::vector<GenerateRequest> requests;
    std::vector<int64_t> from;
    for (int i = between(1, 12); i > 0; --i) {
      // Texts of two families that part somewhere.
      GenerateRequest r = request(between(1, 100), between(0, 1) ? between(0, 40) : 156, between(0, 1) * 50);
      if (between(0, 1))
        r.prompt[size_t(between(0, int(r.prompt.size()) - 1))] = 250;
      if (between(0, 2))
        r.eos.clear();
      r.sampling.temperature = between(0, 1);
      r.sampling.seed = uint64_t(i);
      requests.push_back(r);
      bool scores = r.maxTokens == 0 || between(0, 3) == 0;
      from.push_back(scores ? between(0, int(r.prompt.size()) - 1)
                            : std::numeric_limits<int64_t>::max());
      ASSERT_TRUE(batch.add(r, from.back()).ok());
      // Some arrive later.
      if (between(0, 2) == 0)
        ASSERT_TRUE(batch.scheduler.step().ok());
    }
    batch.run();
    preemptions += batch.scheduler.statistics().preemptions;
    shared += batch.scheduler.statistics().shared;
    for (size_t i = 0; i < requests.size(); ++i) {
      ASSERT_TRUE(batch.outcomes[i].ended);
      ASSERT_EQ(batch.outcomes[i].error, "");
      GenerateResult want = alone(reference, requests[i]);
      ASSERT_EQ(batch.outcomes[i].result.tokens, want.tokens) << round << " " << i;
      ASSERT_EQ(batch.outcomes[i].result.stopped, want.stopped);
      int64_t rows = std::max<int64_t>(0, int64_t(requests[i].prompt.size()) - from[i]);
      ASSERT_EQ(int64_t(batch.outcomes[i].logits.size()), rows * 300);
    }
  }
  EXPECT_GT(preemptions, 8);
  EXPECT_GT(shared, 1000);
}

TEST(Scheduler, RandomBatchesEqualRequestsAlone) {
  randomBatchesEqualRequestsAlone(DSV2_FAKE_MODULE);
}

// Here a token's form of attention changes what follows, as it may change last
// bits of real models.
TEST(Scheduler, FormsOfAttentionDoNotDependOnCompany) {
  randomBatchesEqualRequestsAlone(DSV2_FAKE_MODULE_FORMS);
}

TEST(Scheduler, PagesOfAnotherFormAreNotShared) {
  FakeModel fake(1, {}, DSV2_FAKE_MODULE_FORMS);
  GenerateRequest first = request(70, 70);
  first.eos.clear();
  GenerateRequest second = first;
  second.prompt = first.prompt;
  GenerateResult generated = alone(fake, first);
  // The second begins as the first has gone on: by then in the absorbed form.
  second.prompt.insert(second.prompt.end(), generated.tokens.begin(), generated.tokens.end());
  second.maxTokens = 5;
  Batch batch(fake);
  ASSERT_TRUE(batch.add(first).ok());
  batch.run();
  ASSERT_TRUE(batch.add(second).ok());
  batch.run();
  EXPECT_EQ(batch.outcomes[1].result.reused, 64);
  EXPECT_EQ(batch.outcomes[1].result.tokens, alone(fake, second).tokens);
}

TEST(Scheduler, AStepCostsTheSameHoweverManyWait) {
  FakeModel fake;
  Batch batch(fake, 2);
  int64_t asked = 0;
  for (int i = 0; i < 20000; ++i) {
    GenerateRequest r = request(3, 400, i % 40);
    r.cancelled = [&asked] { return ++asked, false; };
    ASSERT_TRUE(batch.add(r).ok());
  }
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(batch.scheduler.step().ok());
  EXPECT_LE(asked, 50 * 4);
}
