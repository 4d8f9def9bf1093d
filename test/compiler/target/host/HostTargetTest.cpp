// SPDX-License-Identifier: Apache-2.0
// Attention on the host against a double loop: lengths, heads, layouts, types and dims that do not fit
// the tiles.
#include "test/compiler/target/host/HostHarness.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::test;

namespace {

struct Attention {
  Dtype dtype = Dtype::F32;
  int64_t d = 64, dv = 64, queries = 32, keys = 64;
  bool causal = false;
  int64_t batch = 1, heads = 1, keyHeads = 1, queryTokens = 128, keyTokens = 128;
  /// Memory order of (batch, heads, tokens, dim) and the distance of neighbours.
  std::vector<int> order = {};
  int64_t spread = 1;
};

/// Online softmax as attn-lower-to-tile writes it; tiles from `full` on are masked.
const char *const kAttention = R"(
!q = memref<?x?x?x{d}x{t}, strided<[?, ?, ?, {inner}]>>
!v = memref<?x?x?x{dv}x{t}, strided<[?, ?, ?, {inner}]>>
!rows = !tile.rows<{M}, f32>
!part = !tile.partial<{M}, f32>
!s = !tile.matrix<{M}, {N}, f32>
!acc = !tile.rows<{M}, vector<{dv}xf32>>
tile.kernel @attention(%q: !q {tile.name = "q"}, %k: !q {tile.name = "k"}, %v: !v {tile.name = "v"}, %scale: f32 {tile.name = "scale"}, %o: !v {tile.name = "o"})
    attributes {config = #tile.config<queries = {M}, keys = {N}, threads = 1, stages = 1>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %cM = arith.constant {M} : index
  %cN = arith.constant {N} : index
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %nk = memref.dim %k, %c2 : !q
  %heads = memref.dim %o, %c1 : !v
  %key_heads = memref.dim %k, %c1 : !q
  %ratio = arith.divui %heads, %key_heads : index
  %hk = arith.divui %h, %ratio : index
  %end = arith.addi %i0, %cM : index
  %hi = arith.minui {end}, %nk : index
  %first = arith.addi %i0, %c1 : index
  %limit = arith.minui {full}, %nk : index
  %tiles = arith.divui %limit, %cN : index
  %full = arith.muli %tiles, %cN : index
  %qt = tile.load %q[%b, %h, %i0] : !q -> !tile.rows<{M}, vector<{d}x{t}>>
  %m0 = tile.splat %low : f32 -> !rows
  %l0 = tile.splat %zero : f32 -> !part
  %a0 = tile.splat %zero : f32 -> !acc
  %r:3 = scf.for %j0 = %c0 to %hi step %cN iter_args(%m = %m0, %l = %l0, %a = %a0) -> (!rows, !part, !acc) {
    %kt = tile.load %k[%b, %hk, %j0] : !q -> !tile.cols<{N}, vector<{d}x{t}>>
    %s = tile.dot %qt, %kt : !tile.rows<{M}, vector<{d}x{t}>>, !tile.cols<{N}, vector<{d}x{t}>> -> !s
    %partial = arith.cmpi uge, %j0, %full : index
    %x = scf.if %partial -> !s {
      %y = tile.map (%e = %s) at (%i, %j) from (%i0, %j0) : (!s) -> !s {
        %below = arith.cmpi sle, %j, {bound} : index
        %inside = arith.cmpi slt, %j, %nk : index
        %keep = arith.andi %below, %inside : i1
        %z = arith.select %keep, %e, %low : f32
        tile.yield %z : f32
      }
      scf.yield %y : !s
    } else {
      scf.yield %s : !s
    }
    %m1 = tile.reduce max %x, %m {ignore_nan} : !s, !rows -> !rows
    %ms = tile.map (%e = %m1) : (!rows) -> !rows {
      %dead = arith.cmpf oeq, %e, %low : f32
      %z = arith.select %dead, %zero, %e : f32
      tile.yield %z : f32
    }
    %alpha = tile.map (%old = %m, %new = %ms) : (!rows, !rows) -> !rows {
      %d = arith.subf %old, %new : f32
      %t = arith.mulf %d, %scale : f32
      %z = math.exp2 %t : f32
      tile.yield %z : f32
    }
    %p = tile.map (%e = %x, %n = %ms) : (!s, !rows) -> !s {
      %d = arith.subf %e, %n : f32
      %t = arith.mulf %d, %scale : f32
      %z = math.exp2 %t : f32
      tile.yield %z : f32
    }
    %l1 = tile.map (%e = %l, %f = %alpha) : (!part, !rows) -> !part {
      %z = arith.mulf %e, %f : f32
      tile.yield %z : f32
    }
    %l2 = tile.reduce sum %p, %l1 : !s, !part -> !part
    %vt = tile.load %v[%b, %hk, %j0] : !v -> !tile.cols<{N}, vector<{dv}x{t}>>
    %a1 = tile.contract %p, %vt, %a scaled %alpha : !s, !tile.cols<{N}, vector<{dv}x{t}>>, !acc
    scf.yield %m1, %l2, %a1 : !rows, !part, !acc
  }
  %lt = tile.combine sum %r#1 : !part -> !rows
  %w = tile.map (%e = %lt) : (!rows) -> !rows {
    %empty = arith.cmpf oeq, %e, %zero : f32
    %i = arith.divf %one, %e : f32
    %z = arith.select %empty, %zero, %i : f32
    tile.yield %z : f32
  }
  %out = tile.map (%e = %r#2, %f = %w) : (!acc, !rows) -> !tile.rows<{M}, vector<{dv}x{t}>> {
    %y = arith.mulf %e, %f : f32
    {round}
  }
  tile.store %out, %o[%b, %h, %i0] : !tile.rows<{M}, vector<{dv}x{t}>>, !v
  tile.return
}
)";

