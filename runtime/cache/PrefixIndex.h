//===- PrefixIndex.h - Pages by the tokens that they hold -------*- C++ -*-===//
//
// Remembers full pages of the cache by their tokens and all tokens before them,
// so that texts that begin alike compute what they have in common once. A tree:
// each node is one page of 64 tokens, its parent the page before.
//
// The index keeps its pages (PagePool::keep). Those that nobody else holds, the
// idle ones, are its to give back; the least recently used goes first.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CACHE_PREFIXINDEX_H
#define RUNTIME_CACHE_PREFIXINDEX_H

#include "runtime/cache/PagePool.h"

#include <list>
#include <memory>

namespace dsv2::cache {

class PrefixIndex {
public:
  explicit PrefixIndex(PagePool &pool);
  ~PrefixIndex();
  PrefixIndex(const PrefixIndex &) = delete;
  PrefixIndex &operator=(const PrefixIndex &) = delete;

  /// The pages of the longest known prefix of `tokens`, and marks them as used.
  std::vector<int32_t> find(std::span<const int32_t> tokens);
  /// Remembers the full pages of a sequence whose first tokens in the cache are
  /// `tokens`. What was known already keeps its pages, and the sequence then
  /// takes those in place of its own.
  void insert(std::span<const int32_t> tokens, PageTable &table);
  /// Gives back pages that nobody else holds until the pool has `wanted` free
  /// ones. False when it cannot; it has then given back all.
  bool makeRoom(int64_t wanted);

private:
  struct Node;

  Node *findChild(Node &parent, std::span<const int32_t> block);
  /// Marks a node and all before it as used, the node itself first.
  void touch(Node *node);
  void forget(Node *node);

  PagePool &pool;
  std::unique_ptr<Node> root; // has no page
  std::list<Node *> byUse;    // least recently used first
};

} // namespace dsv2::cache

#endif // RUNTIME_CACHE_PREFIXINDEX_H
