// SPDX-License-Identifier: Apache-2.0
// Forgetting attention: each key has a gate in (0, 1), and a score is lowered by the logarithms of all gates between its key and its
// query: the difference of two sums of gates from the first token on, one as the query has it and one as the key has it. They are running
// sums of tokens, made before the kernel that attends.
// Rows: own
// Run: logf={batch}x{kv-heads}x{keys}:-0.5..0.0 logq={batch}x{heads}x{queries}:-0.5..0.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @forgetting(%q: !q, %k: !k, %v: !k, %logq: !r, %logf: !c) -> !q {
  %to_query = scan sum %logq over queries : !r
  %to_key = scan sum %logf over keys : !c
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c, %a = %to_query, %d = %to_key) : (!s, !r, !c) -> !s {
    %between = arith.subf %a, %d : f32
    %y = arith.addf %x, %between : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
