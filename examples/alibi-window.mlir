// SPDX-License-Identifier: Apache-2.0
// The README's kernel: ALiBi in a causal sliding window. A score is changed by `map` and hidden by
// `where`; the two commute, so that a mask has no place in an order.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#window = affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>

func.func private @distance(%i: index, %j: index) -> f32 {      // j - i, as a float
  %d = arith.subi %j, %i : index
  %n = arith.index_cast %d : index to i64
  %f = arith.sitofp %n : i64 to f32
  return %f : f32
}

attn.kernel @alibi_window(%q: !q, %k: !k, %v: !k, %slope: tensor<?xf32>, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k                // s = q.k / sqrt(128)
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {   // at each visible pair:
    %n = load %slope[%h] : tensor<?xf32>   %d = func.call @distance(%i, %j) : (index, index) -> f32
    %y = math.fma %n, %d, %x : f32         yield %y : f32 }  // s + slope (j - i)
  %m = where %a in #window[%w] : !s                       // hide what is ahead or too far back
  %p = softmax %m : !s                                    // over the visible keys of each row
  %o = contract %p, %v : !s, !k -> !q                     // sum of p v
  return %o : !q
}
