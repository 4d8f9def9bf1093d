// SPDX-License-Identifier: Apache-2.0
// Tiles that are boxes of a grid of tokens, on the host: loads, stores and indices of every kind of
// tile, where boxes stick out of the grid.
#include "test/compiler/target/BoxText.h"
#include "test/compiler/target/host/HostHarness.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

constexpr int64_t kComponents = 12;

/// With a pair's m(i, j) = q(i) . k(j) + w(j) + weighed j where they are near, else 0:
///   o(i) = sum_j m(i, j) + weighed i;  p(i) = sum_j m(i, j) (k(j) + weighed j) + sum_j k(j).
std::string boxKernel(const Sizes &queries, const Sizes &keys, const std::string &type) {
  size_t rank = queries.size();
  bool narrow = type != "f32";
  return fillIn(
      R"(
!tokens = memref<?x?x?x12x{type}, strided<[?, ?, ?, 1]>>
!results = memref<?x?x?x12xf32, strided<[?, ?, ?, ?]>>
!numbers = memref<?x?x?xf32, strided<[?, ?, ?]>>
!q = !tile.box<{qsizes}>
!k = !tile.box<{ksizes}>
!last = !k
!m = !tile.matrix<{Q}, {K}, f32>
!r = !tile.rows<{Q}, f32>
!a = !tile.rows<{Q}, vector<12xf32>>
!c = !tile.cols<{K}, vector<12xf32>>
!ct = !tile.cols<{K}, vector<12x{type}>>
tile.kernel @boxes({grid}, %qm: !tokens {tile.name = "q"}, %km: !tokens {tile.name = "k"}, %w: !numbers {tile.name = "w"},
                   %o: !numbers {tile.name = "o"}, %p: !results {tile.name = "p"})
    attributes {config = #tile.config<queries = {Q}, keys = {K}, threads = 1, stages = 1, query_box = [{qsizes}], key_box = [{ksizes}]>, result_count = 2 : i64} {
  %b, %h, %first = tile.coordinates of({gs})
  %c0 = arith.constant 0 : index
  %count = arith.constant {Q} : index
  %true = arith.constant true
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %number = arith.divui %first, %count : index
  {qorigin}
  %qt = tile.load %qm[%b, %h, %q : !q] : !tokens -> !tile.rows<{Q}, vector<12x{type}>>
  {end}
  %r0 = tile.splat %zero : f32 -> !r
  %a0 = tile.splat %zero : f32 -> !a
  %r1, %a1 = tile.sweep %c0 to %end carry (%r0, %a0) classify {
  ^bb0(%t: index):
    tile.yield %true, %true : i1, i1
  } do {
  ^bb0(%t: index, %partial: i1, %r2: !r, %a2: !a):
    {korigin}
    %kt = tile.load %km[%b, %h, %k : !k] : !tokens -> !ct
    %wt = tile.load %w[%b, %h, %k : !k] : !numbers -> !tile.cols<{K}, f32>
    %wj = tile.map (%e = %wt) at ({js}) from (%k : !k) : (!tile.cols<{K}, f32>) -> !tile.cols<{K}, f32> {
      {weighj}
      %y = arith.addf %e, %f : f32
      tile.yield %y : f32
    }
    %kj = tile.map (%e = %kt) at ({js}) from (%k : !k) : (!ct) -> !c {
      {weighj}
      {widen}
      %y = arith.addf %x, %f : f32
      tile.yield %y : f32
    }
    %s = tile.dot %qt, %kt : !tile.rows<{Q}, vector<12x{type}>>, !ct -> !m
    %m = tile.map (%e = %s, %c = %wj) at ({is}, {js}) from (%q : !q, %k : !k) : (!m, !tile.cols<{K}, f32>) -> !m {
      {near}
      %y = arith.addf %e, %c : f32
      %z = arith.select %near_{rank}, %y, %zero : f32
      tile.yield %z : f32
    }
    %r3 = tile.reduce sum %m, %r2 : !m, !r -> !r
    %a3 = tile.contract %m, %kj, %a2 : !m, !c, !a
    %ones = tile.splat %one : f32 -> !m
    %a4 = tile.contract %ones, %kt, %a3 : !m, !ct, !a
    tile.yield %r3, %a4 : !r, !a
  } : !r, !a
  %r = tile.map (%e = %r1) at ({is}) from (%q : !q) : (!r) -> !r {
    {weighi}
    %y = arith.addf %e, %f : f32
    tile.yield %y : f32
  }
  tile.store %r, %o[%b, %h, %q : !q] : !r, !numbers
  tile.store %a1, %p[%b, %h, %q : !q] : !a, !results
  tile.return
}
)",
      {{"grid", each(rank, "%g#: index {tile.name = \"g#\"}")},
       {"gs", each(rank, "%g#")},
       {"is", each(rank, "%i#")},
       {"js", each(rank, "%j#")},
       {"type", type},
       {"qsizes", join(queries)},
       {"ksizes", join(keys)},
       {"Q", std::to_string(product(queries))},
       {"K", std::to_string(product(keys))},
       {"qorigin", boxOrigin(queries, "q", "%number")},
       {"korigin", boxOrigin(keys, "k", "%t")},
       {"end", boxOrigin(keys, "last", "%c0") + "%n_0 = arith.constant 1 : index\n" +
                   (rank == 2 ? "%end = arith.muli %last0_n, %last1_n : index\n"
                              : "%n_1 = arith.muli %last0_n, %last1_n : index\n"
                                "%end = arith.muli %n_1, %last2_n : index\n")},
       {"weighi", weighIndices(rank, "i")},
       {"weighj", weighIndices(rank, "j")},
       {"near", isNear(rank)},
       {"rank", std::to_string(rank)},
       {"widen",
        narrow ? "%x = arith.extf %e : " + type + " to f32" : "%x = arith.addf %e, %zero : f32"}});
}

