// SPDX-License-Identifier: Apache-2.0
// Do the lanes of a quad list the keys of their rows in order, as many as there is memory for, and write nothing else?
#include "test/compiler/target/AppendText.h"
#include "test/compiler/target/nvptx/KernelRunner.h"

#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

void check(const AppendSample &sample) {
  constexpr int64_t batches = 2, heads = 2;
  constexpr int32_t untouched = -77;
  std::string text = appendText(sample.shape);
  SCOPED_TRACE(text);
  PtxCode code = compileText(text);
  ASSERT_FALSE(code.text.empty());
  // Entries are not neighbours, and there is room between rows.
  int64_t rows = sample.rows, step = 2, room = sample.entries * step + 3;
  std::vector<int32_t> count(size_t(batches * heads * rows), untouched);
  std::vector<int32_t> list(size_t(batches * heads * rows * room), untouched);
  std::vector<float> values(list.size(), float(untouched));
  Launch launch;
  launch.add(sample.m);
  launch.add(sample.keys);
  auto add = [&](auto &memory, std::vector<int64_t> sizes, std::vector<int64_t> strides) {
    launch.addMemory(memory.data(), memory.size() * sizeof(memory[0]));
    for (int64_t size : sizes)
      launch.add(size);
    for (int64_t stride : strides)
      launch.add(stride);
  };
  std::vector<int64_t> sizes = {batches, heads, rows, sample.entries};
  std::vector<int64_t> strides = {heads * rows * room, rows * room, room, step};
  add(count, {batches, heads, rows}, {heads * rows, rows, 1});
  add(list, sizes, strides);
  add(values, sizes, strides);
  int64_t tiles = (rows + sample.shape.queries - 1) / sample.shape.queries;
  std::array<uint32_t, 3> grid{uint32_t(tiles), heads, batches};
  ASSERT_NO_FATAL_FAILURE(launch.run(code, grid, sim::Options()));
  for (int64_t row = 0; row < batches * heads * rows; ++row) {
    std::vector<int64_t> expected = listOf(row % rows, sample.keys, sample.m);
    ASSERT_EQ(count[size_t(row)], int64_t(expected.size())) << row;
    for (int64_t place = 0; place < room; ++place) {
      int64_t e = place / step;
      bool isEntry = place % step == 0 && e < sample.entries && e < int64_t(expected.size());
      size_t at = size_t(row * room + place);
      ASSERT_EQ(list[at], isEntry ? expected[size_t(e)] : untouched) << row << " " << e;
      bool hasValue = isEntry && sample.shape.hasValues;
      ASSERT_EQ(values[at], hasValue ? listedValue(row % rows, expected[size_t(e)]) : untouched)
          << row << " " << e;
    }
  }
}

TEST(AppendKernel, ListsAsManyKeysAsThereIsMemoryFor) {
  for (const AppendSample &sample :
       std::vector<AppendSample>{{{64, 64, 128, true}, 70, 150, 20, 11},
                                 {{64, 32, 64, false}, 64, 33, 40, 3},
                                 {{16, 16, 32, true}, 1, 5, 1, 2},
                                 {{32, 48, 32, true}, 5, 70, 0, 9},
                                 {{64, 128, 128, true}, 33, 128, 64, 200}})
    ASSERT_NO_FATAL_FAILURE(check(sample));
}

TEST(AppendKernel, IsAcceptedByPtxas) {
  if (findPtxas().empty())
    GTEST_SKIP() << "there is no ptxas";
  for (const char *arch : {"sm_80", "sm_90a"}) {
    PtxCode code = compileText(appendText({64, 64, 128, true}), arch);
    std::string error;
    EXPECT_TRUE(succeeded(assemblePtx(code.text, arch, error))) << error;
  }
}

} // namespace
