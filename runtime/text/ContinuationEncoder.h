//===- ContinuationEncoder.h - Tokens of a text that goes on ----*- C++ -*-===//
//
// Where a context ends and its continuation begins in tokens, by the rules of
// lm-evaluation-harness (`TemplateLM._encode_pair` and `HFLM.tok_encode` of
// version 0.4.13), so that log-likelihoods can be compared with its own.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_CONTINUATIONENCODER_H
#define RUNTIME_TEXT_CONTINUATIONENCODER_H

#include "runtime/text/Tokenizer.h"

namespace dsv2 {

/// A context and the continuation behind it.
struct ContinuedTokens {
  std::vector<int32_t> tokens;
  size_t from = 0; // the continuation's first one
};

/// Bytes of `text` without the white space at its end, as Python's `rstrip`.
size_t lengthWithoutTrailingSpace(std::string_view text);

/// Borrows the tokenizer.
class ContinuationEncoder {
public:
  /// `prefix` stands for an empty context. Without `addSpecial`, texts are encoded
  /// without what the model wants around them.
  ContinuationEncoder(const Tokenizer &tokenizer, int32_t prefix,
                      bool addSpecial)
      : tokenizer(tokenizer), prefix(prefix),
        prefixText(tokenizer.decode(std::span(&prefix, 1))),
        addSpecial(addSpecial) {}

  /// A text that begins with the prefix's own text gets nothing around it.
  Expected<std::vector<int32_t>> encode(std::string_view text) const;

  /// White space at the end of the context goes over to the continuation. Both are
  /// encoded as one text, of which the context's own tokens are cut off. Before
  /// an empty context stands the prefix, unless the continuation begins with
  /// it. The continuation may come out empty.
  Expected<ContinuedTokens> encodePair(std::string_view context,
                                       std::string_view continuation) const;

private:
  const Tokenizer &tokenizer;
  int32_t prefix;
  std::string prefixText;
  bool addSpecial;
};

/// Puts `prefix` before tokens without a context, unless they begin with it.
ContinuedTokens withPrefix(std::vector<int32_t> tokens, int32_t prefix);

} // namespace dsv2

#endif // RUNTIME_TEXT_CONTINUATIONENCODER_H
