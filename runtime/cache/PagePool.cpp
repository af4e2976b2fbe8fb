//===- PagePool.cpp - Which cache pages are free --------------------------===//
//
// A heap of free numbers, and for each page how many hold it and whether one
// keeps it.
//
//===----------------------------------------------------------------------===//

#include "runtime/cache/PagePool.h"

#include "runtime/abi/Module.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace dsv2::cache {

PagePool::PagePool(int32_t pages) : free(pages), holders(pages) {
  std::iota(free.begin(), free.end(), 0); // ascending: already a heap
}

std::optional<int32_t> PagePool::allocate() {
  if (free.empty())
    return std::nullopt;
  std::pop_heap(free.begin(), free.end(), std::greater<>());
  int32_t page = free.back();
  free.pop_back();
  holders[page].count = 1;
  return page;
}

void PagePool::retain(int32_t page) {
  idlePages -= isIdle(page);
  ++holders[page].count;
}

void PagePool::keep(int32_t page) {
  retain(page);
  holders[page].kept = true;
}

void PagePool::dropKept(int32_t page) {
  idlePages -= isIdle(page);
  holders[page].kept = false;
  release(page);
}

void PagePool::release(int32_t page) {
  if (--holders[page].count > 0) {
    idlePages += isIdle(page);
    return;
  }
  free.push_back(page);
  std::push_heap(free.begin(), free.end(), std::greater<>());
}

bool PageTable::grow(PagePool &pool, int64_t tokens) {
  while (static_cast<int64_t>(list.size()) < pagesFor(tokens)) {
    std::optional<int32_t> page = pool.allocate();
    if (!page)
      return false;
    list.push_back(*page);
  }
  return true;
}

void PageTable::share(PagePool &pool, std::span<const int32_t> shared) {
  for (int32_t page : shared)
    pool.retain(page);
  list.assign(shared.begin(), shared.end());
}

void PageTable::exchange(PagePool &pool, size_t at, int32_t shared) {
  pool.retain(shared);
  pool.release(list[at]);
  list[at] = shared;
}

void PageTable::clear(PagePool &pool) {
  for (int32_t page : list)
    pool.release(page);
  list.clear();
}

int64_t pagesFor(int64_t tokens) {
  return (tokens + DSV2_PAGE_TOKENS - 1) / DSV2_PAGE_TOKENS;
}

} // namespace dsv2::cache
