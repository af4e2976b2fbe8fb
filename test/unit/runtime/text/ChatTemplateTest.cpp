//===- ChatTemplateTest.cpp - Conversations into text ---------------------===//
//
// What is refused and where, and that hostile templates end. The comparison
// with jinja2 is test/runtime/text.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/ChatTemplate.h"

#include <gmock/gmock.h>

using namespace dsv2;
using testing::HasSubstr;

namespace {

std::string repeated(const std::string &text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i)
    out += text;
  return out;
}

/// The text, or the message of what failed.
std::string rendered(const std::string &source,
                     const std::string &variables = "{}",
                     const ChatConfig &config = {}) {
  Expected<ChatTemplate> made = ChatTemplate::create(source, "t", config);
  if (!made.ok())
    return made.message();
  Expected<std::string> text = made->render(*parseJson(variables, "v"));
  return text.ok() ? *text : text.message();
}

TEST(ChatTemplate, RefusesByNameAndLine) {
  std::pair<const char *, const char *> cases[] = {
      {"a\n{% macro m() %}", "t:2: unsupported statement macro"},
      {"{% include 'x' %}", "t:1: unsupported statement include"},
      {"{{ x | upper }}", "t:1: unsupported filter upper"},
      {"\n\n{{ x is divisibleby 3 }}", "t:3: unsupported test divisibleby"},
      {"{{ cycler('a') }}", "t:1: unsupported function cycler"},
      {"{{ x.append(1) }}", "t:1: unsupported method append"},
      {"{{ x.__class__ }}", "t:1: unsupported attribute __class__"},
      {"{{ 2 ** 3 }}", "t:1: unsupported operator **"},
      {"{{ x() () }}", "t:1: unsupported function x"},
      {"{{ 1, 2 }}", "t:1: unsupported tuple without parentheses"},
      {"{% for x in y recursive %}", "t:1: unsupported recursive loop"},
      {"{% set a, b = c %}", "t:1: unsupported set of several names"},
      {"{{ x | trim(wrong=1) }}", "t:1: unsupported argument wrong of trim"},
      {"{% break %}", "t:1: break outside of a loop"},
      {"{{ 'a\\ud800' }}", "t:1: unsupported escape of a character"},
      {"{% if x %}", "t:1: missing endif"},
      {"{{ x ", "t:1: missing }}"},
      {"{# x", "t:1: missing end of comment"},
      {"{{ 'x }}", "t:1: missing end of string"},
      {"{{ ) }}", "t:1: unexpected )"},
      {"{{ 99999999999999999999 }}", "t:1: unsupported number"},
      {"{% raw %}", "t:1: missing endraw"},
      {"\xFF", "t: is not UTF-8 at byte 0"},
  };
  for (auto [source, message] : cases)
    EXPECT_THAT(rendered(source), HasSubstr(message)) << source;
}

TEST(ChatTemplate, ErrorsHaveTheLine) {
  EXPECT_EQ(rendered("\n{{ raise_exception('no ' ~ 1) }}"), "t:2: no 1");
  EXPECT_EQ(rendered("{{ 'a' + x }}"), "t:1: 'x' is undefined");
  EXPECT_THAT(rendered("{{ 'a' + m }}", R"({"m":null})"), HasSubstr("None"));
  EXPECT_THAT(rendered("{{ m }}", R"({"m":18446744073709551615})"),
              HasSubstr("64 bits"));
}

TEST(ChatTemplate, HostileTemplatesEnd) {
  std::string cases[] = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
      "{% endfor %}",
      "{% set n = namespace(s='aaaaaaaa') %}{% for a in range(99) %}"
      "{% set n.s = n.s + n.s %}{% endfor %}",
      "{% set n = namespace(s=[1]) %}{% for a in range(99) %}"
      "{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
      "{% set n = namespace(s=[1]) %}{% for a in range(9999) %}"
      "{% set n.s = [n.s] %}{% endfor %}{{ n.s }}",
      "{{ 'a' * 9999999999 }}", "{{ [1] * 9999999999 }}",
      "{% for a in range(999999999) %}{% endfor %}",
      "{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}",
      "{{ " + repeated("not ", 5000) + "1 }}", "{{ " + repeated("-", 5000) + "1 }}",
      "{{ 1" + repeated(" + 1", 5000) + " }}", "{{ x" + repeated("[0]", 5000) + " }}",
      "{{ " + repeated("[", 5000) + repeated("]", 5000) + " }}", repeated("{% if 1 %}", 5000),
      repeated("{% for a in b %}", 5000), "{{ a" + repeated(" if a", 5000) + " }}",
      "{{ x" + repeated("|trim", 5000) + " }}",
      "{{ 1 if " + repeated("1 if 1 else ", 5000) + "1 }}",
  };
  for (const std::string &source : cases)
    EXPECT_THAT(rendered(source),
                testing::AnyOf(HasSubstr("too many steps"), HasSubstr("over"),
                               HasSubstr("nested")))
        << source.substr(0, 80);
}

TEST(ChatTemplate, NamespacesMayHoldEachOther) {
  EXPECT_EQ(rendered("{% set a = namespace(x=1) %}{% set b = namespace(a=a) %}"
                     "{% set a.b = [b] %}{{ a.b[0].a.x }}"),
            "1");
}

TEST(ChatConfig, ReadsTemplateAndTokens) {
  Expected<ChatConfig> config = ChatConfig::create(
      R"({"chat_template":"{{ bos_token }}{{ eos_token }}|","bos_token":"<b>",
          "eos_token":{"content":"<e>"},"pad_token":null})");
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(rendered(*config->source, "{}", *config), "<b><e>|");
  config = ChatConfig::create(
      R"({"chat_template":[{"name":"tool_use","template":"t"},
                           {"name":"default","template":"d"}]})");
  ASSERT_TRUE(config.ok()) << config.message();
  EXPECT_EQ(*config->source, "d");
  EXPECT_FALSE(ChatConfig::create("{}")->source);
  EXPECT_FALSE(ChatConfig::create("")->source);
  EXPECT_EQ(ChatConfig::create(R"({"chat_template":1})").message(),
            "tokenizer_config.json: chat_template: expected a text or a list of "
            "named ones, got 1");
}

} // namespace
