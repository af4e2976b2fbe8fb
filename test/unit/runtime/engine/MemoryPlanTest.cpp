//===- MemoryPlanTest.cpp - What a run takes of the machine's memory ------===//
//
// The plan against what the engine allocates, and at the edges of numbers.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/MemoryPlan.h"

#include "test/unit/runtime/engine/FakeModel.h"

#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::engine;

/// DeepSeek-V2: 60 layers of 576 bf16 numbers a token.
static MemoryFacts releasedModel() {
  MemoryFacts facts;
  facts.module.elementType = DSV2_BF16;
  facts.module.maxTokens = 512;
  facts.module.maxSequences = 64;
  facts.module.maxOutputs = 512;
  facts.module.vocabulary = 102400;
  facts.module.layers = 60;
  facts.module.cacheRowElements = 576;
  facts.module.weightCount = 1000;
  facts.module.arenaBytes = 100 << 20;
  facts.module.scratchBytes = 1 << 20;
  facts.maxContext = 163840;
  facts.weightBytes = uint64_t(470) << 30;
  facts.tokenizerBytes = 4607451;
  return facts;
}

TEST(MemoryPlan, IsWhatTheEngineAllocates) {
  for (auto mode : {bundle::WeightsMode::Embed, bundle::WeightsMode::Random})
    for (int threads : {1, 3}) {
      FakeBundleOptions options;
      options.mode = mode;
      options.padding = 3 << 20;
      FakeModel fake(threads, options);
      MemoryFacts facts;
      facts.module = fake.model->module();
      facts.weightBytes = 128 + options.padding;
      facts.weightsMapped = mode == bundle::WeightsMode::Embed;
      MemoryRequest request;
      request.texts = 3;
      request.tokens = 900;
      request.outputs = 5;
      request.threads = threads;
      MemoryPlan plan = planMemory(facts, request);
      EXPECT_EQ(plan.pages, 3 * 15);
      ASSERT_TRUE(fake.model->reserve(plan.pages, request.outputs).ok());
      MemoryPlan real = fake.model->allocated();
      EXPECT_EQ(real.pages, plan.pages);
      EXPECT_EQ(real.mappedWeights, plan.mappedWeights);
      EXPECT_EQ(real.privateWeights, plan.privateWeights);
      EXPECT_EQ(real.cache, plan.cache);
      EXPECT_EQ(real.arena, plan.arena);
      EXPECT_EQ(real.scratch, plan.scratch);
      EXPECT_EQ(real.logits, plan.logits);
      EXPECT_NEAR(double(real.tables), double(plan.tables), 4096);
      // A batch says itself how many pages it wants.
      request.pages = 7;
      EXPECT_EQ(planMemory(facts, request).pages, 7);
      EXPECT_EQ(planMemory(facts, request).cache, 7 * facts.cachePageBytes());
    }
}

TEST(MemoryPlan, FiguresOfTheReleasedModel) {
  MemoryFacts facts = releasedModel();
  // Specification section 3: 576 × 2 bytes a layer.
  EXPECT_EQ(facts.cacheTokenBytes(), 69120u);
  EXPECT_EQ(facts.cachePageBytes(), 64u * 69120);
  MemoryRequest request;
  request.texts = 2;
  request.tokens = 65; // two pages
  request.outputs = 2;
  request.threads = 4;
  MemoryPlan plan = planMemory(facts, request);
  EXPECT_EQ(plan.cache, 4u * 64 * 69120);
  EXPECT_EQ(plan.logits, 2u * 102400 * 4);
  EXPECT_EQ(plan.scratch, 4u << 20);
  EXPECT_EQ(plan.mappedWeights, uint64_t(470) << 30);
  EXPECT_EQ(plan.privateBytes(), plan.cache + plan.logits + plan.scratch +
                                     plan.arena + plan.tables +
                                     plan.tokenizer + plan.program);
  // What its tokenizer was measured to take: 10.9 MB.
  EXPECT_NEAR(double(plan.tokenizer), 11.0e6, 0.3e6);
}

TEST(MemoryPlan, LargestFits) {
  MemoryFacts facts = releasedModel();
  uint64_t pages = 1000;
  CacheFits fits = largestFits(facts, pages * facts.cachePageBytes() + 17);
  ASSERT_EQ(fits.byTexts.size(), 3u);
  EXPECT_EQ(fits.byTexts[0].tokens, 64000);
  EXPECT_EQ(fits.byTexts[1].texts, 8);
  EXPECT_EQ(fits.byTexts[1].tokens, 125 * 64);
  EXPECT_EQ(fits.byTexts[2].texts, 64);
  EXPECT_EQ(fits.byTexts[2].tokens, 15 * 64);
  ASSERT_EQ(fits.byTokens.size(), 3u);
  EXPECT_EQ(fits.byTokens[0].texts, 15);
  EXPECT_EQ(fits.byTokens[1].texts, 1);
  EXPECT_EQ(fits.byTokens[2].texts, 0);
  // Never more than was compiled; equal rows stand once.
  facts.module.maxSequences = 8;
  facts.maxContext = 4096;
  fits = largestFits(facts, uint64_t(1) << 50);
  ASSERT_EQ(fits.byTexts.size(), 2u);
  EXPECT_EQ(fits.byTexts[1].tokens, 4096);
  ASSERT_EQ(fits.byTokens.size(), 1u);
  EXPECT_EQ(fits.byTokens[0].texts, 8);
}

TEST(MemoryPlan, AbsurdFiguresMakeNoSmallPlan) {
  MemoryFacts facts = releasedModel();
  MemoryRequest request;
  request.texts = request.tokens = request.outputs =
      std::numeric_limits<int64_t>::max();
  MemoryPlan plan = planMemory(facts, request);
  EXPECT_EQ(plan.privateBytes(), ~uint64_t(0));
  facts.module.arenaBytes = -5;
  facts.module.vocabulary = std::numeric_limits<int64_t>::max();
  facts.module.layers = std::numeric_limits<int64_t>::max();
  plan = planMemory(facts, MemoryRequest());
  EXPECT_EQ(plan.arena, 0u);
  EXPECT_EQ(plan.privateBytes(), ~uint64_t(0));
  EXPECT_EQ(largestFits(facts, 1000).byTexts[0].tokens, 0);
}
