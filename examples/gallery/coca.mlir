// SPDX-License-Identifier: Apache-2.0
// CoCA: collinear constrained attention, sum over pairs l of t_l |q_l|^2 cos((i - j) theta_l), is one product of vectors that are
// made at load: |q_l|^2 and t_l, each turned by its token's angle. t = relu(W x) is made outside.
// Rows: 10
// Run: t={batch}x{kv-heads}x{keys}x64:0.0..1.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!t = vector<128xbf16>
!f = vector<128xf32>
!h = vector<64xf32>                    // one number a pair of components
#causal = affine_set<(b, h, i, j) : (j <= i)>

// (radius, 0) of each pair, turned by n 10000^(-l / 64).
func.func private @polar(%radius: !h, %n: index) -> !t {
  %l = vector.step : vector<64xindex>
  %w = arith.index_cast %l : vector<64xindex> to vector<64xi32>
  %pair = arith.sitofp %w : vector<64xi32> to !h
  %step = arith.constant dense<-0.143911568> : !h
  %power = arith.mulf %pair, %step : !h
  %frequency = math.exp %power : !h
  %whole = arith.index_cast %n : index to i64
  %place = arith.sitofp %whole : i64 to f32
  %places = vector.broadcast %place : f32 to !h
  %angle = arith.mulf %frequency, %places : !h
  %zero = arith.constant dense<0.0> : !h
  %flat = vector.interleave %radius, %zero : !h -> !f
  %turned = attn.rotate %flat by %angle pairs : !f
  %y = arith.truncf %turned : !f to !t
  return %y : !t
}

attn.kernel @coca(%q: !q, %t: !attn.cols<!h>, %v: !k) -> !q {
  %qc = map (%x = %q) at (%b, %h, %i) : (!q) -> !q {
    %w = arith.extf %x : !t to !f
    %square = arith.mulf %w, %w : !f
    %even, %odd = vector.deinterleave %square : !f -> !h
    %radius = arith.addf %even, %odd : !h
    %y = func.call @polar(%radius, %i) : (!h, index) -> !t
    yield %y : !t
  }
  %kc = map (%x = %t) at (%b, %h, %j) : (!attn.cols<!h>) -> !k {
    %y = func.call @polar(%x, %j) : (!h, index) -> !t
    yield %y : !t
  }
  %s = dot %qc, %kc scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
