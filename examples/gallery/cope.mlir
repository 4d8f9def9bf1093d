// SPDX-License-Identifier: Apache-2.0
// CoPE, contextual position encoding: the position of a key is not how many tokens it is away but how many gates lie open between it and
// the query, a sum of sigmoids of scores that is no whole number; the logit of the position is interpolated between its two neighbours.
// Logits of all whole positions are products of their own, which the first kernel stores.
// Rows: 96
// Run: last=63
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!e = !attn.cols<vector<128xbf16>, r>   // one vector a position
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!sr = !attn.matrix<f32, q, r>          // one number a query and position
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @cope(%q: !q, %k: !k, %v: !k, %e: !e, %last: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %gates = map (%x = %c) : (!s) -> !s {
    %one = arith.constant 1.0 : f32
    %n = arith.negf %x : f32
    %p = math.exp %n : f32
    %d = arith.addf %one, %p : f32
    %y = arith.divf %one, %d : f32
    yield %y : f32
  }
  %sum = scan sum %gates over keys reverse : !s
  %z = dot %q, %e : !q, !e
  %position = map (%x = %sum) : (!s) -> !s {
    %y = arith.minimumf %x, %last : f32
    yield %y : f32
  }
  %low = take %z (%x = %position) at (%b, %h, %i, %j) : !sr, (!s) -> !s {
    %f = math.floor %x : f32
    %t = arith.fptosi %f : f32 to i64
    %y = arith.index_cast %t : i64 to index
    yield %y : index
  }
  %high = take %z (%x = %position) at (%b, %h, %i, %j) : !sr, (!s) -> !s {
    %f = math.ceil %x : f32
    %t = arith.fptosi %f : f32 to i64
    %y = arith.index_cast %t : i64 to index
    yield %y : index
  }
  %m = map (%x = %c, %a = %low, %d = %high, %y = %position) : (!s, !s, !s, !s) -> !s {
    %f = math.floor %y : f32
    %w = arith.subf %y, %f : f32
    %u = arith.subf %d, %a : f32
    %t = math.fma %w, %u, %a : f32
    %l = arith.addf %x, %t : f32
    yield %l : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
