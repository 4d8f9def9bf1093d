// SPDX-License-Identifier: Apache-2.0
// JuICE's second run: what a head gave in the first run is added to what it gives now, both scaled.
// Rows: 47
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @saved_heads(%q: !q, %k: !k, %v: !k, %saved: !q, %now: tensor<?xf32>,
                         %before: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a, %old = %saved) at (%b, %h, %i) : (!o, !q) -> !q {
    %f = load %now[%h] : tensor<?xf32>
    %g = load %before[%h] : tensor<?xf32>
    %fs = vector.broadcast %f : f32 to vector<128xf32>
    %gs = vector.broadcast %g : f32 to vector<128xf32>
    %y = arith.extf %old : vector<128xbf16> to vector<128xf32>
    %t = arith.mulf %y, %gs : vector<128xf32>
    %u = math.fma %x, %fs, %t : vector<128xf32>
    %z = arith.truncf %u : vector<128xf32> to vector<128xbf16>
    yield %z : vector<128xbf16>
  }
  return %o : !q
}
