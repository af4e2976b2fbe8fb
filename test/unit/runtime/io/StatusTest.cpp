//===- StatusTest.cpp - One line each -------------------------------------===//
//
// Names out of foreign files stand in messages.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/JsonCursor.h"

#include <gtest/gtest.h>

using namespace dsv2;

TEST(Status, AMessageIsOneLine) {
  EXPECT_EQ(Status::error("a\nb\r\x1b[2J\x7f\t\u00e9").message(), "a?b??[2J??\u00e9");
  EXPECT_EQ(Status::error("a\u0080\u009b2J\u009f\u00a0\u00c2\u00bf").message(),
            "a????2J??\u00a0\u00c2\u00bf");
  Expected<JsonValue> tree = parseJson(R"({"x\ny": 1})", "f.json");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(JsonCursor(*tree, "f.json")["x\ny"].expected("a string").message(),
            "f.json: x?y: expected a string, got 1");
}
