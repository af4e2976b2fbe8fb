//===- ProfileTest.cpp - Measured times beside predicted ones -------------===//
//
// Figures of one step, whatever the number of steps.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/Profile.h"

#include "runtime/io/JsonCursor.h"

#include <gmock/gmock.h>

using namespace dsv2;
using namespace dsv2::launcher;
using testing::HasSubstr;

namespace {

/// Barrier 1 ends a segment of two ops, of which one runs twice a step; what
/// follows it has no entry.
bundle::SegmentTable exampleTable() {
  bundle::SegmentTable table;
  table.workloads = {{true, 512, 1, 0}, {false, 1, 4, 100}};
  bundle::SegmentTableOp linear{"linear", "layer", 2,
                                {{}, {3e6, 8e6, 1e-3, "memory"}}};
  bundle::SegmentTableOp add{"add", "layer", 1,
                             {{}, {1e6, 1e6, 1e-4, "launch"}}};
  table.segments = {{0, 1, {linear, add}}};
  return table;
}

struct Example {
  Example() {
    for (int i = 0; i < 2; ++i) {
      profile.beginStep();
      profile.leaveBarrier(1);
      profile.endStep();
    }
    steps.workload = {false, 1, 4, 100};
    steps.profile = &profile;
    steps.seconds = 3;
    steps.readGbps = 10;
    steps.peakGflops = 100;
  }
  std::string json() {
    JsonWriter writer;
    writeProfile(writer, exampleTable(), steps);
    return writer.text();
  }
  engine::StepProfile profile;
  ProfiledSteps steps;
};

} // namespace

TEST(Profile, SumsThePredictionsOfASegment) {
  Example example;
  std::string text = example.json();
  Expected<JsonValue> tree = parseJson(text, "profile");
  ASSERT_TRUE(tree.ok()) << tree.message();
  JsonCursor root(*tree, "profile");
  EXPECT_EQ(*root["step_seconds"].number(), 1.5);
  EXPECT_EQ(*root["steps"].integer(), 2);
  // One of the two segments is unknown, so nothing is predicted of the step.
  EXPECT_TRUE(root["predicted_seconds"].isNull());
  bool seen = false;
  for (size_t i = 0; i < 2; ++i) {
    JsonCursor segment = root["segments"].at(i);
    if (*segment["to"].integer() != 1) {
      EXPECT_EQ(*segment["name"].string(), "unknown");
      continue;
    }
    seen = true;
    EXPECT_EQ(*segment["name"].string(), "linear + add");
    EXPECT_EQ(*segment["executions"].number(), 1);
    EXPECT_NEAR(*segment["predicted_seconds"].number(), 2.1e-3, 1e-12);
    double seconds = *segment["seconds"].number();
    EXPECT_NEAR(*segment["gbps"].number() * seconds * 1e9, 7e6, 1);
    EXPECT_NEAR(*segment["of_peak"].number() * seconds * 100e9, 17e6, 1);
    EXPECT_EQ(*segment["bound"].string(), "memory");
    EXPECT_EQ(*segment["ops"].at(0)["executions"].integer(), 2);
  }
  EXPECT_TRUE(seen);
}

TEST(Profile, PredictsOnlyItsOwnWorkload) {
  Example example;
  EXPECT_THAT(example.json(), HasSubstr("\"predicted_seconds\":0.0021"));
  example.steps.workload.depth = 0;
  EXPECT_THAT(example.json(), Not(HasSubstr("0.0021")));
  example.steps.workload.depth = 100;
  example.steps.predictable = false;
  EXPECT_THAT(example.json(), Not(HasSubstr("0.0021")));
}

TEST(Profile, TableNamesOpsAndFunctions) {
  Example example;
  std::string text = profileTable(exampleTable(), example.steps);
  EXPECT_THAT(text, HasSubstr("decode of 4 × 1 tokens after 100, 1 threads: "
                              "1500.000 ms a step"));
  EXPECT_THAT(text, HasSubstr("2.1000"));
  EXPECT_THAT(text, HasSubstr("linear + add [layer]"));
}
