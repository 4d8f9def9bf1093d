// SPDX-License-Identifier: Apache-2.0
// DuoAttention: retrieval heads see all of the past, streaming heads the first tokens (sinks) and
// the last w. Which head is which is a captured table of bits.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @duo_attention(%q: !q, %k: !k, %v: !k,
                           %retrieval: tensor<?xi1>, %sinks: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %full = load %retrieval[%h] : tensor<?xi1>
    %sink = arith.cmpi slt, %j, %sinks : index
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %streaming = arith.ori %sink, %near : i1
    %y = arith.ori %full, %streaming : i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
