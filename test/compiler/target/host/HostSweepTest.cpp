// SPDX-License-Identifier: Apache-2.0
// Sweeps that skip tiles, folds and writes on the host: which tiles are visited, in which order, and
// what is carried past tiles that are not.
#include "test/compiler/target/host/HostHarness.h"

#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

//===--- sweeps --------------------------------------------------------------------------------===//

/// Walks the tiles [first, end) with state of every kind: rows and a scalar in registers, a matrix and
/// rows of vectors in memory. Each visit makes s -> 3 s + t + 100 partial of it.
std::string sweepKernel(const std::string &seek, const std::string &classify) {
  return fillIn(R"(
!o = memref<?x?x?xf32, strided<[?, ?, ?]>>
!d = memref<?xi32, strided<[?]>>
!m = !tile.matrix<16, 8, f32>
!v = !tile.rows<16, vector<4xf32>>
!r = !tile.rows<16, f32>
tile.kernel @walk(%first: index {tile.name = "first"}, %end: index {tile.name = "end"},
                  %d: !d {tile.name = "d"}, %o: !o {tile.name = "o"})
    attributes {config = #tile.config<queries = 16, keys = 8, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %true = arith.constant true
  %false = arith.constant false
  %none = arith.constant 0 : i32
  %zero = arith.constant 0.0 : f32
  %three = arith.constant 3.0 : f32
  %hundred = arith.constant 100.0 : f32
  %m0 = tile.splat %zero : f32 -> !m
  %v0 = tile.splat %zero : f32 -> !v
  %r0 = tile.splat %zero : f32 -> !r
  %m1, %v1, %r1, %n1, %f1 = tile.sweep %first to %end carry (%m0, %v0, %r0, %c0, %zero)
  {seek} classify {
  ^bb0(%t: index):
    {classify}
  } do {
  ^bb0(%t: index, %partial: i1, %m2: !m, %v2: !v, %r2: !r, %n2: index, %f2: f32):
    %ti = arith.index_cast %t : index to i32
    %tf = arith.sitofp %ti : i32 to f32
    %more = arith.select %partial, %hundred, %zero : f32
    %step = arith.addf %tf, %more : f32
    %m3 = tile.map (%e = %m2) : (!m) -> !m {
      %x = arith.mulf %e, %three : f32
      %y = arith.addf %x, %step : f32
      tile.yield %y : f32
    }
    %v3 = tile.map (%e = %v2) : (!v) -> !v {
      %x = arith.mulf %e, %three : f32
      %y = arith.addf %x, %step : f32
      tile.yield %y : f32
    }
    %r3 = tile.map (%e = %r2) : (!r) -> !r {
      %x = arith.mulf %e, %three : f32
      %y = arith.addf %x, %step : f32
      tile.yield %y : f32
    }
    %n3 = arith.addi %n2, %c1 : index
    %f3 = arith.addf %f2, %step : f32
    tile.yield %m3, %v3, %r3, %n3, %f3 : !m, !v, !r, index, f32
  } : !m, !v, !r, index, f32
  %one = arith.constant 1.0 : f32
  %ones = tile.splat %one : f32 -> !tile.cols<8, vector<4xf32>>
  %dots = tile.dot %v1, %ones : !v, !tile.cols<8, vector<4xf32>> -> !m
  %a = tile.reduce sum %m1, %r1 : !m, !r -> !r
  %c = tile.reduce sum %dots, %a : !m, !r -> !r
  %ni = arith.index_cast %n1 : index to i32
  %nf = arith.sitofp %ni : i32 to f32
  %s = tile.map (%e = %c) : (!r) -> !r {
    %x = arith.addf %e, %nf : f32
    %y = arith.addf %x, %f1 : f32
    tile.yield %y : f32
  }
  tile.store %s, %o[%b, %h, %i0] : !r, !o
  tile.return
}
)",
                {{"seek", seek}, {"classify", classify}});
}

/// A tile that is visited.
struct Visit {
  int64_t tile;
  bool partial = false;
};

