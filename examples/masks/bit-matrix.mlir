// SPDX-License-Identifier: Apache-2.0
// Any mask at all, captured as a matrix of bits, 32 keys a word: what another program computed, a
// sampled or learned pattern. Memory grows with the square of the length; a predicate costs none.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!words = tensor<?x?x?xi32>             // bit j mod 32 of word [b, i, j / 32]: does i see j?

attn.kernel @bit_matrix(%q: !q, %k: !k, %v: !k, %words: !words) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %word, %place = affine.delinearize_index %j into (32) : index, index
    %bits = load %words[%b, %i, %word] : !words
    %shift = arith.index_cast %place : index to i32
    %shifted = arith.shrui %bits, %shift : i32
    %y = arith.trunci %shifted : i32 to i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
