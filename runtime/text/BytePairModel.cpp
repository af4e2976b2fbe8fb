//===- BytePairModel.cpp - Pieces into tokens -----------------------------===//
//
// The merge loop. Short pieces, nearly all of them, are scanned for the lowest
// rank; long ones keep the ranks in a heap, from which stale entries are
// dropped when they surface.
//
//===----------------------------------------------------------------------===//

#include "runtime/text/BytePairModel.h"

#include "runtime/text/ByteAlphabet.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

using namespace dsv2;

void MergeTable::reserve(size_t merges) {
  slots.assign(std::bit_ceil(std::max<size_t>(16, 2 * merges)),
               Slot{unused, {}});
}

void MergeTable::insert(int32_t left, int32_t right, Merge merge) {
  uint64_t key = keyOf(left, right);
  size_t i = slotOf(key);
  while (slots[i].key != unused && slots[i].key != key)
    i = (i + 1) & (slots.size() - 1);
  slots[i] = Slot{key, merge};
}

void TokenTable::build(const std::vector<std::string> &tokens) {
  slots.assign(std::bit_ceil(std::max<size_t>(16, 2 * tokens.size())),
               Slot{0, -1});
  used = 0;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty())
      continue;
    size_t hash = std::hash<std::string_view>()(tokens[id]);
    size_t i = hash & (slots.size() - 1);
    while (slots[i].id >= 0)
      i = (i + 1) & (slots.size() - 1);
    slots[i] = {static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(id)};
    ++used;
  }
}

int32_t TokenTable::find(std::string_view letters,
                         const std::vector<std::string> &tokens) const {
  if (slots.empty())
    return -1;
  size_t hash = std::hash<std::string_view>()(letters);
  for (size_t i = hash & (slots.size() - 1); slots[i].id >= 0;
       i = (i + 1) & (slots.size() - 1))
    if (slots[i].hash == static_cast<uint32_t>(hash >> 32) &&
        tokens[static_cast<size_t>(slots[i].id)] == letters)
      return slots[i].id;
  return -1;
}

void BytePairModel::encode(std::string_view piece, Scratch &scratch,
                           std::vector<int32_t> &ids) const {
  if (piece.size() == 1) {
    int32_t token = byteTokens[static_cast<unsigned char>(piece[0])];
    if (token >= 0)
      ids.push_back(token);
    return;
  }
  Scratch::Cached *cached = nullptr;
  if (piece.size() <= Scratch::maxCachedBytes) {
    cached = &scratch.cache[std::hash<std::string_view>()(piece) &
                            (Scratch::cacheSize - 1)];
    if (cached->bytes == piece.size() &&
        memcmp(cached->piece, piece.data(), piece.size()) == 0) {
      ids.insert(ids.end(), cached->tokens, cached->tokens + cached->count);
      return;
    }
  }

  size_t before = ids.size();
  int32_t whole = ignoreMerges ? find(lettersOfBytes(piece)) : -1;
  if (whole >= 0) {
    ids.push_back(whole);
  } else {
    scratch.symbols.clear();
    for (char byte : piece) {
      int32_t token = byteTokens[static_cast<unsigned char>(byte)];
      if (token >= 0)
        scratch.symbols.push_back(
            {token, 0, 0, Scratch::none, 0});
    }
    if (!scratch.symbols.empty()) {
      merge(scratch);
      for (uint32_t i = 0; i != Scratch::none; i = scratch.symbols[i].next)
        ids.push_back(scratch.symbols[i].token);
    }
  }

  size_t count = ids.size() - before;
  if (cached && count <= Scratch::maxCachedTokens) {
    cached->bytes = static_cast<uint8_t>(piece.size());
    cached->count = static_cast<uint8_t>(count);
    memcpy(cached->piece, piece.data(), piece.size());
    std::copy(ids.begin() + ptrdiff_t(before), ids.end(), cached->tokens);
  }
}

void BytePairModel::merge(Scratch &scratch) const {
  std::vector<Scratch::Symbol> &symbols = scratch.symbols;
  uint32_t count = static_cast<uint32_t>(symbols.size());
  for (uint32_t i = 0; i < count; ++i) {
    symbols[i].previous = i == 0 ? Scratch::none : i - 1;
    symbols[i].next = i + 1 == count ? Scratch::none : i + 1;
    if (i + 1 == count)
      continue;
    if (const MergeTable::Merge *found =
            merges.find(symbols[i].token, symbols[i + 1].token)) {
      symbols[i].rank = found->rank;
      symbols[i].merged = found->result;
    }
  }
  constexpr uint32_t maxScanned = 32;
  if (count <= maxScanned)
    mergeShort(scratch);
  else
    mergeLong(scratch);
}

namespace {

/// Merges the symbol at `i` with the next one and renews the two ranks that
/// this changes.
template <typename Symbol>
void mergeAt(std::vector<Symbol> &symbols, uint32_t i,
             const MergeTable &merges) {
  constexpr uint32_t none = ~uint32_t(0);
  auto renew = [&](Symbol &left) {
    left.rank = none;
    if (left.next == none)
      return;
    if (const MergeTable::Merge *found =
            merges.find(left.token, symbols[left.next].token)) {
      left.rank = found->rank;
      left.merged = found->result;
    }
  };
  Symbol &symbol = symbols[i];
  Symbol &gone = symbols[symbol.next];
  symbol.token = symbol.merged;
  symbol.next = gone.next;
  gone.rank = none;
  if (symbol.next != none)
    symbols[symbol.next].previous = i;
  renew(symbol);
  if (symbol.previous != none)
    renew(symbols[symbol.previous]);
}

} // namespace

void BytePairModel::mergeShort(Scratch &scratch) const {
  std::vector<Scratch::Symbol> &symbols = scratch.symbols;
  while (true) {
    uint32_t best = 0;
    for (uint32_t i = 0; i != Scratch::none; i = symbols[i].next)
      if (symbols[i].rank < symbols[best].rank)
        best = i;
    if (symbols[best].rank == Scratch::none)
      return;
    mergeAt(symbols, best, merges);
  }
}

void BytePairModel::mergeLong(Scratch &scratch) const {
  std::vector<Scratch::Symbol> &symbols = scratch.symbols;
  std::vector<uint64_t> &queue = scratch.queue;
  auto entryOf = [&](uint32_t i) {
    return uint64_t(symbols[i].rank) << 32 | i;
  };
  queue.clear();
  for (uint32_t i = 0; i < symbols.size(); ++i)
    if (symbols[i].rank != Scratch::none)
      queue.push_back(entryOf(i));
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  auto push = [&](uint32_t i) {
    if (i == Scratch::none || symbols[i].rank == Scratch::none)
      return;
    queue.push_back(entryOf(i));
    std::push_heap(queue.begin(), queue.end(), std::greater<>());
  };
  while (!queue.empty()) {
    uint64_t entry = queue.front();
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    queue.pop_back();
    uint32_t i = static_cast<uint32_t>(entry);
    // Stale when the symbol has since merged and so has another rank or none.
    if (entryOf(i) != entry)
      continue;
    mergeAt(symbols, i, merges);
    push(i);
    push(symbols[i].previous);
  }
}
