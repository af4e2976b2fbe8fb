//===- PrefixIndex.cpp - Pages by the tokens that they hold ---------------===//
//
// A node is used whenever one below it is, and counts as used after it; who holds
// its page holds all before it, too. In the order of use, what nobody else holds
// therefore begins with a leaf.
//
//===----------------------------------------------------------------------===//

#include "runtime/cache/PrefixIndex.h"

#include "runtime/abi/Module.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace dsv2::cache {

static constexpr size_t Block = DSV2_PAGE_TOKENS;

/// FNV-1a; equal hashes are compared token by token.
static uint64_t hashOf(std::span<const int32_t> block) {
  uint64_t hash = 0xcbf29ce484222325;
  for (int32_t token : block)
    hash = (hash ^ static_cast<uint32_t>(token)) * 0x100000001b3;
  return hash;
}

struct PrefixIndex::Node {
  Node *parent = nullptr;
  int32_t page = -1;
  std::array<int32_t, Block> tokens;
  std::unordered_multimap<uint64_t, std::unique_ptr<Node>> children;
  std::list<Node *>::iterator place; // in `byUse`
};

PrefixIndex::PrefixIndex(PagePool &pool)
    : pool(pool), root(std::make_unique<Node>()) {}

PrefixIndex::~PrefixIndex() {
  for (Node *node : byUse)
    pool.dropKept(node->page);
}

PrefixIndex::Node *PrefixIndex::findChild(Node &parent,
                                          std::span<const int32_t> block) {
  auto [at, end] = parent.children.equal_range(hashOf(block));
  for (; at != end; ++at)
    if (std::equal(block.begin(), block.end(), at->second->tokens.begin()))
      return at->second.get();
  return nullptr;
}

void PrefixIndex::touch(Node *node) {
  for (; node != root.get(); node = node->parent)
    byUse.splice(byUse.end(), byUse, node->place);
}

std::vector<int32_t> PrefixIndex::find(std::span<const int32_t> tokens) {
  std::vector<int32_t> pages;
  Node *node = root.get();
  for (; tokens.size() >= Block; tokens = tokens.subspan(Block)) {
    Node *next = findChild(*node, tokens.first(Block));
    if (!next)
      break;
    node = next;
    pages.push_back(node->page);
  }
  touch(node);
  return pages;
}

void PrefixIndex::insert(std::span<const int32_t> tokens,
                         PageTable &table) {
  Node *node = root.get();
  for (size_t i = 0; tokens.size() >= Block; ++i) {
    std::span<const int32_t> block = tokens.first(Block);
    tokens = tokens.subspan(Block);
    Node *next = findChild(*node, block);
    int32_t page = table.pages()[i];
    if (next && next->page != page) {
      table.exchange(pool, i, next->page);
    } else if (!next) {
      auto made = std::make_unique<Node>();
      next = made.get();
      next->parent = node;
      next->page = page;
      std::copy(block.begin(), block.end(), next->tokens.begin());
      next->place = byUse.insert(byUse.end(), next);
      pool.keep(page);
      node->children.emplace(hashOf(block), std::move(made));
    }
    node = next;
  }
  touch(node);
}

void PrefixIndex::forget(Node *node) {
  pool.dropKept(node->page);
  byUse.erase(node->place);
  auto &siblings = node->parent->children;
  auto [at, end] = siblings.equal_range(hashOf(node->tokens));
  siblings.erase(std::find_if(
      at, end, [&](const auto &entry) { return entry.second.get() == node; }));
}

bool PrefixIndex::makeRoom(int64_t wanted) {
  auto at = byUse.begin();
  while (pool.available() < wanted && pool.idle() > 0) {
    Node *node = *at++;
    if (pool.isIdle(node->page))
      forget(node);
  }
  return pool.available() >= wanted;
}

} // namespace dsv2::cache
