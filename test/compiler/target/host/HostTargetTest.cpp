// SPDX-License-Identifier: Apache-2.0
// Attention on the host against a double loop: lengths, heads, layouts, types and dims that do not fit
// the tiles.
#include "test/compiler/target/host/AttentionProgram.h"
#include "test/compiler/target/host/HostHarness.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

/// The tokens of one (batch, head) as doubles, one after the other.
std::vector<double> gatherTokens(const Tensor &tensor, int64_t b, int64_t h) {
  std::vector<double> numbers;
  for (int64_t n = 0; n < tensor.shape[2]; ++n)
    for (int64_t t = 0; t < tensor.shape[3]; ++t)
      numbers.push_back(tensor.get({b, h, n, t}));
  return numbers;
}

/// Attention of one head in double.
std::vector<double> attend(const Attention &c, const std::vector<double> &q,
                           const std::vector<double> &k, const std::vector<double> &v) {
  std::vector<double> o(c.queryTokens * c.dv);
  for (int64_t i = 0; i < c.queryTokens; ++i) {
    int64_t end = c.causal ? std::min(i + 1, c.keyTokens) : c.keyTokens;
    std::vector<double> scores(end);
    double largest = -INFINITY, total = 0;
    for (int64_t j = 0; j < end; ++j) {
      for (int64_t t = 0; t < c.d; ++t)
        scores[j] += q[i * c.d + t] * k[j * c.d + t];
      scores[j] /= std::sqrt(double(c.d));
      largest = std::max(largest, scores[j]);
    }
    for (int64_t j = 0; j < end; ++j) {
      double weight = std::exp(scores[j] - largest);
      total += weight;
      for (int64_t t = 0; t < c.dv; ++t)
        o[i * c.dv + t] += weight * v[j * c.dv + t];
    }
    for (int64_t t = 0; t < c.dv; ++t)
      o[i * c.dv + t] = total > 0 ? o[i * c.dv + t] / total : 0;
  }
  return o;
}

/// Checks `o` against attention in double on the stored inputs.
void checkAttention(const Attention &c, const Tensor &q, const Tensor &k, const Tensor &v,
                    const Tensor &o) {
  // Inputs are below 1 in magnitude, so outputs are: some roundings of the sums, one of the output.
  double bound = c.dtype == Dtype::F32 ? 2e-6 : c.dtype == Dtype::Bf16 ? 6e-3 : 8e-4;
  double worst = 0;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h) {
      int64_t keyHead = h / (c.heads / c.keyHeads);
      std::vector<double> expected = attend(c, gatherTokens(q, b, h), gatherTokens(k, b, keyHead),
                                            gatherTokens(v, b, keyHead));
      std::vector<double> got = gatherTokens(o, b, h);
      for (size_t at = 0; at < got.size(); ++at) {
        double error = std::abs(got[at] - expected[at]);
        worst = error <= worst ? worst : error; // a NaN stays
      }
    }
  EXPECT_LT(worst, bound);
}

void runAttention(const Attention &c) {
  Tensor q(c.dtype, {c.batch, c.heads, c.queryTokens, c.d}, c.order, c.spread);
  Tensor k(c.dtype, {c.batch, c.keyHeads, c.keyTokens, c.d}, c.order, c.spread);
  Tensor v(c.dtype, {c.batch, c.keyHeads, c.keyTokens, c.dv}, c.order, c.spread);
  q.fill(1);
  k.fill(2);
  v.fill(3);
  for (HostLevel level : getRunnableLevels()) {
    SCOPED_TRACE(getHostFacts(level).name);
    Tensor o(c.dtype, {c.batch, c.heads, c.queryTokens, c.dv}, c.order, c.spread);
    o.fillWith(7);
    Kernel kernel(writeAttention(c), level);
    kernel.run({{"q", q}, {"k", k}, {"v", v}, {"o", o}},
               {{"scale", 1.4426950408889634 / std::sqrt(double(c.d))}});
    checkAttention(c, q, k, v, o);
  }
}

TEST(HostAttention, LengthsThatFitNoTile) {
  for (int64_t tokens : {1, 17, 128, 1000})
    for (bool causal : {false, true}) {
      SCOPED_TRACE(tokens);
      runAttention({.causal = causal, .queryTokens = tokens, .keyTokens = tokens});
    }
}

TEST(HostAttention, MoreKeysThanQueriesAndFewer) {
  runAttention({.queryTokens = 33, .keyTokens = 200});
  runAttention({.queryTokens = 200, .keyTokens = 33});
  runAttention({.causal = true, .queryTokens = 200, .keyTokens = 33});
}

