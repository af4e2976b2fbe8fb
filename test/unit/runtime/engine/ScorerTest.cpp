//===- ScorerTest.cpp - How likely texts are ------------------------------===//
//
// A score is the same in any company, and what requests have in common is
// computed once.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/engine/FakeModel.h"
#include "runtime/engine/Scorer.h"
#include "runtime/sampling/Distribution.h"

#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::engine;
using testing::ElementsAre;

using Tokens = std::vector<int32_t>;

static Tokens text(int length, int32_t first = 1) {
  Tokens made;
  for (int i = 0; i < length; ++i)
    made.push_back(first + i % 40);
  return made;
}

static Tokens join(Tokens head, const Tokens &tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

/// By the logits of the whole text.
static Score scoreAlone(FakeModel &fake, const ScoreRequest &request) {
  Score score;
  int64_t position = 0;
  Status status = computeLogits(
      *fake.model, request.input(), 0, [&](std::span<const float> rows) {
        for (; !rows.empty(); rows = rows.subspan(300)) {
          int32_t token = request.tokens[size_t(++position)];
          Expected<sampling::Distribution> found =
              sampling::Distribution::of(rows.first(300), position);
          if (!found.ok())
            return found.status();
          if (position < request.from)
            continue;
          score.logLikelihood += found->logProbability(token);
          score.greedy &= found->best() == token;
        }
        return Status::success();
      });
  EXPECT_TRUE(status.ok()) << status.message();
  return score;
}

/// Scores together and compares each with itself alone.
static Scheduler::Statistics
check(FakeModel &fake, const std::vector<ScoreRequest> &requests,
      ScoreOptions options) {
  std::vector<int> seen(requests.size());
  std::vector<Score> scores(requests.size());
  Expected<Scheduler::Statistics> statistics = score(
      *fake.model, requests, options, [&](size_t index, const Score &score) {
        ++seen[index];
        scores[index] = score;
        return Status::success();
      });
  EXPECT_TRUE(statistics.ok()) << statistics.message();
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(seen[i], 1) << i;
    Score want = scoreAlone(fake, requests[i]);
    EXPECT_EQ(scores[i].logLikelihood, want.logLikelihood) << i;
    EXPECT_EQ(scores[i].greedy, want.greedy) << i;
  }
  EXPECT_EQ(fake.model->pages().available(), 10);
  return *statistics;
}

TEST(ScorerTest, EachScoreIsThatOfTheRequestAlone) {
  FakeModel fake;
  std::vector<Tokens> texts;
  for (int i = 0; i < 30; ++i)
    texts.push_back(text(2 + i * 9, 1 + i % 3));
  std::vector<ScoreRequest> requests;
  for (size_t i = 0; i < texts.size(); ++i)
    requests.push_back({texts[i], int64_t(1 + i * i % (texts[i].size() - 1))});
  for (int64_t together : {1, 4})
    for (bool share : {false, true}) {
      ScoreOptions options;
      options.texts = together;
      options.shareLogits = share;
      int64_t last = 0, all = 0;
      options.progress = [&](int64_t done, int64_t total) {
        EXPECT_LE(last, done);
        last = done;
        all = total;
      };
      check(fake, requests, options);
      EXPECT_EQ(last, all);
    }
}

TEST(ScorerTest, AnswersOfOneTokenAreComputedOnce) {
  FakeModel fake;
  std::vector<Tokens> texts;
  for (int32_t answer : {40, 41, 42, 43})
    texts.push_back(join(text(50), {answer}));
  std::vector<ScoreRequest> requests;
  for (const Tokens &tokens : texts)
    requests.push_back({tokens, 50});
  ScoreOptions options;
  options.texts = 4;
  EXPECT_EQ(check(fake, requests, options).computed, 200);
  options.shareLogits = true;
  EXPECT_EQ(check(fake, requests, options).computed, 50);
}

TEST(ScorerTest, AnErrorOfTheReceiverEndsTheWork) {
  FakeModel fake;
  Tokens tokens = text(20);
  std::vector<ScoreRequest> requests(9, ScoreRequest{tokens, 10});
  int calls = 0;
  Expected<Scheduler::Statistics> result =
      score(*fake.model, requests, ScoreOptions(), [&](size_t, const Score &) {
        ++calls;
        return Status::error("the disk is full");
      });
  EXPECT_EQ(result.message(), "the disk is full");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(fake.model->pages().available(), 10);
}

TEST(ScorerTest, TokensOutsideTheVocabularyAreRefused) {
  FakeModel fake;
  for (int32_t token : {-1, 300, INT32_MAX})
    for (size_t at : {size_t(0), size_t(5), size_t(9)}) {
      Tokens good = text(10), bad = text(10);
      bad[at] = token; // the last one is scored, and never read
      std::vector<ScoreRequest> requests = {{good, 9}, {bad, 9}};
      ScoreOptions options;
      options.shareLogits = true;
      EXPECT_EQ(score(*fake.model, requests, options,
                      [](size_t, const Score &) { return Status::success(); })
                    .message(),
                "token " + std::to_string(token) +
                    " is outside the vocabulary of 300");
      EXPECT_EQ(fake.model->pages().available(), 10);
    }
}

TEST(ScorerTest, NoRequestsAreNoSteps) {
  FakeModel fake;
  EXPECT_EQ(check(fake, {}, ScoreOptions()).steps, 0);
}

TEST(GroupRequestsTest, TakesWhatIsWithinAnother) {
  FakeModel fake;
  Tokens question = text(8), longer = join(question, {50, 51, 52});
  Tokens other = join(text(7), {99, 50});
  std::vector<ScoreRequest> requests = {
      {std::span(longer).first(9), 8}, // begins 2, and within it
      {other, 8},                      // another text
      {longer, 8},
      {longer, 4},                     // wants more of the same input
      {std::span(longer).first(6), 2}, // begins 3, but wants more before it
      {std::span(longer).first(6), 5}, // within 3
  };
  std::vector<ScoreGroup> groups = groupRequests(*fake.model, requests);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_THAT(groups[0], ElementsAre(3, 2, 0));
  EXPECT_THAT(groups[1], ElementsAre(1));
  EXPECT_THAT(groups[2], ElementsAre(4, 5));
}

TEST(GroupRequestsTest, KeepsFormsOfAttentionApart) {
  FakeModel fake;
  // The 33rd token alone is a step that is absorbed, and is none of a step of two.
  Tokens tokens = text(35);
  std::vector<ScoreRequest> requests = {{std::span(tokens).first(34), 33},
                                        {std::span(tokens).first(35), 33},
                                        {std::span(tokens).first(34), 33}};
  std::vector<ScoreGroup> groups = groupRequests(*fake.model, requests);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(groups[0], ElementsAre(0, 2));
  EXPECT_THAT(groups[1], ElementsAre(1));
}
