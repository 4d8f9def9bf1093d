// SPDX-License-Identifier: Apache-2.0
// Focused Transformer: one softmax over the local context and the n keys of a long memory that fit the query
// best. The memory's keys have an axis of their own.
// Rows: 79
// Run: n=7 km=1x{kv-heads}x150x128:-2..2 vm=1x{kv-heads}x150x128 q={batch}x{heads}x{queries}x128:-2..2
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!m = !attn.cols<vector<128xbf16>, mem>         // one vector a key of the memory
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!sm = !attn.matrix<f32, q, mem>
!im = !attn.matrix<i1, q, mem>
!a = !attn.matrix<f32, q, mem+k>               // the same over both
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @focused(%q: !q, %km: !m, %vm: !m, %k: !k, %v: !k, %n: index) -> !q {
  %s0 = dot %q, %km scale 0.0883883 : !q, !m
  %best = select %s0 top %n : !sm
  %s1 = where (%x = %s0, %y = %best) : (!sm, !im) { yield %y : i1 }
  %s2 = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s2 in #causal : !s
  %x = concat %s1, %c : !sm, !s
  %p = softmax %x : !a
  %w = concat %vm, %v : !m, !k
  %o = contract %p, %w : !a, !attn.cols<vector<128xbf16>, mem+k> -> !q
  return %o : !q
}
