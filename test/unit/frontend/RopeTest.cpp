//===- RopeTest.cpp - Rotary frequencies and the scales of YaRN -----------===//
//
// Goldens of specification section 3 and vectors T3 to T6. The bit patterns
// come from NumPy in f32, operation by operation.
//
//===----------------------------------------------------------------------===//

#include "frontend/Rope.h"
#include "test/unit/frontend/Configurations.h"

#include "gtest/gtest.h"

#include <bit>

using namespace mlir::dsv2;

static RopeConfig yarnRope(YarnConfig yarn) { return {10000.0, yarn}; }

TEST(Rope, PlainFrequencies) {
  std::vector<float> f = rotaryFrequencies({10000.0, std::nullopt}, 64);
  ASSERT_EQ(f.size(), 32u);
  EXPECT_EQ(f[0], 1.0f);
  EXPECT_FLOAT_EQ(f[16], 0.01f);
}

TEST(Rope, Goldens) {
  std::vector<float> f = rotaryFrequencies(yarnRope({40, 4096}), 64);
  ASSERT_EQ(f.size(), 32u);
  EXPECT_EQ(f[0], 1.0f);
  EXPECT_FLOAT_EQ(f[10], 0.056234133f);
  EXPECT_FLOAT_EQ(f[11], 0.039006927f);
  EXPECT_FLOAT_EQ(f[16], 0.0055f);
  EXPECT_FLOAT_EQ(f[22], 1.7782794e-4f);
  EXPECT_FLOAT_EQ(f[23], 3.3338036e-5f);
  EXPECT_FLOAT_EQ(f[31], 3.3338036e-6f);
}

/// Compares bit for bit.
static void expectBits(const std::vector<float> &values, const std::vector<uint32_t> &bits) {
  ASSERT_EQ(values.size(), bits.size());
  for (size_t i = 0; i < bits.size(); ++i)
    EXPECT_EQ(std::bit_cast<uint32_t>(values[i]), bits[i]) << "at " << i;
}

TEST(Rope, BitwiseAsNumPy) {
  expectBits(rotaryFrequencies(yarnRope({40, 4096}), 64),
             {0x3f800000, 0x3f3ff911, 0x3f0ff59a, 0x3ed7e89b, 0x3ea1e89b, 0x3e72d423, 0x3e361887,
              0x3e088d77, 0x3dcccccd, 0x3d99940d, 0x3d6655c2, 0x3d1fc5ba,
              0x3cdc321b, 0x3c968dc3, 0x3c4bf283, 0x3c088d77, 0x3bb43959,
              0x3b697066, 0x3b136a16, 0x3ab3a2cd, 0x3a4f3e37, 0x39d99312,
              0x393a7753, 0x380bd471, 0x37d1b717, 0x379d43a3, 0x376bdcf0,
              0x3730df51, 0x3704a2b3, 0x36c6ecdd, 0x36952c42, 0x365fba4f});
  expectBits(rotaryFrequencies(yarnRope({40, 6}), 8),
             {0x3f800000, 0x3b23d70a, 0x3983126f, 0x37d1b717});
  expectBits(rotaryFrequencies(yarnRope({40, 64}), 16),
             {0x3f800000, 0x3e5a939d, 0x3d0f5c28, 0x3a4f3e38, 0x3983126f, 0x38a5cb60, 0x37d1b717,
              0x3704a2b3});
}

TEST(Rope, EqualEndsOfTheRamp) { // T6: low = high = 0
  std::vector<float> f = rotaryFrequencies(yarnRope({40, 6}), 8);
  EXPECT_EQ(f[0], 1.0f); // before the ramp
  EXPECT_FLOAT_EQ(f[1], 0.1f / 40);
  EXPECT_FLOAT_EQ(f[3], 0.001f / 40);
}

TEST(Rope, ClampedStartOfTheRamp) { // T6: the fast end is before index 0
  std::vector<float> f = rotaryFrequencies(yarnRope({40, 64}), 16);
  EXPECT_EQ(f[0], 1.0f);
  EXPECT_LT(f[1], 0.31622776f);
  EXPECT_FLOAT_EQ(f[7], 0.00031622776f / 40);
}

TEST(Rope, EndOfTheRampMayPassTheFrequencies) { // clamped to dim - 1, not dim / 2 - 1
  std::vector<float> f = rotaryFrequencies(yarnRope({40, 1 << 24}), 8);
  for (float value : f)
    EXPECT_GT(value, 0.0f);
  EXPECT_GT(f[3], 0.001f / 40);
}

TEST(Rope, Scales) {
  ModelConfig config{};
  config.nopeDim = 128;
  config.ropeDim = 64;
  config.rope.theta = 10000;
  EXPECT_FLOAT_EQ(softmaxScale(config), 0.07216878f);
  EXPECT_EQ(rotaryScale(config.rope), 1.0f);
  config.rope.yarn = YarnConfig{40, 4096, 32, 1, 0.707, 0.707};
  EXPECT_FLOAT_EQ(softmaxScale(config), 0.11472139f);
  EXPECT_EQ(rotaryScale(config.rope), 1.0f);
  config.rope.yarn = YarnConfig{40, 4096, 32, 1, 1, 1};
  EXPECT_FLOAT_EQ(softmaxScale(config), 0.13523378f);
  // T3: the ratio of the two is not one.
  config.rope.yarn = YarnConfig{40, 4096, 32, 1, 1, 0.707};
  EXPECT_FLOAT_EQ(rotaryScale(config.rope), 1.3688879f / 1.2608038f);
  // T4: all_dim of zero scales cosines by M(s, mscale), logits not at all.
  config.rope.yarn = YarnConfig{40, 4096, 32, 1, 0.707, 0};
  EXPECT_FLOAT_EQ(softmaxScale(config), 0.07216878f);
  EXPECT_FLOAT_EQ(rotaryScale(config.rope), 1.2608038f);
  // T4: a factor of one has no magnitude.
  config.rope.yarn = YarnConfig{1, 4096, 32, 1, 0.707, 0.707};
  EXPECT_FLOAT_EQ(softmaxScale(config), 0.07216878f);
  EXPECT_EQ(rotaryScale(config.rope), 1.0f);
}
