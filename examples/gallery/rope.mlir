// SPDX-License-Identifier: Apache-2.0
// RoPE at load, its base an operand: Attention Buckets runs one prompt under several bases. Pair l of token n turns by
// n base^(-l / 64). Queries and keys are turned once, by kernels that run before the sweep.
// Rows: 11
// Run: base=10000.0
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!t = vector<128xbf16>
!h = vector<64xf32>                    // one angle a pair of components
#causal = affine_set<(b, h, i, j) : (j <= i)>

func.func private @angles(%n: index, %base: f32) -> !h {
  %l = vector.step : vector<64xindex>
  %w = arith.index_cast %l : vector<64xindex> to vector<64xi32>
  %pair = arith.sitofp %w : vector<64xi32> to !h
  %c = arith.constant -0.015625 : f32
  %log = math.log %base : f32
  %step = arith.mulf %log, %c : f32
  %steps = vector.broadcast %step : f32 to !h
  %power = arith.mulf %pair, %steps : !h
  %frequency = math.exp %power : !h
  %whole = arith.index_cast %n : index to i64
  %place = arith.sitofp %whole : i64 to f32
  %places = vector.broadcast %place : f32 to !h
  %y = arith.mulf %frequency, %places : !h
  return %y : !h
}

attn.kernel @rope(%q: !q, %k: !k, %v: !k, %base: f32) -> !q {
  %qr = map (%x = %q) at (%b, %h, %i) : (!q) -> !q {
    %a = func.call @angles(%i, %base) : (index, f32) -> !h
    %y = rotate %x by %a halves : !t
    yield %y : !t
  }
  %kr = map (%x = %k) at (%b, %h, %j) : (!k) -> !k {
    %a = func.call @angles(%j, %base) : (index, f32) -> !h
    %y = rotate %x by %a halves : !t
    yield %y : !t
  }
  %s = dot %qr, %kr scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
