// SPDX-License-Identifier: Apache-2.0
// Does a sweep visit the tiles that it is told to, in order, with their keys and their flags?
#include "test/compiler/target/nvptx/KernelRunner.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

constexpr int64_t queriesTile = 64, keysTile = 16;
constexpr int64_t far = (int64_t(1) << 31) - 1;

/// Bit 0: visit, bit 1: partial.
using Class = int32_t (*)(int64_t row, int64_t tile, int64_t tiles);

struct Case {
  std::string name;
  int64_t nk;
  Class classOf;
  int64_t first = 0, end = -1; // -1: all tiles
};

struct Pipelining {
  std::string name, threads, stages;
  bool seeks;
};

/// Looks for the next group of 8 tiles that has one to visit, with a loop.
constexpr const char *seek = R"(seek {
  ^bb0(%from: index):
    %c7 = arith.constant 7 : index
    %c8 = arith.constant 8 : index
    %found = scf.while (%t_now = %from) : (index) -> index {
      %low = arith.divui %t_now, %c8 : index
      %begin = arith.muli %low, %c8 : index
      %past = arith.addi %begin, %c8 : index
      %any = scf.for %u = %t_now to %past step %c1 iter_args(%before = %c0) -> (index) {
        %entry_in = tile.read %classes[%row, %u] : !classes -> i32
        %entry_index = arith.index_cast %entry_in : i32 to index
        %bit_in = arith.andi %entry_index, %c1 : index
        %after = arith.ori %before, %bit_in : index
        scf.yield %after : index
      }
      %empty = arith.cmpi eq, %any, %c0 : index
      %inside = arith.cmpi slt, %t_now, %end : index
      %again = arith.andi %empty, %inside : i1
      scf.condition(%again) %t_now : index
    } do {
    ^bb1(%t_before: index):
      %up = arith.divui %t_before, %c8 : index
      %up1 = arith.addi %up, %c1 : index
      %next = arith.muli %up1, %c8 : index
      scf.yield %next : index
    }
    // nothing further: as far as a fold over nothing is
    %nowhere = arith.constant 2305843009213693952 : index
    %over = arith.cmpi sge, %found, %end : index
    %result = arith.select %over, %nowhere, %found : index
    tile.yield %result : index
  })";

class SweepKernel : public testing::TestWithParam<std::tuple<Pipelining, Case>> {};

struct Problem {
  int64_t nq = 70, nk, tiles, rows = 2, first, end;
  Tensor q, k, v;
  std::vector<int32_t> classes;

  explicit Problem(const Case &c)
      : nk(c.nk), tiles((c.nk + keysTile - 1) / keysTile), first(c.first),
        end(c.end < 0 ? tiles : c.end), q(Number::BF16, 1, 1, nq, 32),
        k(Number::BF16, 1, 1, nk, 32), v(Number::BF16, 1, 1, nk, 32) {
    std::mt19937 random(3);
    for (Tensor *tensor : {&q, &k, &v})
      tensor->fillNormal(random);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t tile = 0; tile < tiles; ++tile)
        classes.push_back(c.classOf(row, tile, tiles));
  }
  std::vector<int64_t> trace(int64_t row) const {
    std::vector<int64_t> visits;
    for (int64_t tile = first; tile < end; ++tile)
      if (int32_t kind = classes[row * tiles + tile]; kind & 1)
        visits.push_back(2 * tile + (kind >> 1));
    visits.push_back(-int64_t(visits.size()));
    return visits;
  }
};

void checkRow(const Problem &p, const Tensor &sums, const Tensor &o, int64_t i) {
  double sum = 1, size = 1, out[32] = {}, outSize[32] = {};
  std::vector<int64_t> visits = p.trace(i / queriesTile);
  visits.pop_back();
  for (int64_t visit : visits)
    for (int64_t j = visit / 2 * keysTile; j < std::min(p.nk, (visit / 2 + 1) * keysTile); ++j) {
      if (visit % 2 && j % 2)
        continue;
      double w = 0;
      for (int t = 0; t < 32; ++t)
        w += p.q.get(0, 0, i, t) * p.k.get(0, 0, j, t);
      sum += w;
      size += std::fabs(w);
      for (int t = 0; t < 32; ++t) {
        out[t] += w * p.v.get(0, 0, j, t);
        outSize[t] += std::fabs(w * p.v.get(0, 0, j, t));
      }
    }
  ASSERT_NEAR(sums.get(0, 0, i), sum, 1e-5 * size) << "row " << i;
  for (int t = 0; t < 32; ++t) // weights are rounded to bf16
    ASSERT_NEAR(o.get(0, 0, i, t), out[t], (std::ldexp(1, -8) + 1e-5) * outSize[t]) << "row " << i;
}

