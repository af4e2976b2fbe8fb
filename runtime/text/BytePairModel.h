//===- BytePairModel.h - Pieces into tokens ---------------------*- C++ -*-===//
//
// Byte-level byte pair encoding: a piece starts as one token a byte, and the
// adjacent pair of lowest rank (the leftmost of equals) is merged until none
// is left. Time is O(n log n) in the piece.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_TEXT_BYTEPAIRMODEL_H
#define RUNTIME_TEXT_BYTEPAIRMODEL_H

#include "runtime/io/JsonCursor.h"
#include "runtime/io/Status.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsv2 {

/// From pairs of ids to what they merge into: a flat table, as it is asked once
/// for each byte of text.
class MergeTable {
public:
  struct Merge {
    uint32_t rank;
    int32_t result;
  };

  void reserve(size_t merges);
  /// Replaces an earlier merge of the same pair.
  void insert(int32_t left, int32_t right, Merge merge);
  /// Null when the pair does not merge.
  const Merge *find(int32_t left, int32_t right) const {
    if (slots.empty())
      return nullptr;
    uint64_t key = keyOf(left, right);
    for (size_t i = slotOf(key);; i = (i + 1) & (slots.size() - 1)) {
      if (slots[i].key == key)
        return &slots[i].merge;
      if (slots[i].key == unused)
        return nullptr;
    }
  }

private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  static constexpr uint64_t unused = ~uint64_t(0);
  static uint64_t keyOf(int32_t left, int32_t right) {
    return uint64_t(uint32_t(left)) << 32 | uint32_t(right);
  }
  size_t slotOf(uint64_t key) const {
    return (key * 0x9E3779B97F4A7C15u >> 20) & (slots.size() - 1);
  }

  std::vector<Slot> slots; // a power of two, at most half used
};

/// From the letters of tokens to ids, flat for the same reason: each merge of a
/// file asks three times. Borrows the list of tokens on each call.
class TokenTable {
public:
  /// Takes the tokens that are not empty.
  void build(const std::vector<std::string> &tokens);
  /// The id, or -1.
  int32_t find(std::string_view letters,
               const std::vector<std::string> &tokens) const;
  size_t size() const { return used; }

private:
  struct Slot {
    uint32_t hash;
    int32_t id; // -1: unused
  };
  std::vector<Slot> slots; // a power of two, at most half used
  size_t used = 0;
};

class BytePairModel {
public:
  /// Reads the field `model`. Type BPE; `byte_fallback`, `dropout` and
  /// subword affixes are refused.
  static Expected<BytePairModel> create(const JsonCursor &field);

  /// One more than the highest id.
  int32_t size() const { return static_cast<int32_t>(tokens.size()); }
  /// The token as the file writes it; empty when there is none.
  std::string_view letters(int32_t id) const {
    return id >= 0 && id < size() ? std::string_view(tokens[size_t(id)])
                                  : std::string_view();
  }
  /// The id of a token as the file writes it, or -1.
  int32_t find(std::string_view letters) const {
    return table.find(letters, tokens);
  }
  /// How many tokens there are.
  size_t count() const { return table.size(); }

  /// Memory of one thread's `encode`.
  class Scratch;
  /// Appends the tokens of `piece`. A byte without a token is dropped, as the
  /// reference does.
  void encode(std::string_view piece, Scratch &scratch,
              std::vector<int32_t> &ids) const;

private:
  BytePairModel() = default;
  Status readVocabulary(const JsonCursor &field);
  Status readMerges(const JsonCursor &field);
  Status checkUnknown(const JsonCursor &field) const;
  void merge(Scratch &scratch) const;
  void mergeShort(Scratch &scratch) const;
  void mergeLong(Scratch &scratch) const;

  std::vector<std::string> tokens; // letters by id; empty where there is none
  TokenTable table;
  std::array<int32_t, 256> byteTokens{}; // -1: none
  MergeTable merges;
  bool ignoreMerges = false;
};

/// A list of symbols under merging, and the tokens of recent short pieces.
class BytePairModel::Scratch {
public:
  Scratch() : cache(cacheSize) {}

private:
  friend class BytePairModel;
  static constexpr uint32_t none = ~uint32_t(0);
  struct Symbol {
    int32_t token;
    uint32_t previous, next; // `none` at the ends
    uint32_t rank;           // of merging with the next; `none` if not at all
    int32_t merged;          // the result of that
  };
  static constexpr size_t cacheSize = size_t(1) << 14;
  static constexpr size_t maxCachedBytes = 27, maxCachedTokens = 8;
  struct Cached {
    uint8_t bytes = 0, count = 0;
    char piece[maxCachedBytes];
    int32_t tokens[maxCachedTokens];
  };

  std::vector<Symbol> symbols;
  std::vector<uint64_t> queue; // rank and position, a heap
  std::vector<Cached> cache;   // by hash; a newcomer evicts
};

} // namespace dsv2

#endif // RUNTIME_TEXT_BYTEPAIRMODEL_H
