// SPDX-License-Identifier: Apache-2.0
// StreamingLLM: a query sees the first tokens of the sequence, on which attention rests, and the
// last w + 1.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @streaming_llm(%q: !q, %k: !k, %v: !k, %sinks: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %sink = arith.cmpi slt, %j, %sinks : index
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %y = arith.ori %sink, %near : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
