// SPDX-License-Identifier: Apache-2.0
// Recurrent memory: one softmax over a memory, which has no positions, and the chunk of c keys that a query lies in; global
// heads see all keys before it. Each head turns queries and keys by a RoPE of its own base. The memory is made outside.
// Rows: 94
// Run: --kv-heads=4 km=1x{heads}x16x128 vm=1x{heads}x16x128 base={heads}:100.0..20000.0 global={heads}:0..1 c=32
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!m = !attn.cols<vector<128xbf16>, mem>         // one vector an entry of the memory
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!n = !attn.matrix<f32, q, mem>                 // the same with the memory
!a = !attn.matrix<f32, q, mem+k>               // over both
!t = vector<128xbf16>
!h = vector<64xf32>                            // one angle a pair of components
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

attn.kernel @recurrent_memory(%q: !q, %km: !m, %vm: !m, %k: !k, %v: !k, %base: tensor<?xf32>, %global: tensor<?xi32>,
                              %c: index) -> !q {
  %qr = map (%x = %q) at (%b, %h, %i) : (!q) -> !q {
    %own = load %base[%h] : tensor<?xf32>
    %a = func.call @angles(%i, %own) : (index, f32) -> !h
    %y = rotate %x by %a halves : !t
    yield %y : !t
  }
  %kr = map (%x = %k) at (%b, %h, %j) : (!k) -> !k {
    %own = load %base[%h] : tensor<?xf32>
    %a = func.call @angles(%j, %own) : (index, f32) -> !h
    %y = rotate %x by %a halves : !t
    yield %y : !t
  }
  %s = dot %qr, %kr scale 0.0883883 : !q, !k
  %before = where %s in #causal : !s
  %seen = where (%x = %before) at (%b, %h, %i, %j) : (!s) {
    %zero = arith.constant 0 : i32
    %role = load %global[%h] : tensor<?xi32>
    %all = arith.cmpi ne, %role, %zero : i32
    %own = arith.floordivsi %i, %c : index
    %other = arith.floordivsi %j, %c : index
    %same = arith.cmpi eq, %own, %other : index
    %y = arith.ori %all, %same : i1
    yield %y : i1
  }
  %s0 = dot %q, %km scale 0.0883883 : !q, !m
  %x = concat %s0, %seen : !n, !s
  %p = softmax %x : !a
  %u = concat %vm, %v : !m, !k
  %o = contract %p, %u : !a, !attn.cols<vector<128xbf16>, mem+k> -> !q
  return %o : !q
}
