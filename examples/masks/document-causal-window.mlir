// SPDX-License-Identifier: Apache-2.0
// Pretraining on packed documents with local attention: a token sees the last w + 1 tokens of its
// own document. One `where` hides further pairs of another; a pair is visible if no one hides it.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ids = tensor<?x?xi32>                 // the document of each token of each sequence
#window = affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>

attn.kernel @document_causal_window(%q: !q, %k: !k, %v: !k,
                                    %doc: !ids {attn.sorted}, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #window[%w] : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %mine = load %doc[%b, %i] : !ids
    %its = load %doc[%b, %j] : !ids
    %y = arith.cmpi eq, %mine, %its : i32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
