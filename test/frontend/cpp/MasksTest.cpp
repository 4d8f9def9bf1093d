// SPDX-License-Identifier: Apache-2.0
// Does each mask of the C++ frontend hide what its formula hides, at every kind of size?
#include "test/frontend/cpp/Harness.h"

using namespace attn;

namespace {

const AttentionOptions small = {.headSize = 16};

/// Runs `mask` at all sizes; what it captures are the same arguments each time.
void expectMask(const Logic &mask, const std::vector<attune::Argument> &captured,
                const Plain::Mask &plain) {
  Attention kernel("masked", small);
  kernel.mask(mask);
  attune::Kernel loaded = load(kernel);
  for (const Sizes &sizes : allSizes) {
    SCOPED_TRACE(sizes.queries);
    Trial run(sizes);
    run.launch(loaded, captured);
    run.expect({.mask = plain});
  }
}

TEST(CppMasks, Causal) {
  expectMask(causal(), {}, [](auto, auto, auto i, auto j) { return j <= i; });
  Scalar<int64_t> offset{"offset"};
  for (int64_t n : {-3, 0, 60})
    expectMask(causal(offset), {n}, [=](auto, auto, auto i, auto j) { return j <= i + n; });
}

TEST(CppMasks, Windows) {
  Scalar<int64_t> w{"w"};
  expectMask(window(w), {5}, [](auto, auto, auto i, auto j) { return j <= i && i - j <= 5; });
  expectMask(window(2, 3), {}, [](auto, auto, auto i, auto j) { return i - j <= 2 && j - i <= 3; });
  expectMask(dilatedWindow(w, 3), {4}, [](auto, auto, auto i, auto j) {
    return i >= j && (i - j) % 3 == 0 && (i - j) / 3 <= 4;
  });
  expectMask(streaming(2, w), {4},
             [](auto, auto, auto i, auto j) { return j <= i && (j < 2 || i - j <= 4); });
}

TEST(CppMasks, Prefixes) {
  Table<int32_t, 1> prefix{"prefix"};
  int32_t lengths[] = {9, 0, 40};
  Attention kernel("prefix_lm", small);
  kernel.mask(prefixLm(prefix[b]));
  attune::Kernel loaded = load(kernel);
  for (int64_t batch : {1, 3}) {
    Trial run({batch, 2, 1, 35, 35, 16});
    run.launch(loaded, {view(lengths, {batch})});
    run.expect({.mask = [&](auto b, auto, auto i, auto j) { return j <= i || j < lengths[b]; }});
  }
}

TEST(CppMasks, DocumentsAndLengths) {
  Table<int32_t, 2> documents{"documents"};
  Table<int64_t, 1> lengths{"lengths"};
  constexpr int64_t tokens = 45;
  std::vector<int32_t> ids(2 * tokens);
  for (int64_t n = 0; n < 2 * tokens; ++n)
    ids[size_t(n)] = int32_t(n % tokens / 7);
  int64_t ends[] = {tokens, 20};
  for (bool sorted : {false, true}) {
    Attention kernel("packed", small);
    kernel.mask(sameDocument(sorted ? documents.sorted() : documents) && withinLength(lengths[b]));
    Trial run({2, 2, 2, tokens, tokens, 16});
    run.launch(kernel, {view(ids.data(), {2, tokens}), view(ends, {2})});
    run.expect({.mask = [&](auto b, auto, auto i, auto j) {
      return ids[size_t(b * tokens + i)] == ids[size_t(b * tokens + j)] && i < ends[b] &&
             j < ends[b];
    }});
  }
}

TEST(CppMasks, Blocks) {
  Scalar<int64_t> size{"size"};
  expectMask(blockDiagonal(size), {16},
             [](auto, auto, auto i, auto j) { return i / 16 == j / 16; });
  expectMask(blockWindow(size, 1), {8},
             [](auto, auto, auto i, auto j) { return i / 8 >= j / 8 && i / 8 - j / 8 <= 1; });
  expectMask(strided(3), {}, [](auto, auto h, auto, auto j) { return floorModulo(j - h, 3) == 0; });
}

TEST(CppMasks, Tables) {
  Table<bool, 3> keep{"keep"};
  Table<int32_t, 3> words{"words"};
  std::vector<uint8_t> blocks(2 * 5 * 5);
  for (size_t n = 0; n < blocks.size(); ++n)
    blocks[n] = n * 7 % 3 == 0;
  Trial run({1, 2, 1, 40, 40, 16});
  Attention byBlocks("blocks", small);
  byBlocks.mask(blockTable(keep, 8));
  run.launch(byBlocks, {view(reinterpret_cast<const bool *>(blocks.data()), {2, 5, 5})});
  run.expect({.mask = [&](auto, auto h, auto i, auto j) {
    return blocks[size_t(h * 25 + i / 8 * 5 + j / 8)] != 0;
  }});

  std::vector<int32_t> bits(40 * 2);
  std::mt19937 random(5);
  for (int32_t &word : bits)
    word = int32_t(random());
  Attention byBits("bits", small);
  byBits.mask(bitMatrix(words));
  run.launch(byBits, {view(bits.data(), {1, 40, 2})});
  run.expect({.mask = [&](auto, auto, auto i, auto j) {
    return (uint32_t(bits[size_t(i * 2 + j / 32)]) >> (j % 32) & 1) != 0;
  }});
}

TEST(CppMasks, ComposeWithLogic) {
  Scalar<int64_t> w{"w"};
  expectMask(!(window(w) || firstKeys(2)) && causal(), {3}, [](auto, auto, auto i, auto j) {
    return !((j <= i && i - j <= 3) || j < 2) && j <= i;
  });
  expectMask((i % 2 == 0) != (j % 3 == 0), {},
             [](auto, auto, auto i, auto j) { return (i % 2 == 0) != (j % 3 == 0); });
  expectMask((h == 0) == (j <= i), {},
             [](auto, auto h, auto i, auto j) { return (h == 0) == (j <= i); });
  expectMask(select(h == 1, j <= i, j >= i), {},
             [](auto, auto h, auto i, auto j) { return h == 1 ? j <= i : j >= i; });
}

/// Along one axis: the keys that a query sees, after NATTEN's rule.
bool isNear(int64_t x, int64_t y, int64_t n, int64_t w, int64_t s, int64_t d, bool isCausal) {
  if (x % d != y % d)
    return false;
  int64_t tokens = (n - x % d + d - 1) / d, first = x / d / s * s;
  if (isCausal) {
    int64_t end = std::min(first + s, tokens);
    return y / d >= end - w && y / d <= x / d;
  }
  int64_t leader = std::min(first + s / 2, tokens - 1);
  int64_t from = std::max<int64_t>(std::min(leader - w / 2, tokens - w), 0);
  return y / d >= from && y / d < from + w;
}

TEST(CppMasks, NeighborhoodsOfOneDimension) {
  for (auto [w, s, d, isCausal] :
       {std::array<int64_t, 4>{5, 1, 1, 0}, {6, 3, 2, 0}, {4, 2, 1, 1}}) {
    Attention kernel("na1d", small);
    kernel.mask(neighborhood({{length("k"), w, s, d, isCausal != 0}}));
    Trial run({1, 2, 2, 41, 41, 16});
    run.launch(kernel);
    run.expect({.mask = [=](auto, auto, auto i, auto j) {
      return isNear(i, j, 41, w, s, d, isCausal != 0);
    }});
  }
}

TEST(CppMasks, NeighborhoodsOfGrids) {
  Scalar<int64_t> rows{"rows"}, columns{"columns"};
  Attention kernel("na3d", small);
  kernel.grid({3, rows, columns});
  kernel.mask(neighborhood({{.size = 3, .window = 2, .causal = true},
                            {.size = rows, .window = 3},
                            {.size = columns, .window = 4, .stride = 2}}));
  Trial run({1, 2, 1, 3 * 5 * 7, 3 * 5 * 7, 16});
  run.launch(kernel, {5, 7});
  run.expect({.mask = [](auto, auto, auto i, auto j) {
    return isNear(i / 35, j / 35, 3, 2, 1, 1, true) &&
           isNear(i / 7 % 5, j / 7 % 5, 5, 3, 1, 1, false) &&
           isNear(i % 7, j % 7, 7, 4, 2, 1, false);
  }});
}

TEST(CppMasks, BestKeys) {
  Scalar<int64_t> n{"n"};
  for (bool orNear : {false, true}) {
    Attention kernel("best", small);
    kernel.mask(causal()).mask(orNear ? topKeys(n) || i - j <= 1 : topKeys(n));
    Trial run({1, 4, 2, 33, 33, 16});
    run.launch(kernel, {6});
    run.expect({.mask = [&](auto b, auto h, auto i, auto j) {
      int greater = 0;
      for (int64_t other = 0; other <= i; ++other)
        greater += run.product(b, h, i, other) > run.product(b, h, i, j);
      return j <= i && (greater < 6 || (orNear && i - j <= 1));
    }});
  }
}

} // namespace
