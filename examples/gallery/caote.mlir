// SPDX-License-Identifier: Apache-2.0
// CAOTE: what the result would lose if a key were evicted, p / (1 - p) |o - v_j|, summed over the queries: one number a key, the
// least is evicted. |o - v|^2 is |o|^2 - 2 o.v + |v|^2, a product of results and values: the results are whole before a
// kernel whose rows are the keys sweeps over the queries.
// Rows: 86
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!r = !attn.rows<f32>                   // one number a query
!c = !attn.cols<f32>                   // one number a key
!t = vector<128xbf16>

func.func private @square(%x: !t) -> f32 {
  %w = arith.extf %x : !t to vector<128xf32>
  %z = arith.mulf %w, %w : vector<128xf32>
  %y = vector.reduction <add>, %z : vector<128xf32> into f32
  return %y : f32
}

attn.kernel @caote(%q: !q, %k: !k, %v: !k) -> (!q, !c {attn.name = "loss"}) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  %oo = map (%x = %o) : (!q) -> !r { %y = func.call @square(%x) : (!t) -> f32   yield %y : f32 }
  %vv = map (%x = %v) : (!k) -> !c { %y = func.call @square(%x) : (!t) -> f32   yield %y : f32 }
  %ov = dot %o, %v : !q, !k
  %e = map (%w = %p, %x = %oo, %y = %ov, %z = %vv) : (!s, !r, !s, !c) -> !s {
    %zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %two = arith.constant 2.0 : f32
    %cross = arith.mulf %y, %two : f32
    %a = arith.addf %x, %z : f32
    %d = arith.subf %a, %cross : f32
    %square = arith.maximumf %d, %zero : f32
    %length = math.sqrt %square : f32
    %rest = arith.subf %one, %w : f32
    %odds = arith.divf %w, %rest : f32
    %loss = arith.mulf %odds, %length : f32
    yield %loss : f32
  }
  %loss = reduce sum %e over queries : !s
  return %o, %loss : !q, !c
}
