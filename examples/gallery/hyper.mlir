// SPDX-License-Identifier: Apache-2.0
// HyperAttention: the keys of the query's bucket, and a sample of the others that stands for all of
// them: a sampled key counts n / m times, so log(n / m) is added to its score. One softmax over
// both.
// Rows: 66
// Run: its={batch}x{kv-heads}x{keys}:0..3 sampled={keys} log_share=1.1
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!ri = !attn.rows<i32>                  // the bucket of a query
!ci = !attn.cols<i32>                  // the bucket of a key

attn.kernel @hyper(%q: !q, %k: !k, %v: !k, %mine: !ri, %its: !ci, %sampled: tensor<?xi1>,
                   %log_share: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %t = where (%x = %s, %a = %mine, %c = %its) at (%b, %h, %i, %j) : (!s, !ri, !ci) {
    %same = arith.cmpi eq, %a, %c : i32
    %chosen = load %sampled[%j] : tensor<?xi1>
    %y = arith.ori %same, %chosen : i1
    yield %y : i1
  }
  %m = map (%x = %t, %a = %mine, %c = %its) : (!s, !ri, !ci) -> !s {
    %same = arith.cmpi eq, %a, %c : i32
    %more = arith.addf %x, %log_share : f32
    %y = arith.select %same, %x, %more : f32
    yield %y : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
