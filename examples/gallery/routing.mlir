// SPDX-License-Identifier: Apache-2.0
// Routing Transformer, and the buckets of LSH: a query sees the keys of its cluster. Clusters are
// found outside; with keys sorted by cluster a query's keys are an interval, which the compiler
// searches for.
// Rows: 62
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ri = !attn.rows<i32>                  // the cluster of a query
!ci = !attn.cols<i32>                  // the cluster of a key

attn.kernel @routing(%q: !q, %k: !k, %v: !k, %mine: !ri, %its: !ci {attn.sorted}) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %a = %mine, %c = %its) : (!s, !ri, !ci) {
    %y = arith.cmpi eq, %a, %c : i32
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
