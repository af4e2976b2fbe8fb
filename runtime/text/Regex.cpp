//===- Regex.cpp - Patterns of tokenizer files ----------------------------===//
//
// The choice of the method, and PCRE2. Its just-in-time code is used where the
// system allows writable and then executable memory, its interpreter elsewhere.
//
//===----------------------------------------------------------------------===//

#define PCRE2_CODE_UNIT_WIDTH 8

#include "runtime/text/Regex.h"

#include <algorithm>
#include <new>
#include <pcre2.h>

using namespace dsv2;

namespace {

constexpr size_t maxPatternBytes = size_t(1) << 16;
constexpr size_t maxJitStack = size_t(1) << 20;
constexpr uint32_t maxHeapKiB = 64 << 10; // of the interpreter, for each match

std::string describeError(int code) {
  PCRE2_UCHAR buffer[200];
  if (pcre2_get_error_message(code, buffer, sizeof buffer) < 0)
    return "error " + std::to_string(code);
  return reinterpret_cast<const char *>(buffer);
}

} // namespace

void Regex::Release::operator()(void *code) const {
  pcre2_code_free(static_cast<pcre2_code *>(code));
}

void RegexScratch::ReleaseData::operator()(void *data) const {
  pcre2_match_data_free(static_cast<pcre2_match_data *>(data));
}

void RegexScratch::ReleaseContext::operator()(void *context) const {
  pcre2_match_context_free(static_cast<pcre2_match_context *>(context));
}

void RegexScratch::ReleaseStack::operator()(void *stack) const {
  pcre2_jit_stack_free(static_cast<pcre2_jit_stack *>(stack));
}

Expected<Regex> Regex::compile(std::string_view pattern, RegexMethod method) {
  if (pattern.size() > maxPatternBytes)
    return Status::error("expected a pattern of at most " +
                         std::to_string(maxPatternBytes) + " bytes, got " +
                         std::to_string(pattern.size()));
  Expected<RegexNode> node = parseRegex(pattern);
  if (!node.ok())
    return node.status();
  return compile(*node, std::string(pattern), method);
}

Expected<Regex> Regex::compile(const RegexNode &node, std::string source,
                               RegexMethod method) {
  Regex regex;
  regex.source = std::move(source);
  if (method == RegexMethod::Best)
    regex.automaton = RegexAutomaton::create(node);
  if (regex.automaton)
    return regex;

  std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context *)>
      context(pcre2_compile_context_create(nullptr),
              pcre2_compile_context_free);
  if (!context)
    return Status::error("out of memory");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error;
  PCRE2_SIZE place;
  std::string translated = writePcre2(node);
  regex.code.reset(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
      PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
      &place, context.get()));
  if (!regex.code)
    return Status::error("invalid pattern: " + describeError(error));
  // Without executable memory this fails and matching interprets.
  pcre2_jit_compile(static_cast<pcre2_code *>(regex.code.get()),
                    PCRE2_JIT_COMPLETE);
  return regex;
}

RegexScratch::RegexScratch(const Regex &regex) {
  if (!regex.code)
    return;
  stack.reset(pcre2_jit_stack_create(32 << 10, maxJitStack, nullptr));
  context.reset(pcre2_match_context_create(nullptr));
  data.reset(pcre2_match_data_create_from_pattern(
      static_cast<pcre2_code *>(regex.code.get()), nullptr));
  if (!context || !data)
    return; // RegexMatches says so
  auto *matchContext = static_cast<pcre2_match_context *>(context.get());
  pcre2_set_heap_limit(matchContext, maxHeapKiB);
  if (stack)
    pcre2_jit_stack_assign(matchContext, nullptr, stack.get());
}

bool RegexMatches::nextByBacktracking() {
  auto *code = static_cast<pcre2_code *>(regex.code.get());
  auto *data = static_cast<pcre2_match_data *>(scratch.data.get());
  auto *context = static_cast<pcre2_match_context *>(scratch.context.get());
  if (!data || !context) {
    failure = Status::error("out of memory");
    return false;
  }
  auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  // A linear scan of the text and its way back must fit; exponential patterns
  // must not take long.
  pcre2_set_match_limit(context,
                        uint32_t(std::min<uint64_t>(
                            10'000'000 + 4 * uint64_t(text.size()), UINT32_MAX)));
  while (start <= text.size()) {
    int count = pcre2_match(code, subject, text.size(), start,
                            PCRE2_NO_UTF_CHECK, data, context);
    if (count == PCRE2_ERROR_JIT_STACKLIMIT)
      count = pcre2_match(code, subject, text.size(), start,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context);
    if (count == PCRE2_ERROR_NOMATCH)
      return false;
    if (count < 0) {
      failure = Status::error("pattern " + regex.source.substr(0, 60) +
                              " gave up: " + describeError(count));
      return false;
    }
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(data);
    size_t from = span[0], to = span[1];
    if (from > to || to > text.size()) {
      failure = Status::error("pattern " + regex.source.substr(0, 60) +
                              " matches backwards");
      return false;
    }
    if (from == to && matchedBefore && last == to) {
      do
        ++start;
      while (start < text.size() &&
             (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80);
      continue;
    }
    first = from;
    last = to;
    start = to;
    matchedBefore = true;
    return true;
  }
  return false;
}