/// What the kernel computes for query `i` of (b, h).
void checkRow(const Sizes &grid, std::map<std::string, Tensor> &tensors, int64_t b, int64_t h,
              int64_t i) {
  const Tensor &q = tensors["q"], &k = tensors["k"];
  Sizes at = coordinatesOf(grid, i);
  double sum = 0;
  std::vector<double> row(kComponents);
  for (int64_t j = 0; j < product(grid); ++j) {
    Sizes key = coordinatesOf(grid, j);
    double pair = 0;
    if (areNear(at, key)) {
      pair = tensors["w"].get({b, h, j}) + weigh(key);
      for (int64_t c = 0; c < kComponents; ++c)
        pair += q.get({b, h, i, c}) * k.get({b, h, j, c});
    }
    sum += pair;
    for (int64_t c = 0; c < kComponents; ++c)
      row[c] += pair * (k.get({b, h, j, c}) + weigh(key)) + k.get({b, h, j, c});
  }
  double largest = 1;
  for (double value : row)
    largest = std::max(largest, std::abs(value));
  ASSERT_NEAR(tensors["o"].get({b, h, i}), sum + weigh(at), 1e-5 * largest) << "row " << i;
  for (int64_t c = 0; c < kComponents; ++c)
    ASSERT_NEAR(tensors["p"].get({b, h, i, c}), row[c], 1e-5 * largest) << "row " << i << ", " << c;
}

void checkGrid(Kernel &kernel, const Sizes &grid, Dtype dtype) {
  SCOPED_TRACE("grid " + join(grid));
  int64_t tokens = product(grid);
  std::map<std::string, Tensor> tensors;
  tensors["q"] = Tensor(dtype, {2, 2, tokens, kComponents}, {0, 2, 1, 3});
  tensors["k"] = Tensor(dtype, {2, 2, tokens, kComponents});
  tensors["w"] = Tensor(Dtype::F32, {2, 2, tokens}, {}, 2);
  tensors["o"] = Tensor(Dtype::F32, {2, 2, tokens}, {0, 2, 1});
  tensors["p"] = Tensor(Dtype::F32, {2, 2, tokens, kComponents}, {1, 0, 2, 3}, 2);
  tensors["q"].fill(1);
  tensors["k"].fill(2);
  tensors["w"].fill(3);
  tensors["o"].fillWith(NAN);
  tensors["p"].fillWith(NAN);
  std::map<std::string, double> scalars;
  for (size_t dim = 0; dim < grid.size(); ++dim)
    scalars["g" + std::to_string(dim)] = grid[dim];
  kernel.run(tensors, scalars);
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t i = 0; i < tokens; ++i)
        ASSERT_NO_FATAL_FAILURE(checkRow(grid, tensors, b, h, i));
}

void checkBoxes(const std::vector<Sizes> &grids, const Sizes &queries, const Sizes &keys,
                Dtype dtype = Dtype::F32) {
  SCOPED_TRACE("boxes " + join(queries) + " and " + join(keys));
  for (HostLevel level : getRunnableLevels()) {
    SCOPED_TRACE(getHostFacts(level).name);
    Kernel kernel(boxKernel(queries, keys, getTypeName(dtype)), level);
    for (const Sizes &grid : grids)
      checkGrid(kernel, grid, dtype);
  }
}

// Whole boxes, ragged edges, and grids smaller than a box.
TEST(HostBox, Plane) { checkBoxes({{8, 16}, {9, 13}, {5, 31}, {3, 5}, {1, 1}}, {4, 8}, {4, 4}); }

TEST(HostBox, TallBoxes) { checkBoxes({{19, 3}, {5, 31}}, {16, 1}, {16, 2}); }

TEST(HostBox, SizesThatAreNoPowersOfTwo) { checkBoxes({{7, 11}, {2, 40}}, {4, 12}, {3, 16}); }

TEST(HostBox, Volume) { checkBoxes({{5, 3, 6}, {2, 5, 9}, {4, 4, 4}}, {4, 2, 4}, {2, 4, 4}); }

TEST(HostBox, NarrowFloats) {
  checkBoxes({{9, 13}}, {4, 8}, {4, 4}, Dtype::Bf16);
  checkBoxes({{3, 4, 5}}, {2, 2, 8}, {2, 4, 4}, Dtype::F16);
}

} // namespace
