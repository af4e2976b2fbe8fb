//===- Tokenizer.h - Text to ids and back -----------------------*- C++ -*-===//
//
// What a Hugging Face `tokenizer.json` with byte-level BPE means (specification
// section 5), id for id as the Python package `tokenizers` reads it. Anything
// in the file that would change ids and is not supported is refused by name
// when the tokenizer is made.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_TOKENIZER_H
#define RUNTIME_TEXT_TOKENIZER_H

#include "runtime/io/Status.h"
#include "runtime/text/Utf8Stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsv2 {

/// Const use is thread-safe.
class Tokenizer {
public:
  /// From the text of `tokenizer.json` and, unless empty, of
  /// `tokenizer_config.json`. What begins raw text is, in this order: the
  /// config's `add_bos_token` with its `bos_token`; else the file's
  /// post-processor. Neither text is kept.
  static Expected<Tokenizer> create(std::string_view tokenizerJson,
                                    std::string_view configJson = {});
  Tokenizer(Tokenizer &&) noexcept;
  Tokenizer &operator=(Tokenizer &&) noexcept;
  ~Tokenizer();

  /// The ids of `text`, which must be valid UTF-8. With `addSpecial`, what the
  /// model wants around raw text (bos) is added; templated text brings its own.
  Expected<std::vector<int32_t>> encode(std::string_view text,
                                        bool addSpecial = true) const;

  /// The text of `ids`. Ids without a token are empty; bytes that are no UTF-8
  /// become U+FFFD; with `skipSpecial`, special tokens are left out.
  std::string decode(std::span<const int32_t> ids,
                     bool skipSpecial = false) const;

  /// The bytes that `id` stands for, empty when there is no such token. The
  /// view lives as long as the tokenizer.
  std::string_view bytes(int32_t id) const;
  bool isSpecial(int32_t id) const;
  /// The id of a token by its content as written in the file.
  std::optional<int32_t> find(std::string_view token) const;
  /// One more than the highest id that has a token.
  int32_t size() const;

  /// What `encode` puts before and after raw text.
  std::span<const int32_t> prefix() const;
  std::span<const int32_t> suffix() const;

private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

/// Decodes tokens as they are generated; the results joined equal
/// `Tokenizer::decode`. Never splits a character. Borrows the tokenizer.
class TokenStream {
public:
  explicit TokenStream(const Tokenizer &tokenizer, bool skipSpecial = false)
      : tokenizer(tokenizer), skipSpecial(skipSpecial) {}

  std::string push(int32_t id) {
    if (skipSpecial && tokenizer.isSpecial(id))
      return {};
    return stream.push(tokenizer.bytes(id));
  }
  std::string finish() { return stream.finish(); }

private:
  const Tokenizer &tokenizer;
  bool skipSpecial;
  Utf8Stream stream;
};

} // namespace dsv2

#endif // RUNTIME_TEXT_TOKENIZER_H
