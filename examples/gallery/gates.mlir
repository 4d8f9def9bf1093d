// SPDX-License-Identifier: Apache-2.0
// A gate a head on its result: 0 prunes or drops a head, more than 1 amplifies it. Who sets the
// gates (gradients, Shapley values, chance, what is known of retrieval or vision heads) is not the
// kernel's business.
// Rows: 42-46
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!o = !attn.rows<vector<128xf32>>       // a result before it is rounded
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @gates(%q: !q, %k: !k, %v: !k, %gate: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a) at (%b, %h, %i) : (!o) -> !q {
    %g = load %gate[%h] : tensor<?xf32>
    %t = vector.broadcast %g : f32 to vector<128xf32>
    %y = arith.mulf %x, %t : vector<128xf32>
    %z = arith.truncf %y : vector<128xf32> to vector<128xbf16>
    yield %z : vector<128xbf16>
  }
  return %o : !q
}
