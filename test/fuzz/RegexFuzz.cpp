//===- RegexFuzz.cpp - Any pattern on any text ----------------------------===//
//
// A pattern and a text, separated by a newline: an automaton, where there is
// one, matches as PCRE2 does.
//
//===----------------------------------------------------------------------===//

#include "runtime/io/Utf8.h"
#include "runtime/text/Regex.h"
#include "test/fuzz/Expect.h"

#include <vector>

using namespace dsv2;

using Spans = std::vector<std::pair<size_t, size_t>>;

/// False when the search gave up.
static bool search(const Regex &regex, std::string_view text, Spans &spans) {
  RegexScratch scratch(regex);
  RegexMatches matches(regex, scratch, text);
  while (matches.next())
    spans.emplace_back(matches.begin(), matches.end());
  return matches.status().ok();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t line = input.find('\n');
  // PCRE2 is exponential in some; longer inputs show nothing else.
  if (line == input.npos || line > 100 || size > 300 ||
      findInvalidUtf8(input) != input.npos)
    return 0;
  std::string_view text = input.substr(line + 1);
  Expected<Regex> best = Regex::compile(input.substr(0, line));
  if (refused(best))
    return 0;
  Expected<Regex> backtracking =
      Regex::compile(input.substr(0, line), RegexMethod::Backtracking);
  if (!backtracking.ok()) // over PCRE2's own limits
    return 0;
  Spans found, wanted;
  if (search(*best, text, found) && search(*backtracking, text, wanted))
    expect(found == wanted, "both methods find the same");
  return 0;
}