/// Runs over [first, end) with d = 0 where not told otherwise and expects `visits`.
void checkVisits(const std::string &seek, const std::string &classify, int64_t first, int64_t end,
                 const std::vector<Visit> &visits, const std::vector<int> &table = {}) {
  double state = 0, sum = 0;
  for (Visit visit : visits) {
    double step = visit.tile + (visit.partial ? 100 : 0);
    state = 3 * state + step;
    sum += step;
  }
  // The rows once, a matrix row of 8, 8 products of 4 components.
  double expected = state * (1 + 8 + 32) + visits.size() + sum;
  Tensor d(Dtype::I32, {12});
  for (size_t index = 0; index < table.size(); ++index)
    d.set({int64_t(index)}, table[index]);
  for (HostLevel level : getRunnableLevels()) {
    SCOPED_TRACE(getHostFacts(level).name);
    Tensor o(Dtype::F32, {1, 1, 20});
    Kernel kernel(sweepKernel(seek, classify), level);
    kernel.run({{"d", d}, {"o", o}}, {{"first", double(first)}, {"end", double(end)}});
    for (int64_t i = 0; i < 20; ++i)
      ASSERT_EQ(o.get({0, 0, i}), expected) << "at " << i;
  }
}

const char *kAll = "tile.yield %true, %false : i1, i1";
const char *kEveryThird = R"(
    %rest = arith.remui %t, %c3 : index
    %visit = arith.cmpi eq, %rest, %c0 : index
    tile.yield %visit, %false : i1, i1)";
/// d[t] = 0: empty; 1: full; 2: partial.
const char *kByTable = R"(
    %n = tile.read %d[%t] : !d -> i32
    %visit = arith.cmpi ne, %n, %none : i32
    %two = arith.constant 2 : i32
    %partial = arith.cmpi eq, %n, %two : i32
    tile.yield %visit, %partial : i1, i1)";
/// The next t with d[t] != 0, or 12.
const char *kSeekByTable = R"(seek {
  ^bb0(%from: index):
    %c12 = arith.constant 12 : index
    %found = scf.while (%t = %from) : (index) -> index {
      %n = tile.read %d[%t] : !d -> i32
      %empty = arith.cmpi eq, %n, %none : i32
      %inside = arith.cmpi slt, %t, %c12 : index
      %go = arith.andi %empty, %inside : i1
      scf.condition(%go) %t : index
    } do {
    ^bb0(%t: index):
      %next = arith.addi %t, %c1 : index
      scf.yield %next : index
    }
    tile.yield %found : index
  })";
const char *kSeekMultipleOfFour = R"(seek {
  ^bb0(%from: index):
    %up = arith.addi %from, %c3 : index
    %quotient = arith.divui %up, %c4 : index
    %t = arith.muli %quotient, %c4 : index
    tile.yield %t : index
  })";

TEST(HostSweep, VisitsAll) { checkVisits("", kAll, 2, 5, {{2}, {3}, {4}}); }

TEST(HostSweep, VisitsNothingBetweenCrossedEnds) {
  checkVisits("", kAll, 3, 3, {});
  checkVisits("", kAll, 5, 2, {});
  checkVisits("", kEveryThird, 5, 2, {});
  checkVisits(kSeekMultipleOfFour, kAll, 9, 4, {});
}

TEST(HostSweep, VisitsEveryThird) { checkVisits("", kEveryThird, 1, 8, {{3}, {6}}); }

TEST(HostSweep, VisitsNone) {
  checkVisits("", kByTable, 0, 12, {});
  checkVisits(kSeekByTable, kAll, 0, 12, {});
}

TEST(HostSweep, VisitsOnlyTheLast) {
  checkVisits("", kByTable, 0, 6, {{5}}, {0, 0, 0, 0, 0, 1, 1});
  checkVisits(kSeekByTable, kAll, 0, 6, {{5}}, {0, 0, 0, 0, 0, 1, 1});
}

TEST(HostSweep, TellsWhichArePartial) {
  checkVisits("", kByTable, 0, 6, {{0, true}, {2}, {3, true}, {5, true}}, {2, 0, 1, 2, 0, 2});
}

TEST(HostSweep, SeeksThenClassifies) {
  checkVisits(kSeekMultipleOfFour, kEveryThird, 1, 13, {{12}});
  checkVisits(kSeekMultipleOfFour, kByTable, 0, 10, {{0, true}, {8}},
              {2, 1, 1, 1, 0, 1, 1, 1, 1, 1});
}

TEST(HostSweep, SeeksPastTheEnd) { checkVisits(kSeekMultipleOfFour, kAll, 5, 8, {}); }