TEST_P(SweepKernel, VisitsWhatItIsTold) {
  const auto &[pipelining, c] = GetParam();
  PtxCode code =
      compileText(fillTemplate("sweep.mlir.in", {{"THREADS", pipelining.threads},
                                                 {"STAGES", pipelining.stages},
                                                 {"SEEK", pipelining.seeks ? seek : ""}}));
  ASSERT_FALSE(code.text.empty());
  Problem p(c);
  for (const sim::Options &order : differentOrders()) {
    Tensor sums(Number::F32, 1, 1, p.nq, 1, true), o(Number::F32, 1, 1, p.nq, 32);
    std::vector<int64_t> trace(p.rows * (p.tiles + 1), -1000);
    Launch launch;
    for (Tensor *tensor : {&p.q, &p.k, &p.v})
      launch.add(*tensor);
    launch.addMemory(p.classes.data(), p.classes.size() * sizeof(int32_t));
    for (int64_t number : {p.rows, p.tiles, p.tiles, int64_t(1), p.first, p.end})
      launch.add(number);
    launch.addMemory(trace.data(), trace.size() * sizeof(int64_t));
    for (int64_t number : {int64_t(1), int64_t(1), p.rows, p.tiles + 1, int64_t(0), int64_t(0),
                           p.tiles + 1, int64_t(1)})
      launch.add(number);
    launch.add(sums);
    launch.add(o);
    ASSERT_NO_FATAL_FAILURE(launch.run(code, {uint32_t(p.rows), 1, 1}, order));
    for (int64_t row = 0; row < p.rows; ++row) {
      std::vector<int64_t> expected = p.trace(row);
      auto begin = trace.begin() + row * (p.tiles + 1);
      EXPECT_EQ(std::vector<int64_t>(begin, begin + expected.size()), expected) << "row " << row;
    }
    for (int64_t i = 0; i < p.nq; ++i)
      ASSERT_NO_FATAL_FAILURE(checkRow(p, sums, o, i));
  }
}

int32_t everyThird(int64_t row, int64_t tile, int64_t) {
  return tile % 3 == row ? 1 + 2 * (tile % 2) : 2;
}
int32_t none(int64_t, int64_t, int64_t) { return 2; }
int32_t onlyLast(int64_t, int64_t tile, int64_t tiles) { return tile == tiles - 1 ? 3 : 0; }
int32_t farApart(int64_t row, int64_t tile, int64_t) {
  return tile == 1 + row || tile == 50 || tile == 51 ? 1 : 0;
}
int32_t all(int64_t, int64_t tile, int64_t) { return tile % 4 ? 1 : 3; }
int32_t onlyOneRow(int64_t row, int64_t tile, int64_t) { return row == 1 && tile % 7 == 3; }

INSTANTIATE_TEST_SUITE_P(
    Tiles, SweepKernel,
    testing::Combine(testing::Values(Pipelining{"OneStageIsARing", "128", "1", false},
                                     Pipelining{"TwoStages", "128", "2", false},
                                     Pipelining{"ThreeStages", "128", "3", false},
                                     Pipelining{"FourStagesTwoRowBlocks", "64", "4", false},
                                     Pipelining{"RingWithSeek", "128", "1", true},
                                     Pipelining{"TwoStagesWithSeek", "128", "2", true},
                                     Pipelining{"ThreeStagesWithSeek", "64", "3", true}),
                     testing::Values(Case{"EveryThird", 1100, everyThird}, Case{"None", 200, none},
                                     Case{"OnlyTheLast", 1040, onlyLast},
                                     Case{"FarApart", 900, farApart}, Case{"All", 600, all},
                                     Case{"OneRowSeesNothing", 300, onlyOneRow},
                                     Case{"PartOfTheRange", 600, everyThird, 5, 36},
                                     Case{"EndsCross", 600, all, 9, 3},
                                     Case{"FirstIsFar", 600, all, far, 3}, Case{"NoKeys", 0, all})),
    [](const auto &info) { return std::get<0>(info.param).name + std::get<1>(info.param).name; });

} // namespace
