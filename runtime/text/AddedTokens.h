//===- AddedTokens.h - Tokens found before splitting ------------*- C++ -*-===//
//
// The `added_tokens` of a tokenizer file: texts that become one token wherever
// they occur, special (hidden when decoding) or not. Found leftmost, longest
// first, as the reference does: tokens that skip normalization before the rest.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_ADDEDTOKENS_H
#define RUNTIME_TEXT_ADDEDTOKENS_H

#include "runtime/text/BytePairModel.h"

#include <map>
#include <array>

namespace dsv2 {

struct AddedToken {
  int32_t id = 0;
  std::string content; // not empty
  bool special = false;
  bool singleWord = false; // not inside a word
  bool leftStrip = false;  // takes the spaces before it
  bool rightStrip = false; // takes the spaces after it
  bool normalized = true;
};

class AddedTokens {
public:
  /// Reads the field `added_tokens`, which may be absent. Ids must be those
  /// that the reference gives: the model's, else the next unused ones in order.
  static Expected<AddedTokens> create(const JsonCursor &field,
                                      const BytePairModel &model);

  /// Null when `id` is none of them.
  const AddedToken *find(int32_t id) const;
  const AddedToken *find(std::string_view content) const;
  /// One more than the highest id; 0 when there are none.
  int32_t size() const;

  /// Calls `takeText(part)` and `takeToken(id)` for the parts of `text` in
  /// order.
  template <typename TakeText, typename TakeToken>
  void split(std::string_view text, TakeText &&takeText,
             TakeToken &&takeToken) const {
    for (const Part &outer : findParts(text, verbatim)) {
      if (outer.token >= 0) {
        takeToken(outer.token);
        continue;
      }
      for (const Part &part : findParts(outer.text, afterNormalizing))
        if (part.token >= 0)
          takeToken(part.token);
        else
          takeText(part.text);
    }
  }

private:
  struct Part {
    std::string_view text;
    int32_t token; // -1: text
  };
  /// A tree over the bytes of the contents.
  struct Trie {
    struct Node {
      std::map<unsigned char, uint32_t> children;
      int32_t token = -1;
    };
    std::vector<Node> nodes;
    std::array<bool, 256> starts{};

    void insert(const AddedToken &token);
    /// The longest token that `text` begins with, or -1.
    int32_t longest(std::string_view text) const;
  };

  static Expected<AddedToken> readToken(const JsonCursor &field);
  std::vector<Part> findParts(std::string_view text, const Trie &trie) const;

  std::map<int32_t, AddedToken> byId;
  std::map<std::string, int32_t, std::less<>> byContent;
  Trie verbatim;         // normalized is false
  Trie afterNormalizing; // normalized is true
};

} // namespace dsv2

#endif // RUNTIME_TEXT_ADDEDTOKENS_H
