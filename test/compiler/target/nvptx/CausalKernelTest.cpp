// SPDX-License-Identifier: Apache-2.0
// Does causal attention, as PTX, agree with a double loop? Over shapes, tiles, pipelines and types.
#include "test/compiler/target/nvptx/KernelRunner.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

struct Case {
  std::string name;
  int d, dv, queries, keys, threads, stages;
  bool bfloat;
  int batch, heads, keyHeads;
  int64_t nq, nk, offset;
  bool sparse = false;
};

std::ostream &operator<<(std::ostream &stream, const Case &c) { return stream << c.name; }

class CausalKernel : public testing::TestWithParam<Case> {};

/// Compares one row with its definition; errors may be what rounding weights and output costs.
void checkRow(const Case &c, const Tensor &q, const Tensor &k, const Tensor &v, const Tensor &o,
              const Tensor &lse, int b, int h, int64_t i) {
  int hk = h / (c.heads / c.keyHeads);
  int64_t visible = std::clamp<int64_t>(i + c.offset + 1, 0, c.nk);
  std::vector<double> s(visible);
  double top = -INFINITY, sum = 0;
  for (int64_t j = 0; j < visible; ++j) {
    for (int t = 0; t < c.d; ++t)
      s[j] += q.get(b, h, i, t) * k.get(b, hk, j, t);
    s[j] /= std::sqrt(double(c.d));
    top = std::max(top, s[j]);
  }
  for (double &x : s)
    sum += x = std::exp(x - top);
  double unit = std::ldexp(1, c.bfloat ? -8 : -11); // half a unit of the last of 8 or 11 bits
  for (int t = 0; t < c.dv; ++t) {
    double expected = 0, size = 0;
    for (int64_t j = 0; j < visible; ++j) {
      expected += s[j] * v.get(b, hk, j, t) / sum;
      size += s[j] * std::fabs(v.get(b, hk, j, t)) / sum;
    }
    double tolerance = unit * (size + std::fabs(expected)) + 2e-6 * size;
    ASSERT_NEAR(o.get(b, h, i, t), expected, tolerance) << "head " << h << " row " << i << " " << t;
  }
  if (visible == 0)
    ASSERT_EQ(lse.get(b, h, i), -INFINITY);
  else
    ASSERT_NEAR(lse.get(b, h, i), top + std::log(sum), 1e-5) << "head " << h << " row " << i;
}

TEST_P(CausalKernel, AgreesWithDoubleLoop) {
  const Case &c = GetParam();
  auto text = [](int64_t value) { return std::to_string(value); };
  PtxCode code =
      compileText(fillTemplate("causal.mlir.in", {{"D", text(c.d)},
                                                  {"V", text(c.dv)},
                                                  {"Q", text(c.queries)},
                                                  {"K", text(c.keys)},
                                                  {"THREADS", text(c.threads)},
                                                  {"STAGES", text(c.stages)},
                                                  {"VISIT", c.sparse ? "%seen" : "%true"},
                                                  {"T", c.bfloat ? "bf16" : "f16"}}));
  ASSERT_FALSE(code.text.empty());
  Number number = c.bfloat ? Number::BF16 : Number::F16;
  std::mt19937 random(1);
  Tensor q(number, c.batch, c.heads, c.nq, c.d), k(number, c.batch, c.keyHeads, c.nk, c.d),
      v(number, c.batch, c.keyHeads, c.nk, c.dv);
  for (Tensor *tensor : {&q, &k, &v})
    tensor->fillNormal(random);
  for (const sim::Options &order : differentOrders()) {
    Tensor o(number, c.batch, c.heads, c.nq, c.dv);
    Tensor lse(Number::F32, c.batch, c.heads, c.nq, 1, true);
    Launch launch;
    for (Tensor *tensor : {&q, &k, &v})
      launch.add(*tensor);
    launch.add(float(std::log2(std::exp(1.0)) / std::sqrt(double(c.d))));
    launch.add(c.offset);
    launch.add(o);
    launch.add(lse);
    std::array<uint32_t, 3> grid{uint32_t((c.nq + c.queries - 1) / c.queries), uint32_t(c.heads),
                                 uint32_t(c.batch)};
    ASSERT_NO_FATAL_FAILURE(launch.run(code, grid, order));
    for (int b = 0; b < c.batch; ++b)
      for (int h = 0; h < c.heads; ++h)
        for (int64_t i = 0; i < c.nq; ++i)
          ASSERT_NO_FATAL_FAILURE(checkRow(c, q, k, v, o, lse, b, h, i));
    EXPECT_TRUE(o.roomUntouched());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, CausalKernel,
    testing::Values(
        Case{"OneToken", 64, 64, 64, 64, 128, 2, true, 1, 1, 1, 1, 1, 0},
        Case{"OddLengths", 64, 64, 64, 64, 128, 2, true, 1, 2, 1, 77, 77, 0},
        Case{"ThreeStages", 64, 64, 64, 32, 128, 3, true, 1, 1, 1, 160, 160, 0},
        Case{"FourStagesOneTile", 64, 64, 64, 32, 128, 4, true, 1, 1, 1, 20, 20, 0},
        Case{"OneStageIsARing", 64, 64, 64, 32, 128, 1, true, 1, 1, 1, 150, 150, 0},
        Case{"TwoRowBlocksAWarp", 64, 64, 128, 64, 128, 2, true, 1, 1, 1, 140, 140, 0},
        Case{"GroupedHeadsAndBatches", 64, 64, 64, 64, 128, 2, true, 2, 4, 2, 70, 70, 0},
        Case{"MoreKeysThanQueries", 64, 64, 64, 64, 128, 2, true, 1, 1, 1, 33, 150, 117},
        Case{"NoKeys", 64, 64, 64, 64, 128, 2, true, 1, 1, 1, 33, 0, 0},
        Case{"RowsThatSeeNothing", 64, 64, 64, 64, 128, 2, true, 1, 1, 1, 100, 90, -70},
        Case{"D128EightWarps", 128, 128, 128, 64, 256, 2, true, 1, 1, 1, 150, 150, 0},
        Case{"D128FourWarps", 128, 128, 128, 32, 128, 2, true, 1, 1, 1, 150, 150, 0},
        Case{"D256", 256, 256, 64, 32, 128, 2, true, 1, 1, 1, 70, 70, 0},
        Case{"D32", 32, 32, 64, 64, 128, 2, true, 1, 1, 1, 100, 100, 0},
        Case{"D16OneWarp", 16, 16, 16, 16, 32, 2, true, 1, 1, 1, 40, 40, 0},
        Case{"D96OtherValueSize", 96, 48, 64, 32, 128, 2, true, 1, 1, 1, 70, 70, 0},
        Case{"FindingTiles", 64, 64, 64, 32, 128, 2, true, 1, 2, 1, 160, 160, 0, true},
        Case{"FindingTilesRing", 64, 64, 64, 32, 128, 1, true, 1, 1, 1, 150, 150, 0, true},
        Case{"FindingTilesThreeStages", 64, 64, 64, 32, 128, 3, true, 1, 1, 1, 100, 90, -70, true},
        Case{"FindingTilesTwoRowBlocks", 128, 128, 128, 32, 128, 2, true, 1, 1, 1, 150, 150, 0,
             true},
        Case{"HalfPrecision", 64, 128, 64, 64, 128, 2, false, 1, 1, 1, 77, 77, 0}),
    [](const testing::TestParamInfo<Case> &info) { return info.param.name; });

} // namespace
