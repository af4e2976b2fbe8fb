//===- ModelTest.cpp - Steps of mixed sequences ---------------------------===//
//
// The fake module's logits tell whether batch, pages and weights arrived.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/engine/FakeModel.h"

#include <algorithm>
#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::engine;
using testing::HasSubstr;

static std::vector<int32_t> someTokens(int seed, int count) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back((seed * 37 + i * 11) % 200);
  return tokens;
}

/// The largest logit of a row, which must be its choice.
static int32_t bestOfRow(const StepResult &made, int64_t row) {
  auto begin = made.logits.begin() + row * 300;
  auto best = static_cast<int32_t>(std::max_element(begin, begin + 300) - begin);
  EXPECT_EQ(made.choices[size_t(row)], best);
  return best;
}

TEST(Model, MixedStepsEqualTheDefinition) {
  for (int threads : {1, 2, 5}) {
    FakeModel fake(threads);
    Model &model = *fake.model;
    Sequence a, b, c;
    std::vector<int32_t> ta = someTokens(1, 100), tb = someTokens(2, 7),
                         tc = someTokens(3, 20);
    auto part = [](Sequence &s, const std::vector<int32_t> &t, size_t count,
                   int64_t outputs) {
      return StepPart{&s, std::span(t).subspan(s.length, count), outputs};
    };
    auto prefix = [](const std::vector<int32_t> &t, size_t n) {
      return std::vector<int32_t>(t.begin(), t.begin() + n);
    };
    std::vector<StepPart> first = {part(a, ta, 25, 0),
                                   part(b, tb, 6, 1)};
    Expected<StepResult> made = model.step(first);
    ASSERT_TRUE(made.ok()) << made.message();
    ASSERT_EQ(made->logits.size(), 300u);
    EXPECT_EQ(bestOfRow(*made, 0), FakeModel::best(prefix(tb, 6)));
    // b decodes (absorbed, so it comes first inside) while a and c prefill;
    // rows come back in the order asked for.
    std::vector<StepPart> second = {part(a, ta, 20, 1),
                                    part(b, tb, 1, 1),
                                    part(c, tc, 11, 11)};
    made = model.step(second);
    ASSERT_TRUE(made.ok()) << made.message();
    ASSERT_EQ(made->logits.size(), 13u * 300);
    ASSERT_EQ(made->choices.size(), 13u);
    EXPECT_EQ(bestOfRow(*made, 0), FakeModel::best(prefix(ta, 45)));
    EXPECT_EQ(bestOfRow(*made, 1), FakeModel::best(prefix(tb, 7)));
    for (int i = 0; i < 11; ++i)
      EXPECT_EQ(bestOfRow(*made, 2 + i), FakeModel::best(prefix(tc, i + 1)));
    // a grows over a page's end.
    for (int at = 45; at < 75; at += 30) {
      StepPart more = part(a, ta, 30, 1);
      made = model.step({&more, 1});
      ASSERT_TRUE(made.ok()) << made.message();
      EXPECT_EQ(bestOfRow(*made, 0), FakeModel::best(prefix(ta, at + 30)));
    }
    EXPECT_EQ(a.pages.pages().size(), 2u);
    model.release(a);
    EXPECT_EQ(a.length, 0);
  }
}

TEST(Model, RefusesWhatDoesNotFit) {
  FakeModel fake;
  Model &model = *fake.model;
  Sequence s;
  auto message = [&](std::vector<int32_t> tokens) {
    StepPart part = {&s, tokens, 1};
    return model.step({&part, 1}).message();
  };
  EXPECT_THAT(message({}), HasSubstr("no new tokens"));
  EXPECT_THAT(message({300}), HasSubstr("vocabulary of 300"));
  EXPECT_THAT(message({-1}), HasSubstr("vocabulary of 300"));
  EXPECT_THAT(message(someTokens(1, 33)), HasSubstr("33 new tokens"));
  EXPECT_EQ(s.length, 0);
  EXPECT_TRUE(model.pretend(s, 640).ok());
  EXPECT_THAT(message({1}), HasSubstr("new cache pages"));
  EXPECT_FALSE(model.pretend(s, 1001).ok());
  std::vector<Sequence> five(5);
  std::vector<StepPart> parts;
  int32_t token = 1;
  for (Sequence &sequence : five)
    parts.push_back({&sequence, {&token, 1}, 0});
  EXPECT_THAT(model.step(parts).message(), HasSubstr("5 sequences"));
}

TEST(Model, WeightsAreTheSameInEveryMode) {
  using bundle::WeightsMode;
  for (WeightsMode mode :
       {WeightsMode::Embed, WeightsMode::External, WeightsMode::Random}) {
    FakeBundleOptions options;
    options.mode = mode;
    options.padding = 5 << 20;
    FakeModel fake(1, options);
    Sequence s;
    std::vector<int32_t> tokens = someTokens(1, 3);
    StepPart part = {&s, tokens, 1};
    Expected<StepResult> made = fake.model->step({&part, 1});
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(bestOfRow(*made, 0), FakeModel::best(tokens));
    EXPECT_TRUE(fake.bundle->verify(2).ok());
  }
}

TEST(Model, NamesTheCpuThatIsMissing) {
  FakeBundleOptions options;
  options.variants = {{"future", {"avx9000"}}, {"x86-64-v3", {"x86-64-v3"}}};
  FakeModel fake(1, options);
  EXPECT_EQ(fake.model->variant(), "x86-64-v3");
  auto message = [&](const char *cpu) {
    ModelOptions forced;
    forced.cpu = cpu;
    return Model::load(*fake.bundle, forced).status().message();
  };
  EXPECT_THAT(message("future"), HasSubstr("lacks avx9000"));
  EXPECT_THAT(message("other"), HasSubstr("carries future, x86-64-v3"));
}