std::string writeAttention(const Attention &c) {
  std::string type = getTypeName(c.dtype);
  std::string round = c.dtype == Dtype::F32
                          ? "tile.yield %y : f32"
                          : "%z = arith.truncf %y : f32 to " + type + "\n tile.yield %z : " + type;
  return fillIn(kAttention, {{"d", std::to_string(c.d)},
                             {"dv", std::to_string(c.dv)},
                             {"M", std::to_string(c.queries)},
                             {"N", std::to_string(c.keys)},
                             {"t", type},
                             {"inner", c.spread == 1 ? "1" : "?"},
                             {"end", c.causal ? "%end" : "%nk"},
                             {"full", c.causal ? "%first" : "%nk"},
                             {"bound", c.causal ? "%i" : "%j"},
                             {"round", round}});
}

/// Checks `o` against attention in double on the stored inputs.
void checkAttention(const Attention &c, const Tensor &q, const Tensor &k, const Tensor &v,
                    const Tensor &o) {
  double worst = 0, bound = c.dtype == Dtype::F32 ? 2e-6 : c.dtype == Dtype::Bf16 ? 6e-3 : 8e-4;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.queryTokens; ++i) {
        int64_t kh = h / (c.heads / c.keyHeads);
        int64_t end = c.causal ? std::min(i + 1, c.keyTokens) : c.keyTokens;
        std::vector<double> weights(end), sums(c.dv);
        double largest = -INFINITY, total = 0;
        for (int64_t j = 0; j < end; ++j) {
          for (int64_t t = 0; t < c.d; ++t)
            weights[j] += q.get({b, h, i, t}) * k.get({b, kh, j, t});
          weights[j] /= std::sqrt(double(c.d));
          largest = std::max(largest, weights[j]);
        }
        for (int64_t j = 0; j < end; ++j) {
          double weight = std::exp(weights[j] - largest);
          total += weight;
          for (int64_t t = 0; t < c.dv; ++t)
            sums[t] += weight * v.get({b, kh, j, t});
        }
        for (int64_t t = 0; t < c.dv; ++t) {
          double expected = total > 0 ? sums[t] / total : 0;
          double error = std::abs(o.get({b, h, i, t}) - expected);
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
  runAttention({.causal = true, .batch = 2, .heads = 6, .keyHeads = 2, .queryTokens = 70,
                .keyTokens = 70});
}

TEST(HostAttention, TokensBeforeHeadsInMemory) {
  runAttention({.batch = 2, .heads = 3, .keyHeads = 3, .queryTokens = 70, .keyTokens = 90,
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
      runAttention({.dtype = dtype, .d = 80, .dv = 72, .causal = causal, .queryTokens = 17,
                    .keyTokens = 65});
    }
}

TEST(HostAttention, TileSizes) {
  for (int64_t queries : {1, 4, 8, 16, 24, 48, 64, 80, 128})
    for (int64_t keys : {16, 50, 96}) {
      SCOPED_TRACE(std::to_string(queries) + " x " + std::to_string(keys));
      runAttention({.queries = queries, .keys = keys, .causal = true, .queryTokens = 150,
                    .keyTokens = 150});
    }
}

} // namespace
