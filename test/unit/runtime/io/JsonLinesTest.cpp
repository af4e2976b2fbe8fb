//===- JsonLinesTest.cpp - One JSON value a line --------------------------===//
//
// Which lines are read under which numbers, what is refused with which words,
// and that a file in pieces reads as a text at once.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/io/TemporaryDirectory.h"
#include "runtime/io/File.h"
#include "runtime/io/JsonLines.h"

#include <gmock/gmock.h>
#include <thread>
#include <unistd.h>

using namespace dsv2;
using testing::ElementsAre;
using testing::StartsWith;

namespace {

/// The integers `n` of all lines, each beside the place that messages name.
struct Lines {
  std::vector<int64_t> values;
  std::vector<std::string> places;

  Status add(const JsonCursor &line) {
    Expected<int64_t> value = line["n"].integer(0, 99);
    if (!value.ok())
      return value.status();
    values.push_back(*value);
    places.push_back(line.error("").message());
    return Status::success();
  }
  Status read(std::string_view text, const JsonLinesLimits &limits = {}) {
    return readJsonLines(
        text, "f.jsonl", [&](const JsonCursor &line) { return add(line); }, limits);
  }
};

std::string refusal(std::string_view text, const JsonLinesLimits &limits = {}) {
  return Lines().read(text, limits).message();
}

TEST(JsonLines, EndsOfLinesAndBlankOnes) {
  Lines lines;
  EXPECT_EQ(lines.read("\n{\"n\": 1}\r\n \t\n\r\n {\"n\": 2} \n{\"n\":3}").message(), "");
  EXPECT_THAT(lines.values, ElementsAre(1, 2, 3));
  EXPECT_THAT(lines.places, ElementsAre("f.jsonl:2: ", "f.jsonl:5: ", "f.jsonl:6: "));
  EXPECT_EQ(refusal(""), "");
  EXPECT_EQ(refusal("\n\n"), "");
}

TEST(JsonLines, TheFirstErrorEndsIt) {
  Lines lines;
  EXPECT_EQ(lines.read("{\"n\": 1}\n{\"n\": 100}\n{\n").message(),
            "f.jsonl:2: n: expected an integer from 0 to 99, got 100");
  EXPECT_THAT(lines.values, ElementsAre(1));
  EXPECT_EQ(refusal("{}\n"), "f.jsonl:1: n: missing, expected an integer from 0 to 99");
}

TEST(JsonLines, RefusesWithThePlace) {
  EXPECT_THAT(refusal("\n{\"n\": 1,}\n"), StartsWith("f.jsonl:2:9: invalid JSON: "));
  EXPECT_THAT(refusal("{\"n\":\n1}\n"), StartsWith("f.jsonl:1:6: invalid JSON: "));
  EXPECT_THAT(refusal("{\"n\": 1} {\"n\": 2}"), StartsWith("f.jsonl:1:10: invalid JSON: "));
  EXPECT_THAT(refusal("{\"n\": \"\xC3(\"}"), StartsWith("f.jsonl:1:"));
  EXPECT_EQ(refusal("{\"n\": 1, \"n\": 1}"), "f.jsonl:1: n: duplicate key");
  EXPECT_EQ(refusal("\xEF\xBB\xBF{\"n\": 1}"),
            "f.jsonl:1: expected JSON, got a byte order mark");
  EXPECT_THAT(refusal(std::string("{\"n\": 1}\n\0\n", 11)), StartsWith("f.jsonl:2:1: "));
}

TEST(JsonLines, Limits) {
  JsonLinesLimits limits;
  limits.line.maxBytes = 8;
  EXPECT_EQ(refusal("{\"n\": 1}\r\n{\"n\": 1}\n{\"n\": 1}", limits), "");
  const std::string tooLong = "f.jsonl:2: expected a line of at most 8 bytes, got more";
  EXPECT_EQ(refusal("\n{\"n\": 11}\n", limits), tooLong);
  EXPECT_EQ(refusal("\n{\"n\": 1} \r\n", limits), tooLong);
  EXPECT_EQ(refusal("\n{\"n\": 11}", limits), tooLong);
  EXPECT_EQ(refusal("\n" + std::string(100, ' '), limits), tooLong);
  limits = {};
  limits.maxLines = 2;
  EXPECT_EQ(refusal("{\"n\": 1}\n\n{\"n\": 1}\n\n", limits), "");
  EXPECT_EQ(refusal("{\"n\": 1}\n\n{\"n\": 1}\n\n{\"n\": 1}", limits),
            "f.jsonl:5: expected at most 2 lines");
  EXPECT_EQ(refusal(std::string(100'000, '[')),
            "f.jsonl:1: expected at most 64 levels of nesting");
}

TEST(JsonLines, FilesInPieces) {
  test::TemporaryDirectory folder;
  std::string content;
  for (int i = 0; i < 30'000; ++i)
    content += "{\"n\": " + std::to_string(i % 100) + "}\r\n";
  Lines lines;
  auto add = [&](const JsonCursor &line) { return lines.add(line); };
  EXPECT_EQ(readJsonLinesFile(folder.write("f", content), add).message(), "");
  ASSERT_EQ(lines.values.size(), 30'000u);
  for (int i = 0; i < 30'000; ++i)
    ASSERT_EQ(lines.values[size_t(i)], i % 100);
  EXPECT_EQ(lines.places.back(), folder.file("f") + ":30000: ");
  EXPECT_EQ(readJsonLinesFile(folder.path(), add).message(),
            folder.path() + ": expected a file, got a directory");
  EXPECT_THAT(readJsonLinesFile(folder.file("absent"), add).message(),
              StartsWith(folder.file("absent") + ": cannot open: "));
}

TEST(JsonLines, Stdin) {
  int ends[2], before = dup(STDIN_FILENO);
  ASSERT_EQ(pipe(ends), 0);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  std::thread writer([&] {
    for (std::string_view piece : {"{\"n\"", ": 1}\n{\"n\": 2}", "\n{\"n\": x}\n"})
      EXPECT_EQ(write(ends[1], piece.data(), piece.size()), ssize_t(piece.size()));
    close(ends[1]);
  });
  Lines lines;
  Status status =
      readJsonLinesFile("-", [&](const JsonCursor &line) { return lines.add(line); });
  writer.join();
  dup2(before, STDIN_FILENO);
  close(before);
  EXPECT_THAT(status.message(), StartsWith("stdin:3:7: invalid JSON: "));
  EXPECT_THAT(lines.values, ElementsAre(1, 2));
}

} // namespace
