// SPDX-License-Identifier: Apache-2.0
// NTK-Attention: an infinitely long prefix as a linear state, (sum e^s v + phi(q) Z) / (sum e^s + phi(q).kappa), with positive
// features phi(q) = e^(q / 4). They are made once a query; component f, a product with the unit vector f, is the weight of
// row f of Z in a contraction over the features. A sink of log phi(q).kappa is the denominator, e^-l brings the prefix to
// its scale.
// Rows: 30
// Run: z=1x{heads}x128x128 kappa=1x{heads}x128:0.5..3.0
!q = !attn.rows<vector<128xbf16>>            // one vector a query
!k = !attn.cols<vector<128xbf16>>            // one vector a key
!z = !attn.cols<vector<128xbf16>, f>         // one vector a feature
!s = !attn.matrix<f32>                       // one number a (query, key) pair, never stored
!w = !attn.matrix<f32, q, f>                 // the same with features
!r = !attn.rows<f32>                         // one number a query
!o = !attn.rows<vector<128xf32>>             // a result before it is rounded
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @infinite_prefix(%q: !q, %k: !k, %v: !k, %z: !z, %kappa: !attn.cols<f32, f>) -> !q {
  %phi = map (%x = %q) : (!q) -> !q {
    %quarter = arith.constant dense<0.25> : vector<128xf32>
    %w = arith.extf %x : vector<128xbf16> to vector<128xf32>
    %u = arith.mulf %w, %quarter : vector<128xf32>
    %e = math.exp %u : vector<128xf32>
    %y = arith.truncf %e : vector<128xf32> to vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  %unit = map (%x = %z) at (%b, %h, %f) : (!z) -> !z {
    %place = vector.step : vector<128xindex>
    %fs = vector.broadcast %f : index to vector<128xindex>
    %same = arith.cmpi eq, %place, %fs : vector<128xindex>
    %y = arith.uitofp %same : vector<128xi1> to vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  %w = dot %phi, %unit : !q, !z
  %n = contract %w, %z : !w, !z -> !o
  %each = map (%x = %w, %y = %kappa) : (!w, !attn.cols<f32, f>) -> !w { %u = arith.mulf %x, %y : f32   yield %u : f32 }
  %d = reduce sum %each over keys : !w
  %sink = map (%x = %d) : (!r) -> !r { %y = math.log %x : f32   yield %y : f32 }
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m sink %sink : !s
  %l = logsumexp %m sink %sink : !s
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a, %y = %n, %e = %l) : (!o, !o, !r) -> !q {
    %minus = arith.negf %e : f32
    %f = math.exp %minus : f32
    %fs = vector.broadcast %f : f32 to vector<128xf32>
    %t = arith.mulf %y, %fs : vector<128xf32>
    %sum = arith.addf %x, %t : vector<128xf32>
    %u = arith.truncf %sum : vector<128xf32> to vector<128xbf16>
    yield %u : vector<128xbf16>
  }
  return %o : !q
}
