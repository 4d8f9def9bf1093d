// SPDX-License-Identifier: Apache-2.0
// Titans' MAG: attention in a sliding window, gated number by number with what a memory gave for
// the query: g a + (1 - g) m. The memory is updated outside.
// Rows: 117
// Run: gate={batch}x{heads}x{queries}x128:0.0..1.0 w=20
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded

#window = affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>

attn.kernel @gated_memory(%q: !q, %k: !k, %v: !k, %memory: !q, %gate: !q, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #window[%w] : !s
  %p = softmax %m : !s
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a, %y = %memory, %g = %gate) : (!o, !q, !q) -> !q {
    %f = arith.extf %g : vector<128xbf16> to vector<128xf32>
    %z = arith.extf %y : vector<128xbf16> to vector<128xf32>
    %d = arith.subf %x, %z : vector<128xf32>
    %t = math.fma %d, %f, %z : vector<128xf32>
    %u = arith.truncf %t : vector<128xf32> to vector<128xbf16>
    yield %u : vector<128xbf16>
  }
  return %o : !q
}
