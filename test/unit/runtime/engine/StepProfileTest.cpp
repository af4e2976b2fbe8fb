//===- StepProfileTest.cpp - Where the time of steps goes -----------------===//
//
// Steps of the fake module, whose barriers are 1 and 2.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/StepProfile.h"

#include "test/unit/runtime/engine/FakeModel.h"

using namespace dsv2::engine;

TEST(StepProfile, AddsUpByPairsOfBarriers) {
  StepProfile profile;
  for (int step = 0; step < 3; ++step) {
    profile.beginStep();
    for (int64_t number : {1, 2, 2, 1})
      profile.leaveBarrier(number);
    profile.endStep();
  }
  EXPECT_EQ(profile.steps(), 3);
  std::string text;
  for (const StepProfile::Segment &s : profile.segments())
    text += std::to_string(s.from) + ">" + std::to_string(s.to) + " " +
            std::to_string(s.executions) + ", ";
  EXPECT_EQ(text, "0>1 3, 1>2 3, 2>2 3, 2>1 3, 1>0 3, ");
  EXPECT_GT(profile.seconds(), 0);
  EXPECT_LT(profile.seconds(), 1);
  profile.clear();
  EXPECT_EQ(profile.steps(), 0);
  EXPECT_TRUE(profile.segments().empty());
}

TEST(StepProfile, TimesStepsOfAnyNumberOfThreads) {
  for (int threads : {1, 2, 4}) {
    FakeModel fake(threads);
    StepProfile profile;
    Sequence s;
    int32_t token = 1;
    StepPart part = {&s, {&token, 1}, 1};
    ASSERT_TRUE(fake.model->step({&part, 1}).ok());
    EXPECT_EQ(profile.steps(), 0);
    fake.model->setProfile(&profile);
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i)
      ASSERT_TRUE(fake.model->step({&part, 1}).ok());
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    fake.model->setProfile(nullptr);
    ASSERT_TRUE(fake.model->step({&part, 1}).ok());
    EXPECT_EQ(profile.steps(), 20);
    ASSERT_EQ(profile.segments().size(), 3u); // 0>1, 1>2, 2>0
    for (const StepProfile::Segment &segment : profile.segments())
      EXPECT_EQ(segment.executions, 20);
    EXPECT_LE(profile.seconds(), seconds);
  }
}
