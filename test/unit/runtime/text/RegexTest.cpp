//===- RegexTest.cpp - Oniguruma's patterns on PCRE2 ----------------------===//
//
// Where the two differ, the matches are Oniguruma's; what cannot be said is
// refused; bad patterns and texts end with a message.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Regex.h"

#include "runtime/text/RegexTranslation.h"

#include <gmock/gmock.h>

using namespace dsv2;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::vector<std::string> matchesOf(std::string_view pattern,
                                   std::string_view text) {
  Expected<Regex> regex = Regex::compile(pattern);
  if (!regex.ok())
    return {"error: " + regex.message()};
  RegexScratch scratch(*regex);
  RegexMatches matches(*regex, scratch, text);
  std::vector<std::string> found;
  while (matches.next())
    found.emplace_back(
        text.substr(matches.begin(), matches.end() - matches.begin()));
  if (!matches.status().ok())
    found.push_back("error: " + matches.status().message());
  return found;
}

TEST(Regex, SpaceIsWhiteSpace) {
  // U+180E is a space to PCRE2 alone; U+0085 and U+3000 to both.
  EXPECT_THAT(matchesOf(R"(\s)", "\xE1\xA0\x8E\xC2\x85\xE3\x80\x80"),
              ElementsAre("\xC2\x85", "\xE3\x80\x80"));
  EXPECT_THAT(matchesOf(R"([^\S\n]+)", "a \n\tb"), ElementsAre(" ", "\t"));
  EXPECT_THAT(matchesOf(R"(\v)", "\n\v\f"), ElementsAre("\v"));
}

TEST(Regex, DollarIsEndOfLine) {
  EXPECT_THAT(matchesOf(R"(.$)", "ab\ncd"), ElementsAre("b", "d"));
  // No line begins after a last newline, so none ends there.
  EXPECT_THAT(matchesOf(R"(x*$)", "a\n"), ElementsAre(""));
  EXPECT_THAT(matchesOf(R"(\s+$)", " a  \n  b  "), ElementsAre("  ", "  "));
  EXPECT_THAT(matchesOf(R"([$]\$)", "$$$"), ElementsAre("$$"));
}

TEST(Regex, NewCharactersBelongToTheirClasses) {
  // U+1C89 (Unicode 16, Lu) and U+11F50 (Unicode 15, Nd).
  EXPECT_EQ(matchesOf(R"(\p{L})", "\xE1\xB2\x89").size(), 1u);
  EXPECT_EQ(matchesOf(R"([^\p{L}])", "\xE1\xB2\x89").size(), 0u);
  EXPECT_EQ(matchesOf(R"(\P{L})", "\xE1\xB2\x89").size(), 0u);
  EXPECT_EQ(matchesOf(R"(\d\w)", "\xF0\x91\xBD\x90\xF0\x91\xBD\x90").size(), 1u);
}

TEST(Regex, HyphensInClasses) {
  EXPECT_THAT(matchesOf(R"([\s-a])", "-a b"), ElementsAre("-", "a", " "));
  EXPECT_THAT(matchesOf(R"([a-\s])", "-a b"), ElementsAre("-", "a", " "));
  EXPECT_THAT(matchesOf(R"([a-c-e])", "d-be"), ElementsAre("-", "b", "e"));
  EXPECT_THAT(matchesOf(R"([-a][b-])", "-ba-"), ElementsAre("-b", "a-"));
}

TEST(Regex, EmptyMatches) {
  // One at each character that has none, but not right after a match.
  EXPECT_THAT(matchesOf("x*", "axxb"), ElementsAre("", "xx", ""));
  EXPECT_THAT(matchesOf("", "\xC3\xBC"), ElementsAre("", ""));
}

TEST(Regex, RefusesWhatDiffers) {
  for (const char *pattern :
       {R"(\b)", R"(\h)", R"(\R)", R"(\X)", R"(\K)", R"(\G)", R"(\1)", R"(\Qa)",
        R"(\p{Han})", R"(\pL)", R"(\p{L)", R"(\xE4)", "(?i)a", "(?<n>a)",
        "(?#c)", "(*FAIL)", "a{2}+", "a{2}?", "[[:alpha:]]", "[a[b]]", "[a&&b]",
        "[]a]", "[a", R"([\D])", R"([\P{L}])", R"([\b])", "\\"})
    EXPECT_THAT(Regex::compile(pattern).message(),
                HasSubstr("unsupported construct"))
        << pattern;
  EXPECT_THAT(Regex::compile("(a").message(), HasSubstr("invalid pattern"));
  EXPECT_THAT(Regex::compile("*").message(), HasSubstr("invalid pattern"));
  EXPECT_EQ(*translateRegex("a{,3}b{c"), "a{0,3}b\\{c");
}

TEST(Regex, GivesUpInTime) {
  std::string text(4000, 'a');
  std::vector<std::string> found = matchesOf("(?:a+a+)+[bd]", text + "c");
  ASSERT_FALSE(found.empty());
  EXPECT_THAT(found.back(), HasSubstr("gave up"));
}

TEST(Regex, LongRunsAreLinear) {
  std::string spaces(1'000'000, ' ');
  EXPECT_EQ(matchesOf(R"(\s+$)", spaces + "x").size(), 0u);
  EXPECT_EQ(matchesOf(R"(\s+$)", spaces).size(), 1u);
  EXPECT_EQ(matchesOf(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", spaces + "x").size(), 2u);
  EXPECT_EQ(matchesOf(R"((?:a|b)+)", std::string(1'000'000, 'b')).size(), 1u);
}

} // namespace
