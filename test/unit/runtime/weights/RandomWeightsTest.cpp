//===- RandomWeightsTest.cpp - Weights out of a seed ----------------------===//
//
// The golden values of docs/RandomWeights.md, and that ranges agree.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/RandomWeights.h"

#include <bit>
#include <gtest/gtest.h>

using namespace dsv2::weights;

TEST(RandomWeights, GoldenValues) {
  struct Row {
    uint64_t seed;
    const char *name;
    std::vector<int64_t> shape;
    int64_t index;
    uint64_t bits;
    uint32_t f32;
    uint16_t bf16;
  } rows[] = {
      {0, "model.embed_tokens.weight", {256, 64}, 0, 0x12f3b940c7b3914b,
       0x3d00dca4, 0x3d01},
      {0, "model.embed_tokens.weight", {256, 64}, 16383, 0x27eddabab5330303,
       0xbd6f7835, 0xbd6f},
      {1, "lm_head.weight", {102400, 5120}, 524287999, 0x7791688c6221174d,
       0xbc80ee57, 0xbc81},
      {42, "model.layers.3.mlp.experts.17.down_proj.weight", {2048, 1408},
       1000000, 0x1f4d02affc9ed739, 0xbaf04e2c, 0xbaf0},
      {~uint64_t(0), "model.layers.0.self_attn.kv_a_proj_with_mqa.bias", {576},
       5, 0xcc9f69f2e91e6b12, 0x3c99d1b1, 0x3c9a},
      {1, "model.norm.weight", {2048}, 0, 0xa23b9baebae64c1a, 0x3f86d8b3,
       0x3f87},
      {7, "model.layers.1.self_attn.q_a_layernorm.weight", {1536}, 1535,
       0x9931c8eb53eb34b6, 0x3f8509e7, 0x3f85},
  };
  for (const Row &row : rows) {
    EXPECT_EQ(randomBits(row.seed, row.name, row.index), row.bits) << row.name;
    float f32;
    uint16_t bf16;
    ASSERT_TRUE(RandomSource(row.seed, ElementType::F32)
                    .read(row.name, row.shape, row.index, 1, &f32)
                    .ok());
    ASSERT_TRUE(RandomSource(row.seed, ElementType::BF16)
                    .read(row.name, row.shape, row.index, 1, &bf16)
                    .ok());
    EXPECT_EQ(std::bit_cast<uint32_t>(f32), row.f32) << row.name;
    EXPECT_EQ(bf16, row.bf16) << row.name;
  }
}

TEST(RandomWeights, VectorLoopGivesTheBitsOfSingleElements) {
  RandomSource source(3, ElementType::F32);
  std::vector<float> all(1000), one(1000);
  ASSERT_TRUE(source.read("a.weight", {100, 10}, 0, 1000, all.data()).ok());
  for (int64_t i = 0; i < 1000; ++i)
    ASSERT_TRUE(source.read("a.weight", {100, 10}, i, 1, &one[i]).ok());
  EXPECT_EQ(all, one);
}