TEST(HostAttention, NoKeysGiveZeros) { runAttention({.queryTokens = 40, .keyTokens = 0}); }

TEST(HostAttention, NoQueriesTouchNothing) { runAttention({.queryTokens = 0, .keyTokens = 40}); }

TEST(HostAttention, GroupedHeadsAndBatches) {
  runAttention(
      {.causal = true, .batch = 2, .heads = 6, .keyHeads = 2, .queryTokens = 70, .keyTokens = 70});
}

TEST(HostAttention, TokensBeforeHeadsInMemory) {
  runAttention({.batch = 2,
                .heads = 3,
                .keyHeads = 3,
                .queryTokens = 70,
                .keyTokens = 90,
                .order = {0, 2, 1, 3}});
}

TEST(HostAttention, ComponentsThatAreNotNeighbours) {
  runAttention({.queryTokens = 70, .keyTokens = 90, .spread = 3});
  runAttention({.dtype = Dtype::Bf16, .queryTokens = 70, .keyTokens = 90, .spread = 2});
}

TEST(HostAttention, HeadDims) {
  for (int64_t d : {1, 7, 32, 64, 80, 128, 256}) {
    SCOPED_TRACE(d);
    runAttention({.d = d, .dv = d, .queryTokens = 40, .keyTokens = 100});
  }
  runAttention({.d = 64, .dv = 33, .queryTokens = 40, .keyTokens = 100});
  runAttention({.d = 32, .dv = 128, .queryTokens = 40, .keyTokens = 100});
}

TEST(HostAttention, NarrowFloats) {
  for (Dtype dtype : {Dtype::Bf16, Dtype::F16})
    for (bool causal : {false, true}) {
      SCOPED_TRACE(getTypeName(dtype));
      runAttention({.dtype = dtype, .causal = causal, .queryTokens = 130, .keyTokens = 130});
      runAttention({.dtype = dtype,
                    .d = 80,
                    .dv = 72,
                    .causal = causal,
                    .queryTokens = 17,
                    .keyTokens = 65});
    }
}

TEST(HostAttention, TileSizes) {
  for (int64_t queries : {1, 4, 24, 48, 64, 80, 128}) {
    int64_t keys = queries == 64 ? 96 : 50;
    SCOPED_TRACE(std::to_string(queries) + " x " + std::to_string(keys));
    runAttention({.d = 32,
                  .dv = 32,
                  .queries = queries,
                  .keys = keys,
                  .causal = true,
                  .queryTokens = 150,
                  .keyTokens = 150});
  }
}

TEST(HostAttention, ValuesThatAreNotFiniteReachOnlyRowsThatSeeThem) {
  for (Dtype dtype : {Dtype::F32, Dtype::Bf16})
    for (double value : {double(NAN), double(INFINITY)})
      for (HostLevel level : getRunnableLevels()) {
        SCOPED_TRACE(std::string(getTypeName(dtype)) + " " + getHostFacts(level).name);
        Attention c = {.dtype = dtype, .causal = true, .queryTokens = 100, .keyTokens = 100};
        std::map<std::string, Tensor> tensors;
        for (const char *name : {"q", "k", "v", "o"})
          (tensors[name] = Tensor(dtype, {1, 1, 100, 64})).fill(name[0]);
        Tensor &v = tensors["v"], &o = tensors["o"];
        double finite = v.get({0, 0, 40, 7});
        v.set({0, 0, 40, 7}, value);
        Kernel kernel(writeAttention(c), level);
        kernel.run(tensors, {{"scale", 0.18}});
        for (int64_t i = 40; i < 100; ++i) {
          EXPECT_FALSE(std::isfinite(o.get({0, 0, i, 7}))) << i;
          EXPECT_TRUE(std::isfinite(o.get({0, 0, i, 6}))) << i;
          o.set({0, 0, i, 7}, 0);
        }
        v.set({0, 0, 40, 7}, finite);
        Tensor same(dtype, {1, 1, 100, 64});
        tensors["o"] = same;
        kernel.run(tensors, {{"scale", 0.18}});
        for (int64_t i = 0; i < 40; ++i)
          EXPECT_NEAR(o.get({0, 0, i, 7}), same.get({0, 0, i, 7}),
                      dtype == Dtype::F32 ? 1e-6 : 8e-3);
      }
}

} // namespace
