//===- PrefixIndexTest.cpp - Pages by the tokens that they hold -----------===//
//
// Found is what was inserted, in whole pages; what nobody holds goes first, the
// longest unused of it before the rest.
//
//===----------------------------------------------------------------------===//

#include "runtime/cache/PrefixIndex.h"

#include <gtest/gtest.h>

#include <random>

using namespace dsv2::cache;

using Tokens = std::vector<int32_t>;

/// `blocks` pages of tokens, all tokens of a page alike.
static Tokens text(std::initializer_list<int32_t> blocks) {
  Tokens tokens;
  for (int32_t block : blocks)
    tokens.insert(tokens.end(), 64, block);
  return tokens;
}

/// A sequence that computed `tokens` and is done.
static void compute(PagePool &pool, PrefixIndex &index, const Tokens &tokens) {
  PageTable table;
  ASSERT_TRUE(table.grow(pool, static_cast<int64_t>(tokens.size())));
  index.insert(tokens, table);
  table.clear(pool);
}

TEST(PrefixIndex, FindsTheLongestKnownPrefix) {
  PagePool pool(8);
  PrefixIndex index(pool);
  EXPECT_TRUE(index.find(text({1})).empty());
  compute(pool, index, text({1, 2, 3}));
  EXPECT_EQ(index.find(text({1, 2, 3, 4})).size(), 3u);
  EXPECT_EQ(index.find(text({1, 2, 4})).size(), 2u);
  EXPECT_EQ(index.find(text({2})).size(), 0u);
  Tokens half = text({1, 2});
  half.pop_back();
  EXPECT_EQ(index.find(half).size(), 1u);
  half.push_back(9);
  EXPECT_EQ(index.find(half).size(), 1u);
  compute(pool, index, text({1, 5}));
  EXPECT_EQ(index.find(text({1, 5})).front(), index.find(text({1, 2})).front());
  EXPECT_EQ(pool.available(), 4);
}

TEST(PrefixIndex, ASequenceTakesTheKnownPagesForItsOwn) {
  PagePool pool(8);
  PrefixIndex index(pool);
  PageTable a, b;
  a.grow(pool, 128);
  b.grow(pool, 128);
  index.insert(text({1, 2}), a);
  index.insert(text({1, 3}), b);
  EXPECT_EQ(a.pages()[0], b.pages()[0]);
  EXPECT_NE(a.pages()[1], b.pages()[1]);
  EXPECT_EQ(pool.available(), 5);
  EXPECT_EQ(pool.idle(), 0);
  a.clear(pool);
  EXPECT_EQ(pool.idle(), 1);
  EXPECT_FALSE(index.makeRoom(7));
  EXPECT_EQ(pool.available(), 6);
  EXPECT_EQ(index.find(text({1, 3})), b.pages());
  b.clear(pool);
  EXPECT_TRUE(index.makeRoom(8));
}

TEST(PrefixIndex, GivesBackTheLongestUnused) {
  PagePool pool(6);
  PrefixIndex index(pool);
  compute(pool, index, text({1, 2}));
  compute(pool, index, text({3, 4}));
  index.find(text({1, 2}));
  EXPECT_TRUE(index.makeRoom(3));
  EXPECT_EQ(index.find(text({3, 4})).size(), 1u);
  EXPECT_EQ(index.find(text({1, 2})).size(), 2u);
  EXPECT_TRUE(index.makeRoom(4));
  EXPECT_EQ(index.find(text({3, 4})).size(), 0u);
  EXPECT_TRUE(index.makeRoom(5));
  EXPECT_EQ(index.find(text({1, 2})).size(), 1u);
}

TEST(PrefixIndex, RandomUseKeepsTheBooks) {
  std::mt19937 random(1);
  auto upTo = [&](int n) { return static_cast<int32_t>(random() % n); };
  PagePool pool(24);
  {
    PrefixIndex index(pool);
    std::vector<PageTable> tables(3);
    std::vector<Tokens> texts(3);
    for (int round = 0; round < 3000; ++round) {
      size_t i = size_t(upTo(3));
      tables[i].clear(pool);
      texts[i].clear();
      for (int32_t n = upTo(7); n > 0; --n) {
        Tokens block = text({upTo(2)});
        texts[i].insert(texts[i].end(), block.begin(), block.end());
      }
      tables[i].share(pool, index.find(texts[i]));
      int64_t length = static_cast<int64_t>(texts[i].size());
      int64_t missing = length / 64 - static_cast<int64_t>(tables[i].pages().size());
      // Three texts of six pages fit whatever the index keeps.
      ASSERT_TRUE(index.makeRoom(missing));
      ASSERT_TRUE(tables[i].grow(pool, length));
      index.insert(texts[i], tables[i]);
      for (size_t j = 0; j < 3; ++j)
        ASSERT_EQ(index.find(texts[j]), tables[j].pages());
    }
    for (PageTable &table : tables)
      table.clear(pool);
  }
  EXPECT_EQ(pool.available(), 24);
}
