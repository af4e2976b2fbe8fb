//===- PagePoolTest.cpp - Taking and giving pages -------------------------===//
//
// No page has two owners; the lowest free one is taken.
//
//===----------------------------------------------------------------------===//

#include "runtime/cache/PagePool.h"

#include <gtest/gtest.h>

using namespace dsv2::cache;

TEST(PagePool, TakesTheLowestFreePage) {
  PagePool pool(3);
  EXPECT_EQ(pool.allocate(), 0);
  EXPECT_EQ(pool.allocate(), 1);
  EXPECT_EQ(pool.allocate(), 2);
  EXPECT_EQ(pool.allocate(), std::nullopt);
  pool.release(2);
  pool.release(0);
  EXPECT_EQ(pool.available(), 2);
  EXPECT_EQ(pool.allocate(), 0);
  EXPECT_EQ(pool.allocate(), 2);
}

TEST(PagePool, CountsPagesThatAreOnlyKept) {
  PagePool pool(2);
  pool.allocate();
  pool.keep(0);
  EXPECT_EQ(pool.holdersOf(0), 2);
  EXPECT_EQ(pool.idle(), 0);
  pool.release(0);
  EXPECT_EQ(pool.idle(), 1);
  EXPECT_TRUE(pool.isIdle(0));
  pool.retain(0);
  EXPECT_EQ(pool.idle(), 0);
  pool.dropKept(0);
  EXPECT_EQ(pool.idle(), 0);
  pool.release(0);
  EXPECT_EQ(pool.available(), 2);
  pool.allocate();
  EXPECT_FALSE(pool.isIdle(0));
  pool.keep(0);
  pool.release(0);
  pool.dropKept(0);
  EXPECT_EQ(pool.idle(), 0);
  EXPECT_EQ(pool.available(), 2);
}

TEST(PageTable, GrowsByWholePages) {
  PagePool pool(3);
  PageTable a, b;
  EXPECT_TRUE(a.grow(pool, 64));
  EXPECT_TRUE(b.grow(pool, 1));
  EXPECT_TRUE(a.grow(pool, 65));
  EXPECT_EQ(a.pages(), (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(b.pages(), (std::vector<int32_t>{1}));
  EXPECT_FALSE(b.grow(pool, 65));
  EXPECT_TRUE(b.grow(pool, 64));
  a.clear(pool);
  EXPECT_TRUE(b.grow(pool, 192));
  EXPECT_EQ(b.pages(), (std::vector<int32_t>{1, 0, 2}));
}
