// SPDX-License-Identifier: Apache-2.0
// Does the host list the keys of each row in order, as many as there is memory for, and write nothing else?
#include "test/compiler/target/AppendText.h"
#include "test/compiler/target/host/HostHarness.h"

#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

void check(const AppendSample &sample, HostLevel level) {
  constexpr int64_t batches = 2, heads = 2;
  constexpr double untouched = -77;
  // A row and an entry more than the kernel is told of; entries are not neighbours.
  std::vector<int64_t> sizes = {batches, heads, sample.rows + 1, sample.entries + 1};
  Tensor count(Dtype::I32, {batches, heads, sample.rows + 1});
  Tensor list(Dtype::I32, sizes, {0, 2, 1, 3}, 2), values(Dtype::F32, sizes);
  count.fillWith(untouched);
  list.fillWith(untouched);
  values.fillWith(untouched);
  Tensor toldCount = count, toldList = list, toldValues = values;
  toldCount.shape[2] = toldList.shape[2] = toldValues.shape[2] = sample.rows;
  toldList.shape[3] = toldValues.shape[3] = sample.entries;
  std::string text = appendText(sample.shape);
  SCOPED_TRACE(getHostFacts(level).name + (":" + text));
  Kernel(text, level)
      .run({{"count", toldCount}, {"list", toldList}, {"values", toldValues}},
           {{"m", double(sample.m)}, {"keys", double(sample.keys)}});
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t row = 0; row <= sample.rows; ++row) {
        bool exists = row < sample.rows;
        std::vector<int64_t> expected =
            exists ? listOf(row, sample.keys, sample.m) : std::vector<int64_t>();
        ASSERT_EQ(count.get({b, h, row}), exists ? double(expected.size()) : untouched) << row;
        for (int64_t e = 0; e <= sample.entries; ++e) {
          bool isEntry = e < sample.entries && e < int64_t(expected.size());
          ASSERT_EQ(list.get({b, h, row, e}), isEntry ? double(expected[size_t(e)]) : untouched)
              << row << " " << e;
          bool hasValue = isEntry && sample.shape.hasValues;
          ASSERT_EQ(values.get({b, h, row, e}),
                    hasValue ? listedValue(row, expected[size_t(e)]) : untouched)
              << row << " " << e;
        }
      }
}

TEST(HostAppend, ListsAsManyKeysAsThereIsMemoryFor) {
  for (HostLevel level : getRunnableLevels())
    for (const AppendSample &sample :
         std::vector<AppendSample>{{{16, 32, 1, true}, 37, 100, 20, 11},
                                   {{16, 32, 1, false}, 16, 33, 40, 3},
                                   {{8, 16, 1, true}, 1, 5, 1, 2},
                                   {{16, 16, 1, true}, 5, 70, 0, 9},
                                   {{32, 64, 1, true}, 33, 64, 64, 200}})
      ASSERT_NO_FATAL_FAILURE(check(sample, level));
}

} // namespace
