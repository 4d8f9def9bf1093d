// SPDX-License-Identifier: Apache-2.0
// The text of softmax attention as a tile program.
#include "test/compiler/target/host/AttentionProgram.h"

namespace attune::test {

/// Online softmax as attn-lower-to-tile writes it; tiles from `full` on are masked.
static const char *const kAttention = R"(
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

} // namespace attune::test
