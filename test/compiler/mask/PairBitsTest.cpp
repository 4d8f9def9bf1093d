// SPDX-License-Identifier: Apache-2.0
// Are pairs found and counted as one would one by one, across the words they are kept in?
#include "compiler/mask/PairBits.h"
#include <gtest/gtest.h>
#include <random>

using attune::mask::PairBits;

namespace {

std::optional<int64_t> findOneByOne(const PairBits &pairs, int64_t query, int64_t first,
                                    int64_t last, bool visible) {
  for (int64_t key = first; key <= last; ++key)
    if (pairs(query, key) == visible)
      return key;
  return std::nullopt;
}

} // namespace

TEST(PairBits, FindsTheFirstOfAStretch) {
  std::mt19937_64 random(7);
  for (int64_t keys : {1, 63, 64, 65, 200})
    for (unsigned rarity : {2, 60}) {
      PairBits pairs(3, keys);
      bool common = random() % 2;
      for (int64_t query = 0; query < 3; ++query)
        for (int64_t key = 0; key < keys; ++key)
          pairs.set(query, key, (random() % rarity != 0) == common);
      for (int64_t query = 0; query < 3; ++query)
        for (int64_t first = 0; first < keys; ++first)
          for (int64_t last = first - 1; last < keys; ++last)
            for (bool visible : {true, false})
              ASSERT_EQ(pairs.find(query, first, last, visible),
                        findOneByOne(pairs, query, first, last, visible))
                  << keys << " keys, " << first << " .. " << last;
    }
}

TEST(PairBits, CountsWhatIsVisibleAndForgetsWhatIsSetAgain) {
  PairBits pairs(2, 130);
  for (int64_t key : {0, 63, 64, 127, 128, 129})
    pairs.set(1, key, true);
  EXPECT_EQ(pairs.count(0), 0);
  EXPECT_EQ(pairs.count(1), 6);
  pairs.set(1, 64, false);
  EXPECT_EQ(pairs.count(1), 5);
  EXPECT_FALSE(pairs(1, 64));
}
