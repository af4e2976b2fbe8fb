//===- PagePool.h - Which cache pages are free ------------------*- C++ -*-===//
//
// Bookkeeping of the latent cache, which is a memory of
// [layers][pages][64][row] elements: a page number stands for its 64 token
// slots in every layer. A page may have several holders, who then only read it.
// Knows nothing of what a page holds.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_CACHE_PAGEPOOL_H
#define RUNTIME_CACHE_PAGEPOOL_H

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dsv2::cache {

class PagePool {
public:
  explicit PagePool(int32_t pages);

  /// The free page with the lowest number, so that a run is repeatable. It has
  /// one holder.
  std::optional<int32_t> allocate();
  /// One more holder of a page that has some.
  void retain(int32_t page);
  /// One holder less; the page is free when none is left.
  void release(int32_t page);
  /// One more holder of a page that has some, who keeps it for whoever may want
  /// it again; at most one of a page does.
  void keep(int32_t page);
  /// That holder less.
  void dropKept(int32_t page);

  int32_t pages() const { return static_cast<int32_t>(holders.size()); }
  int32_t available() const { return static_cast<int32_t>(free.size()); }
  /// Pages that have no holder but the one who keeps them.
  int32_t idle() const { return idlePages; }
  bool isIdle(int32_t page) const {
    return holders[page].kept && holders[page].count == 1;
  }
  int32_t holdersOf(int32_t page) const {
    return static_cast<int32_t>(holders[page].count);
  }

private:
  struct Holders {
    uint32_t count : 31 = 0;
    uint32_t kept : 1 = 0;
  };
  std::vector<int32_t> free;    // a heap, lowest first
  std::vector<Holders> holders; // of each page
  int32_t idlePages = 0;
};

/// The pages of one sequence, in the order of its tokens. Owned by the caller,
/// who gives the pages back with `clear`.
class PageTable {
public:
  /// Takes pages until `tokens` tokens fit. False when the pool runs out; the
  /// pages taken so far are kept.
  bool grow(PagePool &pool, int64_t tokens);
  /// Becomes one more holder of `shared`, full pages; the table is empty before.
  void share(PagePool &pool, std::span<const int32_t> shared);
  /// Holds `shared` in place of page `at` from now on.
  void exchange(PagePool &pool, size_t at, int32_t shared);
  /// Gives all pages back.
  void clear(PagePool &pool);

  const std::vector<int32_t> &pages() const { return list; }

private:
  std::vector<int32_t> list;
};

/// Pages that hold `tokens` tokens.
int64_t pagesFor(int64_t tokens);

} // namespace dsv2::cache

#endif // RUNTIME_CACHE_PAGEPOOL_H