// A loop and a branch in a region: t is visited if d[0] + ... + d[t] is odd and d[t] is not 3.
TEST(HostSweep, ClassifiesWithLoopsAndBranches) {
  checkVisits("", R"(
    %end1 = arith.addi %t, %c1 : index
    %sum = scf.for %k = %c0 to %end1 step %c1 iter_args(%so = %none) -> (i32) {
      %n = tile.read %d[%k] : !d -> i32
      %next = arith.addi %so, %n : i32
      scf.yield %next : i32
    }
    %one32 = arith.constant 1 : i32
    %low = arith.andi %sum, %one32 : i32
    %odd = arith.cmpi eq, %low, %one32 : i32
    %visit = scf.if %odd -> (i1) {
      %three32 = arith.constant 3 : i32
      %n = tile.read %d[%t] : !d -> i32
      %other = arith.cmpi ne, %n, %three32 : i32
      scf.yield %other : i1
    } else {
      scf.yield %false : i1
    }
    tile.yield %visit, %visit : i1, i1)",
              0, 6, {{2, true}, {5, true}}, {3, 1, 1, 1, 0, 1});
}

//===--- folds and writes ----------------------------------------------------------------------===//

/// What a block a tile of `width` tokens writes to s(0, 0, tile, ...): least, greatest and union of
/// 1 << (d & 63) over its tokens, which are those from tile * width + shift on.
std::string foldKernel() {
  return R"(
!d = memref<?xi32, strided<[?]>>
!s = memref<?x?x?x3xi64, strided<[?, ?, ?, 1]>>
tile.kernel @summaries(%d: !d {tile.name = "d"}, %width: index {tile.name = "width"},
                       %shift: index {tile.name = "shift"}, %s: !s {tile.name = "s"})
    attributes {config = #tile.config<queries = 1, keys = 1, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %t = tile.coordinates
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c63 = arith.constant 63 : index
  %from = arith.muli %t, %width : index
  %first = arith.addi %from, %shift : index
  %end = arith.addi %from, %width : index
  %n = memref.dim %d, %c0 : !d
  %clipped = arith.minsi %end, %n : index
  %last = arith.subi %clipped, %c1 : index
  %low, %high, %set = tile.fold %first to %last [least, greatest, union] {
  ^bb0(%i: index):
    %e = tile.read %d[%i] : !d -> i32
    %v = arith.index_cast %e : i32 to index
    %bit = arith.andi %v, %c63 : index
    %one = arith.shli %c1, %bit : index
    tile.yield %v, %v, %one : index, index, index
  }
  tile.write %low, %s[%b, %h, %t, %c0] : !s
  tile.write %high, %s[%b, %h, %t, %c1] : !s
  tile.write %set, %s[%b, %h, %t, %c2] : !s
  tile.return
}
)";
}

void checkFold(int64_t tokens, int64_t width, int64_t shift) {
  SCOPED_TRACE(testing::Message() << tokens << " tokens, " << width << " a tile from " << shift);
  int64_t tiles = (tokens + width - 1) / width, bound = int64_t(1) << 61;
  Tensor d(Dtype::I32, {tokens});
  for (int64_t i = 0; i < tokens; ++i)
    d.set({i}, (i * 7919) % 1013 - 400);
  for (HostLevel level : getRunnableLevels()) {
    Tensor s(Dtype::I64, {1, 1, tiles, 3});
    Kernel kernel(foldKernel(), level);
    kernel.run({{"d", d}, {"s", s}}, {{"width", double(width)}, {"shift", double(shift)}});
    const int64_t *written = reinterpret_cast<const int64_t *>(s.data);
    for (int64_t t = 0; t < tiles; ++t, written += 3) {
      int64_t low = bound, high = -bound, set = 0;
      for (int64_t i = t * width + shift; i < std::min((t + 1) * width, tokens); ++i) {
        int64_t value = d.get({i});
        low = std::min(low, value);
        high = std::max(high, value);
        set |= int64_t(1) << (value & 63);
      }
      ASSERT_EQ(written[0], low) << "tile " << t;
      ASSERT_EQ(written[1], high) << "tile " << t;
      ASSERT_EQ(written[2], set) << "tile " << t;
    }
  }
}

TEST(HostFold, WholeAndRaggedTiles) {
  checkFold(64, 16, 0);
  checkFold(61, 16, 0);
  checkFold(5, 16, 0);
}

TEST(HostFold, OverNothing) {
  checkFold(33, 16, 16); // one token behind the last
  checkFold(33, 16, 1);  // the last tile alone
  checkFold(33, 16, 40); // crossed by far
}

TEST(HostFold, LongRanges) { checkFold(100003, 65536, 3); }

} // namespace
