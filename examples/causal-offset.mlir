// SPDX-License-Identifier: Apache-2.0
// The last queries of a longer sequence (chunked prefill, decoding with a cache): query i stands at
// position i + offset, so that the causal diagonal is moved by an operand. No alignment is ever
// assumed.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#past = affine_set<(b, h, i, j)[offset] : (j <= i + offset)>

attn.kernel @causal_offset(%q: !q, %k: !k, %v: !k, %offset: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #past[%offset] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
