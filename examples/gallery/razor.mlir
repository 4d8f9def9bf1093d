// SPDX-License-Identifier: Apache-2.0
// RazorAttention: heads that do not retrieve see sinks, a window and one compensation token, the mean of the
// n keys that were dropped, with the weight n e^(q k^): its score is raised by log n. Retrieval heads see all.
// Rows: 75
// Run: km=1x{heads}x1x128 vm=1x{heads}x1x128 retrieval={heads}:0..1 dropped={heads}:1.0..50.0 sinks=4 w=12
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!m = !attn.cols<vector<128xbf16>, mem>         // one vector a key of the other segment
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!n = !attn.matrix<f32, q, mem>                 // the same with the other segment
!a = !attn.matrix<f32, q, mem+k>               // over both
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @razor(%q: !q, %km: !m, %vm: !m, %k: !k, %v: !k, %retrieval: tensor<?xi32>, %dropped: tensor<?xf32>,
                   %sinks: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %kept = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %zero = arith.constant 0 : i32
    %role = load %retrieval[%h] : tensor<?xi32>
    %full = arith.cmpi ne, %role, %zero : i32
    %sink = arith.cmpi slt, %j, %sinks : index
    %near = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    %some = arith.ori %sink, %near : i1
    %y = arith.ori %full, %some : i1
    yield %y : i1
  }
  %s0 = dot %q, %km scale 0.0883883 : !q, !m
  %raised = map (%x = %s0) at (%b, %h, %i, %j) : (!n) -> !n {
    %count = load %dropped[%h] : tensor<?xf32>
    %gain = math.log %count : f32
    %y = arith.addf %x, %gain : f32
    yield %y : f32
  }
  %token = where (%x = %raised) at (%b, %h, %i, %j) : (!n) {
    %zero = arith.constant 0 : i32
    %role = load %retrieval[%h] : tensor<?xi32>
    %y = arith.cmpi eq, %role, %zero : i32
    yield %y : i1
  }
  %x = concat %token, %kept : !n, !s
  %p = softmax %x : !a
  %u = concat %vm, %v : !m, !k
  %o = contract %p, %u : !a, !attn.cols<vector<128xbf16>, mem+k> -> !q
  return %o : !q
}
