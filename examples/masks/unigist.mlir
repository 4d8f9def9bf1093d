// SPDX-License-Identifier: Apache-2.0
// UniGist: the last token of every `period` is a gist that stands for the ones before it. A query
// sees all gists of the past, and raw tokens only among the last w.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @unigist(%q: !q, %k: !k, %v: !k, %period: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %group, %place = affine.delinearize_index %j into (%period) : index, index
    %gist = holds affine_set<(place)[period] : (place == period - 1)>(%place)[%period]
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %y = arith.ori %gist, %near : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
