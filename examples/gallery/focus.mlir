// SPDX-License-Identifier: Apache-2.0
// Focus directions: contextual heads move queries and keys along a learned direction of the head, q + a d_q and k + b d_k;
// the strengths a and b are operands, 0 for heads that are to stay as they are.
// Rows: 55
// Run: dq={heads}x128 dk={kv-heads}x128 a={heads} b={kv-heads}
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!t = vector<128xbf16>
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @moved(%x: !t, %direction: !t, %strength: f32) -> !t {
  %w = arith.extf %x : !t to vector<128xf32>
  %d = arith.extf %direction : !t to vector<128xf32>
  %all = vector.broadcast %strength : f32 to vector<128xf32>
  %z = math.fma %d, %all, %w : vector<128xf32>
  %y = arith.truncf %z : vector<128xf32> to !t
  return %y : !t
}

attn.kernel @focus(%q: !q, %k: !k, %v: !k, %dq: tensor<?x128xbf16>, %dk: tensor<?x128xbf16>,
                   %a: tensor<?xf32>, %b: tensor<?xf32>) -> !q {
  %qm = map (%x = %q) at (%n, %h, %i) : (!q) -> !q {
    %d = load %dq[%h] : tensor<?x128xbf16>
    %strength = load %a[%h] : tensor<?xf32>
    %y = func.call @moved(%x, %d, %strength) : (!t, !t, f32) -> !t
    yield %y : !t
  }
  %km = map (%x = %k) at (%n, %h, %j) : (!k) -> !k {
    %d = load %dk[%h] : tensor<?x128xbf16>
    %strength = load %b[%h] : tensor<?xf32>
    %y = func.call @moved(%x, %d, %strength) : (!t, !t, f32) -> !t
    yield %y : !t
  }
  %s = dot %qm, %km scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
