//===- GeneratorTest.cpp - Requests and schedules -------------------------===//
//
// Generation is the fake module's recurrence; schedules give equal logits
// however the steps are cut.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/engine/FakeModel.h"
#include "runtime/engine/Generator.h"

#include <cmath>
#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::engine;
using testing::HasSubstr;

TEST(Generator, FollowsTheRecurrenceAndStops) {
  FakeModel fake(2);
  GenerateRequest request;
  for (int i = 0; i < 70; ++i) // three chunks of prefill
    request.prompt.push_back(i);
  request.maxTokens = 40;
  request.eos = {257};
  std::vector<int32_t> all = request.prompt, expected;
  while (expected.size() < 40 && FakeModel::best(all) != 257) {
    expected.push_back(FakeModel::best(all));
    all.push_back(expected.back());
  }
  Expected<GenerateResult> result =
      generate(*fake.model, request, [](int32_t) { return true; });
  ASSERT_TRUE(result.ok()) << result.message();
  EXPECT_EQ(result->tokens, expected);
  EXPECT_EQ(result->stopped, expected.size() < 40);

  result = generate(*fake.model, request, [](int32_t) { return false; });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->tokens.size(), 1u);
  EXPECT_TRUE(result->stopped);

  request.prompt.clear();
  EXPECT_FALSE(generate(*fake.model, request, nullptr).ok());
}

TEST(Generator, TakesTheStepsChoiceWhereNothingIsDrawn) {
  FakeModel fake;
  GenerateRequest request;
  request.maxTokens = 10;
  std::vector<float> logits = {1, 5, 2, 4};
  auto drawn = [&](int32_t choice) {
    GenerateResult result;
    Expected<bool> goesOn = drawToken(*fake.model, request, logits, choice, 7,
                                      nullptr, result);
    return goesOn.ok() ? std::to_string(result.tokens.back())
                       : goesOn.message();
  };
  // One that the logits do not say, so that it shows whose it is.
  EXPECT_EQ(drawn(3), "3");
  EXPECT_EQ(drawn(-1), "1");
  request.sampling.temperature = 1e-3;
  EXPECT_EQ(drawn(3), "1");
  request.sampling.topK = 1;
  EXPECT_EQ(drawn(3), "3");
  logits[2] = NAN;
  request.sampling = {};
  EXPECT_EQ(drawn(-1), "the logits for position 7 hold a NaN at token 2");
}

TEST(Generator, ConversationsComputeWhatIsNew) {
  FakeModel fake(2);
  GenerateRequest request;
  request.maxTokens = 10;
  Conversation conversation(*fake.model);
  auto check = [&](int64_t reused) {
    auto accept = [](int32_t) { return true; };
    Expected<GenerateResult> alone = generate(*fake.model, request, accept);
    Expected<GenerateResult> result = conversation.generate(request, accept);
    ASSERT_TRUE(alone.ok() && result.ok());
    EXPECT_EQ(alone->reused, 0);
    EXPECT_EQ(result->reused, reused);
    EXPECT_EQ(result->tokens, alone->tokens);
    // What was generated last is not in the cache.
    request.prompt.insert(request.prompt.end(), result->tokens.begin(),
                          result->tokens.end());
  };
  for (int i = 0; i < 70; ++i)
    request.prompt.push_back(i);
  check(0);
  request.prompt.push_back(5);
  check(79);
  request.prompt.resize(40); // the last token is computed anew
  check(39);
  request.prompt[3] = 9;
  check(3);

  request.cancelled = [] { return true; };
  Expected<GenerateResult> result =
      conversation.generate(request, [](int32_t) { return true; });
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->cancelled);
  EXPECT_TRUE(result->tokens.empty());
}

TEST(Generator, SchedulesAndChunksGiveTheSameLogits) {
  FakeModel fake(2);
  const char *text = R"({"sequences": [[1,2,3,4,5,6,7,8,9,10], [20,21,22]],
    "steps": [[[0, 3]], [[1, 1], [0, 2]], [[0, 4], [1, 1]], [[1, 1], [0, 1]]]})";
  Expected<Schedule> schedule = parseSchedule(text, "s.json");
  ASSERT_TRUE(schedule.ok()) << schedule.message();
  Expected<std::vector<std::vector<float>>> mixed =
      runSchedule(*fake.model, *schedule);
  ASSERT_TRUE(mixed.ok()) << mixed.message();
  for (int i = 0; i < 2; ++i)
    for (int64_t chunk : {0, 1, 3}) {
      std::vector<float> alone;
      Status status = computeLogits(
          *fake.model, schedule->sequences[i], chunk,
          [&](std::span<const float> rows) {
            alone.insert(alone.end(), rows.begin(), rows.end());
            return Status::success();
          });
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ((*mixed)[i], alone);
    }
}

TEST(Generator, NamesWhatIsWrongInASchedule) {
  auto message = [](const char *steps) {
    return parseSchedule(std::string(R"({"sequences": [[1,2],[3]], "steps": )") +
                             steps + "}",
                         "s.json")
        .message();
  };
  EXPECT_EQ(message("[[[0,2],[1,1]]]"), "");
  EXPECT_THAT(message("[[[0,1],[1,1]]]"), HasSubstr("token 1 of 2"));
  EXPECT_THAT(message("[[[0,3]]]"), HasSubstr("steps"));
  EXPECT_THAT(message("[[[2,1]]]"), HasSubstr("steps"));
  EXPECT_THAT(message("[[[0,1],[0,1],[1,1]]]"), HasSubstr("twice"));
  EXPECT_THAT(message("7"), HasSubstr("steps"));
}
