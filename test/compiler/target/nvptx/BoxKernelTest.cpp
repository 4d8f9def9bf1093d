// SPDX-License-Identifier: Apache-2.0
// Tiles that are boxes of a grid of tokens: do loads, copies ahead, stores and indices agree with a
// double loop, where boxes stick out of the grid?
#include "test/compiler/target/BoxText.h"
#include "test/compiler/target/nvptx/KernelRunner.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

struct Shape {
  Sizes queries, keys;
  std::string threads, stages;
  /// Does the sweep ask each tile, or walk them all?
  bool asks = false;
};

/// With m(i, j) = q(i) . k(j) + w(j) + weighed j where i and j are near, else 0:
///   sums(i) = sum_j m(i, j) + g(i) + weighed i;  o(i) = sum_j m(i, j) v(j) + sum_j v(j).
std::string boxText(const Shape &shape) {
  size_t rank = shape.queries.size();
  std::string product = "%n_0 = arith.constant 1 : index\n";
  for (size_t dim = 0; dim < rank; ++dim)
    product += "%n_" + std::to_string(dim + 1) + " = arith.muli %n_" + std::to_string(dim) +
               ", %last" + std::to_string(dim) + "_n : index\n";
  return fillTemplate("box.mlir.in", {{"GRID", each(rank, "%g#: index {tile.name = \"g#\"}")},
                                      {"GS", each(rank, "%g#")},
                                      {"IS", each(rank, "%i#")},
                                      {"JS", each(rank, "%j#")},
                                      {"QSIZES", join(shape.queries)},
                                      {"KSIZES", join(shape.keys)},
                                      {"Q", std::to_string(attune::test::product(shape.queries))},
                                      {"K", std::to_string(attune::test::product(shape.keys))},
                                      {"QORIGIN", boxOrigin(shape.queries, "q", "%number")},
                                      {"KORIGIN", boxOrigin(shape.keys, "k", "%t")},
                                      {"END", boxOrigin(shape.keys, "last", "%c0") + product},
                                      {"VISIT", shape.asks ? "%always" : "%true"},
                                      {"WEIGHI", weighIndices(rank, "i")},
                                      {"WEIGHJ", weighIndices(rank, "j")},
                                      {"NEAR", isNear(rank)},
                                      {"RANK", std::to_string(rank)},
                                      {"THREADS", shape.threads},
                                      {"STAGES", shape.stages}});
}

struct Operands {
  Tensor q, k, v, w, g;
  explicit Operands(int64_t tokens)
      : q(Number::BF16, 1, 2, tokens, 32), k(Number::BF16, 1, 2, tokens, 32),
        v(Number::BF16, 1, 2, tokens, 32), w(Number::F32, 1, 2, tokens, 1, true),
        g(Number::F32, 1, 2, tokens, 1, true) {
    std::mt19937 random(4);
    for (Tensor *tensor : {&q, &k, &v, &w, &g})
      tensor->fillNormal(random);
  }
};

void checkRow(const Sizes &grid, const Operands &x, const Tensor &sums, const Tensor &o, int64_t h,
              int64_t i) {
  Sizes at = coordinatesOf(grid, i);
  double sum = x.g.get(0, h, i) + weigh(at), size = 1, out[32] = {}, outSize[32] = {};
  for (int64_t j = 0; j < product(grid); ++j) {
    Sizes key = coordinatesOf(grid, j);
    double m = 0;
    if (areNear(at, key)) {
      m = x.w.get(0, h, j) + weigh(key);
      for (int t = 0; t < 32; ++t)
        m += x.q.get(0, h, i, t) * x.k.get(0, h, j, t);
    }
    sum += m;
    size += std::fabs(m);
    for (int t = 0; t < 32; ++t) {
      out[t] += (m + 1) * x.v.get(0, h, j, t);
      outSize[t] += (std::fabs(m) + 1) * std::fabs(x.v.get(0, h, j, t));
    }
  }
  ASSERT_NEAR(sums.get(0, h, i), sum, 1e-5 * size) << "row " << i;
  for (int t = 0; t < 32; ++t) // weights are rounded to bf16
    ASSERT_NEAR(o.get(0, h, i, t), out[t], (std::ldexp(1, -8) + 1e-5) * outSize[t]) << "row " << i;
}

int64_t countBoxes(const Sizes &grid, const Sizes &box) {
  int64_t count = 1;
  for (size_t dim = 0; dim < grid.size(); ++dim)
    count *= (grid[dim] + box[dim] - 1) / box[dim];
  return count;
}

void checkBoxes(const Shape &shape, const std::vector<Sizes> &grids) {
  PtxCode code = compileText(boxText(shape));
  ASSERT_FALSE(code.text.empty()) << boxText(shape);
  for (const Sizes &grid : grids) {
    SCOPED_TRACE("grid " + join(grid));
    Operands x(product(grid));
    for (const sim::Options &order : differentOrders()) {
      Tensor sums(Number::F32, 1, 2, product(grid), 1, true),
          o(Number::F32, 1, 2, product(grid), 32);
      Launch launch;
      for (int64_t extent : grid)
        launch.add(extent);
      for (Tensor *tensor : {&x.q, &x.k, &x.v, &x.w, &x.g, &sums, &o})
        launch.add(*tensor);
      uint32_t blocks = countBoxes(grid, shape.queries);
      ASSERT_NO_FATAL_FAILURE(launch.run(code, {blocks, 2, 1}, order));
      for (int64_t h = 0; h < 2; ++h)
        for (int64_t i = 0; i < product(grid); ++i)
          ASSERT_NO_FATAL_FAILURE(checkRow(grid, x, sums, o, h, i));
    }
  }
}

// Whole boxes, ragged edges, and a grid smaller than a box.
const std::vector<Sizes> planes = {{8, 16}, {9, 21}, {3, 5}};

TEST(BoxKernel, Plane) { checkBoxes({{8, 8}, {4, 8}, "128", "2"}, planes); }
TEST(BoxKernel, PlaneOfTilesThatAreAskedFor) {
  checkBoxes({{4, 16}, {8, 4}, "128", "3", true}, planes);
}
TEST(BoxKernel, TwoRowBlocksAWarpAndARing) { checkBoxes({{8, 8}, {2, 16}, "64", "1"}, planes); }
TEST(BoxKernel, Volume) {
  checkBoxes({{4, 4, 4}, {2, 4, 4}, "128", "2", true}, {{4, 4, 8}, {5, 3, 6}, {1, 2, 3}});
}
TEST(BoxKernel, SizesThatAreNoPowersOfTwo) {
  checkBoxes({{12, 4}, {6, 8}, "96", "2"}, planes);
  checkBoxes({{4, 12}, {3, 16}, "96", "2"}, planes);
}

} // namespace
