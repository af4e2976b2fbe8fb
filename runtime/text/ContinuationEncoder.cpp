//===- ContinuationEncoder.cpp - Tokens of a text that goes on ------------===//
//
// Text is UTF-8; Python counts characters where this counts bytes.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/ContinuationEncoder.h"

#include "runtime/io/Utf8.h"

#include <algorithm>

using namespace dsv2;

/// str.isspace of Python: white space by Unicode, and the separators U+001C to
/// U+001F.
static bool isPythonSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 ||
         c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

size_t dsv2::lengthWithoutTrailingSpace(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80)
      --begin;
    if (!isPythonSpace(stepUtf8(text.substr(begin, end - begin)).scalar))
      break;
    end = begin;
  }
  return end;
}

ContinuedTokens dsv2::withPrefix(std::vector<int32_t> tokens, int32_t prefix) {
  if (tokens.empty() || tokens.front() != prefix)
    tokens.insert(tokens.begin(), prefix);
  return {std::move(tokens), 1};
}

Expected<std::vector<int32_t>>
ContinuationEncoder::encode(std::string_view text) const {
  bool special = addSpecial &&
                 !(!prefixText.empty() && text.starts_with(prefixText));
  return tokenizer.encode(text, special);
}

Expected<ContinuedTokens>
ContinuationEncoder::encodePair(std::string_view context,
                                std::string_view continuation) const {
  if (context.empty()) {
    Expected<std::vector<int32_t>> tokens =
        tokenizer.encode(continuation, /*addSpecial=*/false);
    if (!tokens.ok())
      return tokens.status();
    return withPrefix(std::move(*tokens), prefix);
  }
  std::string whole(context);
  whole += continuation;
  Expected<std::vector<int32_t>> all = encode(whole);
  if (!all.ok())
    return all.status();
  Expected<std::vector<int32_t>> before =
      encode(context.substr(0, lengthWithoutTrailingSpace(context)));
  if (!before.ok())
    return before.status();
  // The context's tokens stay as they are alone, even where the whole text has
  // others there.
  ContinuedTokens split;
  split.from = before->size();
  split.tokens = std::move(*before);
  if (all->size() > split.from)
    split.tokens.insert(split.tokens.end(),
                        all->begin() + ptrdiff_t(split.from), all->end());
  // Nothing but white space, and nothing is put before texts.
  if (split.from == 0)
    return withPrefix(std::move(split.tokens), prefix);
  return split;
}
