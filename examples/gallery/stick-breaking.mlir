// SPDX-License-Identifier: Apache-2.0
// Stick-breaking attention: a query breaks its stick key by key, from the last one back, and a key gets the share sigma(s) of what
// those after it have left. p_ij = sigma(s_ij) prod_(j < t < i) (1 - sigma(s_it)): logarithms of what is left are summed over the
// row, from the last key to the first, as the sweep meets them. No key sees its own query.
// Rows: own
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @stick_breaking(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in affine_set<(b, h, i, j) : (j + 1 <= i)> : !s
  %left = map (%x = %m) : (!s) -> !s {
    %e = math.exp %x : f32
    %l = math.log1p %e : f32
    %y = arith.negf %l : f32                    // log(1 - sigma(s))
    yield %y : f32
  }
  %after = scan sum %left over keys reverse exclusive : !s
  %p = map (%x = %m, %y = %left, %z = %after) : (!s, !s, !s) -> !s {
    %e = arith.addf %x, %y : f32                // log sigma(s)
    %t = arith.addf %e, %z : f32
    %w = math.exp %t : f32
    yield %w : f32
  }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
