//===- WeightProgramTest.cpp - Reading weight programs --------------------===//
//
// The serialized form, and what is refused before anything is executed.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/WeightProgram.h"

#include <gmock/gmock.h>

using namespace dsv2::weights;
using testing::HasSubstr;

namespace {
/// A program with one weight of one copy; `change` replaces `what` in it.
std::string program(const std::string &what = "",
                    const std::string &change = "") {
  std::string text =
      R"({"version": 1, "bytes": 512, "weights": [
        {"slot": 0, "name": "w", "offset": 0, "bytes": 256, "type": "bf16",
         "shape": [1, 1, 64, 2],
         "copies": [{"source": "a", "source_shape": [64, 2],
           "source_offset": 0, "destination_offset": 0, "sizes": [64, 2],
           "source_strides": [2, 1], "destination_strides": [2, 1],
           "scale": 0.5}]},
        {"slot": 1, "name": "c", "offset": 256, "bytes": 64, "type": "f32",
         "shape": [2], "values": [1.0, 0.5]}]})";
  if (!what.empty()) {
    size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    text.replace(at, what.size(), change);
  }
  return text;
}
} // namespace

TEST(WeightProgram, Reads) {
  dsv2::Expected<WeightProgram> parsed = parseWeightProgram(program());
  ASSERT_TRUE(parsed.ok()) << parsed.message();
  ASSERT_EQ(parsed->weights.size(), 2u);
  EXPECT_EQ(parsed->bytes, 512);
  EXPECT_EQ(parsed->weights[0].copies[0].scale, 0.5);
  EXPECT_EQ(parsed->weights[1].values[1], 0.5);
}

TEST(WeightProgram, RefusesWhatWouldLeaveItsBounds) {
  struct Case {
    const char *what, *change, *message;
  } cases[] = {
      {"\"sizes\": [64, 2]", "\"sizes\": [65, 2]", "reads outside its source"},
      {"\"destination_offset\": 0", "\"destination_offset\": 1",
       "writes outside the weight"},
      {"\"source_offset\": 0", "\"source_offset\": -1", "source_offset"},
      {"\"source_strides\": [2, 1]", "\"source_strides\": [2, 70368744177664]",
       "reads outside its source"},
      {"\"source_strides\": [2, 1]", "\"source_strides\": [2]", "equal ranks"},
      {"\"bytes\": 512", "\"bytes\": 300", "outside 300 bytes"},
      {"\"offset\": 256", "\"offset\": 192", "overlap"},
      {"\"offset\": 256", "\"offset\": 260", "multiple of 64"},
      {"\"slot\": 1", "\"slot\": 2", "slot: expected 1, got 2"},
      {"\"type\": \"bf16\"", "\"type\": \"f16\"", "expected bf16 or f32"},
      {"\"values\": [1.0, 0.5]", "\"values\": 3", "values"},
      {"[64, 2],", "[70368744177664, 70368744177664],", "too large"},
  };
  for (const Case &c : cases) {
    dsv2::Expected<WeightProgram> parsed =
        parseWeightProgram(program(c.what, c.change));
    ASSERT_FALSE(parsed.ok()) << c.change;
    EXPECT_THAT(parsed.message(), HasSubstr(c.message)) << c.change;
  }
}
