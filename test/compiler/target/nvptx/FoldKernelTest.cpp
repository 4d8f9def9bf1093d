// SPDX-License-Identifier: Apache-2.0
// Does a pass before the kernel, of folds and writes alone, find what a loop over each tile finds?
#include "test/compiler/target/nvptx/KernelRunner.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

struct Range {
  int64_t first, last;
};

class FoldKernel : public testing::TestWithParam<const char *> {};

TEST_P(FoldKernel, WritesSummaries) {
  PtxCode code = compileText(fillTemplate("summaries.mlir.in", {{"THREADS", GetParam()}}));
  ASSERT_FALSE(code.text.empty());
  // Empty, backwards, of one token, shorter and longer than a warp and than a block; over the end.
  std::vector<Range> ranges{{0, -1},  {7, 3},    {5, 5},     {10, 40},     {64, 127},
                            {1, 300}, {0, 1999}, {500, 999}, {1990, 2100}, {1, 1}};
  constexpr int64_t batches = 2, heads = 1, count = 2000;
  std::mt19937_64 random(4);
  std::vector<int64_t> numbers(batches * count);
  for (int64_t &number : numbers) // over both halves of a word, also those that do not count
    number = int64_t(random() % (uint64_t(1) << 62)) - (int64_t(1) << 60);
  numbers[1] = numbers[count + 1] = 0;
  int64_t tiles = int64_t(ranges.size());
  for (const sim::Options &order : differentOrders()) {
    std::vector<int64_t> summaries(batches * tiles * 3, -1);
    Launch launch;
    launch.addMemory(numbers.data(), numbers.size() * sizeof(int64_t));
    for (int64_t number : {batches, count, count, int64_t(1)})
      launch.add(number);
    launch.addMemory(ranges.data(), ranges.size() * sizeof(Range));
    launch.add(tiles);
    launch.addMemory(summaries.data(), summaries.size() * sizeof(int64_t));
    for (int64_t number : {batches, heads, tiles, 3 * tiles, 3 * tiles})
      launch.add(number);
    std::array<uint32_t, 3> grid{uint32_t(tiles), heads, batches};
    ASSERT_NO_FATAL_FAILURE(launch.run(code, grid, order));
    for (int64_t b = 0; b < batches; ++b)
      for (int64_t t = 0; t < tiles; ++t) {
        int64_t least = int64_t(1) << 61, greatest = -least, bits = 0;
        for (int64_t i = ranges[t].first; i <= std::min(ranges[t].last, count - 1); ++i)
          if (int64_t number = numbers[b * count + i]; number > 0) {
            least = std::min(least, number);
            greatest = std::max(greatest, number);
            bits |= int64_t(1) << (number & 63);
          }
        const int64_t *found = &summaries[(b * tiles + t) * 3];
        EXPECT_EQ(found[0], least) << "tile " << t;
        EXPECT_EQ(found[1], greatest) << "tile " << t;
        EXPECT_EQ(found[2], bits) << "tile " << t;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, FoldKernel, testing::Values("32", "96", "128", "1024"),
                         [](const auto &info) { return "Threads" + std::string(info.param); });

} // namespace
