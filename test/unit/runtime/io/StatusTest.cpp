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
  Expected<JsonValue> tree = parseJson(R"({"x\ny": 1})", "f.json");
  ASSERT_TRUE(tree.ok());
  EXPECT_EQ(JsonCursor(*tree, "f.json")["x\ny"].expected("a string").message(),
            "f.json: x?y: expected a string, got 1");
}
