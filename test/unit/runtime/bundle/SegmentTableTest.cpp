//===- SegmentTableTest.cpp - Writing and reading names of segments -------===//
//
// What is written is read back; what is wrong is named.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/SegmentTable.h"

#include <gmock/gmock.h>

using namespace dsv2::bundle;
using testing::HasSubstr;

static SegmentTable example() {
  SegmentTable table;
  table.workloads = {{false, 1, 8, 4096}, {true, 512, 1, 0}};
  SegmentTableOp embed{"embed ? -> ?x64", "step", 1, {}};
  SegmentTableOp linear{"linear ?x64 -> ?x96",
                        "dense_layer",
                        3,
                        {{1e6, 2e9, 0.5e-3, "memory"},
                         {1e6, 9e9, 2e-3, "compute"}}};
  table.segments = {{0, 4, {embed, linear}}, {4, 0, {}}};
  return table;
}

TEST(SegmentTable, ReadsWhatItWrites) {
  std::string text = writeSegmentTable(example());
  dsv2::Expected<SegmentTable> read = parseSegmentTable(text);
  ASSERT_TRUE(read.ok()) << read.message();
  EXPECT_EQ(writeSegmentTable(*read), text);
  EXPECT_EQ(read->workloads, example().workloads);
  const SegmentTableEntry *entry = read->find(0, 4);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->ops[1].executions, 3);
  EXPECT_EQ(entry->ops[1].predictions[1].seconds, 2e-3);
  EXPECT_TRUE(read->find(4, 0));
  EXPECT_FALSE(read->find(4, 4));
}

TEST(SegmentTable, NamesWhatIsWrong) {
  auto message = [](auto change) {
    SegmentTable table = example();
    change(table);
    return parseSegmentTable(writeSegmentTable(table)).message();
  };
  EXPECT_THAT(message([](SegmentTable &t) { t.workloads[0].batch = 0; }),
              HasSubstr("workloads[0].batch"));
  EXPECT_THAT(message([](SegmentTable &t) { t.segments[1].from = -1; }),
              HasSubstr("segments[1].from"));
  EXPECT_THAT(message([](SegmentTable &t) {
                t.segments[0].ops[1].predictions.pop_back();
              }),
              HasSubstr("segments[0].ops[1].predictions: expected none or 2"));
  EXPECT_THAT(message([](SegmentTable &t) {
                t.segments[0].ops[1].predictions[0].seconds = -1;
              }),
              HasSubstr("seconds"));
  EXPECT_THAT(parseSegmentTable("{\"version\": 2}").message(),
              HasSubstr("version"));
}
