//===- StepScheduleTest.cpp - Steps that exercise a module ----------------===//
//
// Every schedule is one that a server could run, and together they have what a
// server mixes.
//
//===----------------------------------------------------------------------===//

#include "tools/equivalence/StepSchedule.h"
#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {
class StepScheduleTest : public testing::Test {
protected:
  StepScheduleTest() { context.loadDialect<DSV2Dialect>(); }

  BatchType batch(int64_t tokens, int64_t sequences, int64_t outputs, int64_t span) {
    return BatchType::get(&context, tokens, sequences, outputs, span);
  }

  MLIRContext context;
};
} // namespace

TEST_F(StepScheduleTest, KeepsWithinAnyMaxima) {
  for (int64_t tokens : {1, 2, 5, 70})
    for (int64_t sequences : {1, 2, 5})
      for (int64_t span : {1, 3, 64, 4096})
        for (uint64_t seed = 0; seed < 20; ++seed) {
          BatchType type = batch(tokens, sequences, (tokens + 1) / 2, span);
          StepSchedule schedule = makeSchedule(type, 7, {seed, seed % 2 == 0});
          ASSERT_FALSE(schedule.steps.empty());
          for (const ScheduledStep &step : schedule.steps) {
            EXPECT_EQ(step.batch.inconsistency(type), "");
            EXPECT_EQ(int64_t(step.ids.size()), step.batch.tokens());
            EXPECT_GE(step.batch.outputs(), 1);
            for (int32_t id : step.ids)
              EXPECT_TRUE(id >= 0 && id < 7);
            for (const auto &pages : step.batch.pageTable)
              for (int64_t page : pages)
                EXPECT_TRUE(page >= 0 && page < schedule.pages);
          }
        }
}

TEST_F(StepScheduleTest, MixesWhatServersMix) {
  bool mixed = false, decodes = false, crosses = false, split = false;
  for (uint64_t seed = 0; seed < 10; ++seed)
    for (const ScheduledStep &step : makeSchedule(batch(70, 3, 70, 192), 50, {seed, true}).steps) {
      int64_t decode = 0, chunk = 0, prefill = 0;
      for (int64_t s = 0; s < step.batch.sequences(); ++s) {
        int64_t length = step.batch.starts[s + 1] - step.batch.starts[s];
        int64_t prefix = step.batch.prefix[s];
        (prefix == 0 ? prefill : length == 1 ? decode : chunk) += 1;
        crosses |= prefix < 64 && prefix + length > 64;
      }
      mixed |= decode && chunk && prefill;
      decodes |= decode == 3;
      split |= step.batch.absorbed > 0 && step.batch.absorbed < step.batch.sequences();
    }
  EXPECT_TRUE(mixed);
  EXPECT_TRUE(decodes);
  EXPECT_TRUE(crosses);
  EXPECT_TRUE(split);
}
