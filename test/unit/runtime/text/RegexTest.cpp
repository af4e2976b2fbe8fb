//===- RegexTest.cpp - Patterns of tokenizer files ------------------------===//
//
// Matches are Oniguruma's, by automaton and by PCRE2 alike; what cannot be said
// is refused; bad patterns and texts end with a message.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/Regex.h"

#include "runtime/text/RegexSyntax.h"

#include <gmock/gmock.h>
#include <random>

using namespace dsv2;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::vector<std::string> matchesOf(const Regex &regex, std::string_view text) {
  RegexScratch scratch(regex);
  RegexMatches matches(regex, scratch, text);
  std::vector<std::string> found;
  while (matches.next())
    found.emplace_back(
        text.substr(matches.begin(), matches.end() - matches.begin()));
  if (!matches.status().ok())
    found.push_back("error: " + matches.status().message());
  return found;
}

std::vector<std::string> matchesBy(RegexMethod method, std::string_view pattern,
                                   std::string_view text) {
  Expected<Regex> regex = Regex::compile(pattern, method);
  if (!regex.ok())
    return {"error: " + regex.message()};
  return matchesOf(*regex, text);
}

/// By both methods, which must agree.
std::vector<std::string> matchesOf(std::string_view pattern,
                                   std::string_view text) {
  std::vector<std::string> found = matchesBy(RegexMethod::Best, pattern, text);
  EXPECT_EQ(found, matchesBy(RegexMethod::Backtracking, pattern, text))
      << pattern;
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
        "[]a]", "[a", R"([\b])", "\\", "a**", "a+{2}", "(?i:ss)", "(?i:\u00e4)"})
    EXPECT_THAT(Regex::compile(pattern).message(),
                HasSubstr("unsupported construct"))
        << pattern;
  for (const char *pattern : {"(a", "a)", "*", "a|*", "{2}", "a{3,2}",
                              "a{70000}", "[b-a]", "(?:a"})
    EXPECT_THAT(Regex::compile(pattern).message(), HasSubstr("invalid pattern"))
        << pattern;
  EXPECT_EQ(writePcre2(*parseRegex("a{,3}b{c")),
            "\\x{61}{0,3}\\x{62}\\x{7b}\\x{63}");
}

TEST(Regex, GivesUpInTime) {
  std::string text(4000, 'a');
  std::vector<std::string> found =
      matchesBy(RegexMethod::Backtracking, "(?:a+a+)+[bd]", text + "c");
  ASSERT_FALSE(found.empty());
  EXPECT_THAT(found.back(), HasSubstr("gave up"));
}

// What released tokenizers use, the stages of DeepSeek-V2 and V3 among them.
const char *const releasedPatterns[] = {
    "[\r\n]", R"(\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6]+)",
    R"(\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+)",
    R"(\s+$)", R"([\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+)", R"(\p{N}{1,3})",
    R"([\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+)",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
    "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|"
    "\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"};

// Some that ask for every part of the automaton.
const char *const otherPatterns[] = {
    "a|ab|abc", "(?:ab|a)(?:c|bcd)?", "a+?b|a", "(?:a|ab)(?:c|bcd)(?!d)", "a{2,3}?",
    "a{2}b{0,1}c{1,}", "(?:a(?=b)|b(?!c))+", R"(\s+$|a)", R"((?:a$|\n)+)",
    "(?:ab){2}|(?:a|b){3,5}$", R"(a(?=\n)|\n(?!\n)|.$)", "[^a]+a", "(?:a+b)+c|a",
    R"([\D]b|[^\W]c|[\P{L}])"};

TEST(Regex, AutomataMatchAsBacktracking) {
  const std::string_view parts[] = {
      "a", "b", "c", "d", "\n", "\n", " ", " ", "\r", "\t", "0", "9", "!", "'",
      "s", "A", "\u00e9", "\u0301", "\u4e2d", "\uac00", "\u3000", "\u2028",
      "\u0663", "\U0001F600", "\U00010400", "\uff01", "\u00a0"};
  std::mt19937 random(11);
  auto check = [&](const char *pattern, size_t kinds) {
    Expected<RegexNode> node = parseRegex(pattern);
    ASSERT_TRUE(node.ok()) << node.message();
    ASSERT_TRUE(RegexAutomaton::create(*node)) << pattern;
    Expected<Regex> automaton = Regex::compile(pattern);
    Expected<Regex> backtracking =
        Regex::compile(pattern, RegexMethod::Backtracking);
    for (int round = 0; round < 300; ++round) {
      std::string text;
      for (size_t length = random() % 30; length > 0; --length)
        text += parts[random() % kinds];
      ASSERT_EQ(matchesOf(*automaton, text), matchesOf(*backtracking, text))
          << pattern << " in " << text;
    }
  };
  for (const char *pattern : releasedPatterns)
    check(pattern, std::size(parts));
  for (const char *pattern : otherPatterns)
    check(pattern, 6);
}

TEST(Regex, WhatIsNoAutomaton) {
  for (const char *pattern : {"a*", "", "(?<=a)b", "a++", "(?>a)", "(?i:a)",
                              "^a", R"(a\z)", "(?:a*)+", "a(?=bc)", "a{2000}"})
    EXPECT_FALSE(RegexAutomaton::create(*parseRegex(pattern))) << pattern;
}

TEST(Regex, LongRunsAreLinear) {
  std::string spaces(1'000'000, ' ');
  auto matchesOf = [](const char *pattern, const std::string &text) {
    return matchesBy(RegexMethod::Best, pattern, text);
  };
  EXPECT_EQ(matchesOf(R"(\s+$)", spaces + "x").size(), 0u);
  EXPECT_EQ(matchesOf(R"(\s+$)", spaces).size(), 1u);
  EXPECT_EQ(matchesOf(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", spaces + "x").size(), 2u);
  EXPECT_EQ(matchesOf(R"((?:a|b)+)", std::string(1'000'000, 'b')).size(), 1u);
}

} // namespace
