//===- WidthReducedTwinTest.cpp - Twins keep the structure ----------------===//
//
// Released models and the odd ones that a configuration may describe.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/WidthReducedTwin.h"
#include "test/unit/frontend/Configurations.h"

#include "gtest/gtest.h"

using namespace dsv2::test;
using namespace mlir::dsv2;

static ModelConfig config(const Fields &fields) {
  auto read = parse(fields);
  EXPECT_TRUE(read.ok()) << read.message();
  return *read;
}

static void expectSameStructure(const ModelConfig &model) {
  ModelConfig twin = reduceWidths(model);
  EXPECT_TRUE(isSmall(twin));
  EXPECT_EQ(twin.queryRank.has_value(), model.queryRank.has_value());
  EXPECT_EQ(twin.latentDim < twin.nopeDim, model.latentDim < model.nopeDim);
  EXPECT_EQ(twin.valueDim == twin.nopeDim, model.valueDim == model.nopeDim);
  EXPECT_EQ(twin.attentionBias, model.attentionBias);
  EXPECT_EQ(twin.tiedEmbeddings, model.tiedEmbeddings);
  auto kinds = [](const ModelConfig &c) {
    std::pair<bool, bool> kinds;
    for (int64_t layer = 0; layer < c.layers; ++layer)
      (c.isMoELayer(layer) ? kinds.first : kinds.second) = true;
    return kinds;
  };
  EXPECT_EQ(kinds(twin), kinds(model));
  if (!model.experts)
    return;
  const ExpertConfig &old = *model.experts, &now = *twin.experts;
  EXPECT_EQ(now.groups > 1, old.groups > 1);
  EXPECT_EQ(now.keptGroups < now.groups, old.keptGroups < old.groups);
  EXPECT_EQ(now.shared > 0, old.shared > 0);
  EXPECT_EQ(now.routed % now.groups, 0);
  EXPECT_LE(now.perToken, now.routed / now.groups * now.keptGroups);
  EXPECT_GE(now.perToken, 1);
  EXPECT_GE(now.keptGroups, 1);
}

TEST(WidthReducedTwin, OfReleasedModels) {
  for (const Fields &fields : {v2Fields(), v25Fields(), v2LiteFields()}) {
    ModelConfig model = config(fields);
    EXPECT_FALSE(isSmall(model));
    expectSameStructure(model);
    EXPECT_GT(reduceWidths(model).layers, 2);
  }
}

TEST(WidthReducedTwin, OfOtherStructures) {
  const Fields changes[] = {{{"moe_layer_freq", "3"}},
                            {{"first_k_dense_replace", "0"}},
                            {{"first_k_dense_replace", "60"}},
                            {{"first_k_dense_replace", "5"}},
                            {{"n_routed_experts", "null"}},
                            {{"n_shared_experts", "null"}},
                            {{"num_hidden_layers", "1"}},
                            {{"num_experts_per_tok", "1"}},
                            {{"n_group", "16"}, {"topk_group", "15"}, {"num_experts_per_tok", "10"}},
                            {{"n_group", "8"}, {"topk_group", "8"}},
                            {{"kv_lora_rank", "64"}},
                            {{"v_head_dim", "192"}},
                            {{"tie_word_embeddings", "true"}}};
  for (const Fields &change : changes)
    expectSameStructure(config(with(v2Fields(), change)));
}

TEST(WidthReducedTwin, OfASmallModelIsNone) {
  EXPECT_TRUE(isSmall(config(tinyFields())));
}
