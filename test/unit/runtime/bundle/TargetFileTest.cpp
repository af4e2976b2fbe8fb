//===- TargetFileTest.cpp - Writing and reading machines' figures ---------===//
//
// What is written is read back; what is wrong is named with file and field.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/TargetFile.h"

#include <gmock/gmock.h>

using namespace dsv2::bundle;
using testing::HasSubstr;

static TargetFigures example() {
  return {.name = "a machine",
          .units = 2,
          .memoryGBs = 33.2,
          .cacheGBs = 200.5,
          .peakF32 = 230,
          .peakBF16 = 464,
          .l1Bytes = 32 << 10,
          .l2Bytes = 1 << 20,
          .lastLevelBytes = 32 << 20,
          .launchMicroseconds = 0.25,
          .memoryBytes = int64_t(16) << 30};
}

TEST(TargetFile, ReadsWhatItWrites) {
  TargetFigures gpu = example();
  gpu.kind = "gpu";
  gpu.peakInt8 = 5000;
  gpu.linkGBs = 450;
  gpu.linkLatencyMicroseconds = 3;
  for (const TargetFigures &figures : {example(), gpu}) {
    dsv2::Expected<TargetFigures> read = parseTargetFile(writeTargetFile(figures), "m.json");
    ASSERT_TRUE(read.ok()) << read.message();
    EXPECT_EQ(*read, figures);
  }
}

TEST(TargetFile, NamesFileAndField) {
  auto message = [](auto change) {
    TargetFigures figures = example();
    change(figures);
    return parseTargetFile(writeTargetFile(figures), "m.json").message();
  };
  EXPECT_EQ(message([](TargetFigures &f) { f.kind = "tpu"; }),
            "m.json: kind: expected cpu or gpu, got \"tpu\"");
  EXPECT_THAT(message([](TargetFigures &f) { f.units = 0; }), HasSubstr("m.json: units: expected"));
  EXPECT_EQ(message([](TargetFigures &f) { f.memoryGBs = 0; }),
            "m.json: memory_gbps: expected a number above 0, at most 1e15, got 0");
  EXPECT_THAT(message([](TargetFigures &f) { f.linkGBs = -1; }),
              HasSubstr("m.json: link_gbps: expected a number from 0 to 1e15, got -1"));
  EXPECT_THAT(message([](TargetFigures &f) { f.peakF32 = 1e300; }), HasSubstr("peak_f32_gflops"));
  EXPECT_THAT(message([](TargetFigures &f) { f.name = ""; }), HasSubstr("m.json: name: expected"));
}

TEST(TargetFile, RefusesWhatIsNoFigure) {
  std::string text = writeTargetFile(example());
  auto with = [&](const std::string &from, const std::string &to) {
    std::string changed = text;
    size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    return parseTargetFile(changed, "m.json").message();
  };
  EXPECT_EQ(with("\"units\":2", "\"units\":2,\"colour\":1"),
            "m.json: colour: is no figure of a target");
  EXPECT_THAT(with("\"units\":2,", ""), HasSubstr("m.json: units: missing"));
  EXPECT_THAT(with("\"version\":1", "\"version\":2"), HasSubstr("m.json: version: expected"));
  EXPECT_THAT(with("\"units\":2", "\"units\":\"2\""), HasSubstr("m.json: units: expected"));
  EXPECT_THAT(parseTargetFile("[]", "m.json").message(), HasSubstr("m.json"));
  EXPECT_THAT(parseTargetFile("{", "m.json").message(), HasSubstr("m.json"));
}
