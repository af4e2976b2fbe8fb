//===- ManifestTest.cpp - Writing and reading manifests -------------------===//
//
// What is written is read back; what is wrong is named.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/Manifest.h"

#include <gmock/gmock.h>

using namespace dsv2::bundle;
using testing::HasSubstr;

static Manifest example() {
  Manifest manifest;
  manifest.model = "tiny \"quoted\"";
  manifest.compiler = "dsv2 0.1.0";
  manifest.dtype = "bf16";
  manifest.dimensions = {{"hidden_size", 64}, {"num_hidden_layers", 3}};
  manifest.vocabulary = 256;
  manifest.maxContext = 4096;
  manifest.maxBatch = 64;
  manifest.maxStepTokens = 512;
  manifest.bos = 0;
  manifest.eos = {1, 2};
  manifest.modules = {{"avx512bf16", {"x86-64-v4", "avx512bf16"}},
                      {"x86-64-v3", {"x86-64-v3"}}};
  manifest.weights = {WeightsMode::External, 1 << 20, std::nullopt,
                      "chat.weights", Hash128{1, 0xfedcba9876543210}};
  manifest.cost.flopsPerToken = 1.5e9;
  manifest.cost.experts = 64;
  manifest.costTarget = {.name = "znver4", .units = 96, .memoryGBs = 460.8, .cacheGBs = 7372.8,
                         .peakF32 = 7372.8, .peakBF16 = 14745.6, .l1Bytes = 32768,
                         .l2Bytes = 1 << 20, .lastLevelBytes = 384 << 20,
                         .launchMicroseconds = 1, .memoryBytes = int64_t(1) << 38};
  return manifest;
}

TEST(Manifest, ReadsWhatItWrites) {
  Manifest manifest = example();
  dsv2::Expected<Manifest> read = parseManifest(writeManifest(manifest));
  ASSERT_TRUE(read.ok()) << read.message();
  EXPECT_EQ(writeManifest(*read), writeManifest(manifest));
  EXPECT_EQ(read->weights.hash->high, 0xfedcba9876543210u);
  EXPECT_EQ(read->cost.flopsPerToken, 1.5e9);
  EXPECT_EQ(read->modules[0].features[1], "avx512bf16");
  EXPECT_EQ(read->costTarget, manifest.costTarget);

  manifest.weights = {WeightsMode::Random, 5, ~uint64_t(0), "", std::nullopt};
  manifest.bos.reset();
  read = parseManifest(writeManifest(manifest));
  ASSERT_TRUE(read.ok()) << read.message();
  EXPECT_EQ(*read->weights.seed, ~uint64_t(0));
  EXPECT_FALSE(read->bos.has_value());
}

TEST(Manifest, NamesWhatIsWrong) {
  auto message = [](auto change) {
    Manifest manifest = example();
    change(manifest);
    return parseManifest(writeManifest(manifest)).message();
  };
  EXPECT_THAT(message([](Manifest &m) { m.vocabulary = 0; }),
              HasSubstr("vocabulary"));
  EXPECT_THAT(message([](Manifest &m) { m.modules.clear(); }),
              HasSubstr("modules"));
  EXPECT_THAT(message([](Manifest &m) { m.weights.file = "../x"; }),
              HasSubstr("weights.file"));
  EXPECT_THAT(message([](Manifest &m) { m.weights.hash.reset(); }),
              HasSubstr("weights.hash"));
  EXPECT_THAT(message([](Manifest &m) { m.cost.experts = -1; }),
              HasSubstr("cost.experts"));
  EXPECT_THAT(message([](Manifest &m) { m.maxContext = int64_t(1) << 60; }),
              HasSubstr("max_context"));
  EXPECT_FALSE(parseManifest("{}").ok());
  EXPECT_FALSE(parseManifest("").ok());
}
