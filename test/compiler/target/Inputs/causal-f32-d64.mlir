// Causal attention, f32, d = 64, as attn-lower-to-tile writes it (by hand: what back ends must lower).
!tokens = memref<?x?x?x64xf32, strided<[?, ?, ?, 1]>>
!rows = !tile.rows<32, f32>
!part = !tile.partial<32, f32>
!s = !tile.matrix<32, 64, f32>
!acc = !tile.rows<32, vector<64xf32>>
tile.kernel @causal(%q: !tokens {tile.name = "q"}, %k: !tokens {tile.name = "k"}, %v: !tokens {tile.name = "v"}, %o: !tokens {tile.name = "out"})
    attributes {config = #tile.config<queries = 32, keys = 64, threads = 1, stages = 2>, result_count = 1 : i64} {
  %b, %h, %i0 = tile.coordinates
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %scale = arith.constant 0.18033688 : f32 // log2(e) / 8
  %nk = memref.dim %k, %c2 : !tokens
  %heads = memref.dim %o, %c1 : !tokens
  %key_heads = memref.dim %k, %c1 : !tokens
  %ratio = arith.divui %heads, %key_heads : index
  %hk = arith.divui %h, %ratio : index
  // keys [0, min(i0 + 32, nk)); those below (i0 + 1) floordiv 64 * 64 need no mask
  %end = arith.addi %i0, %c32 : index
  %hi = arith.minui %end, %nk : index
  %first = arith.addi %i0, %c1 : index
  %limit = arith.minui %first, %nk : index
  %tiles = arith.divui %limit, %c64 : index
  %full = arith.muli %tiles, %c64 : index
  %qt = tile.load %q[%b, %h, %i0] : !tokens -> !tile.rows<32, vector<64xf32>>
  %m0 = tile.splat %low : f32 -> !rows
  %l0 = tile.splat %zero : f32 -> !part
  %a0 = tile.splat %zero : f32 -> !acc
  %r:3 = scf.for %j0 = %c0 to %hi step %c64 iter_args(%m = %m0, %l = %l0, %a = %a0) -> (!rows, !part, !acc) {
    %kt = tile.load %k[%b, %hk, %j0] : !tokens -> !tile.cols<64, vector<64xf32>>
    %s = tile.dot %qt, %kt : !tile.rows<32, vector<64xf32>>, !tile.cols<64, vector<64xf32>> -> !s
    %partial = arith.cmpi uge, %j0, %full : index
    %x = scf.if %partial -> !s {
      %y = tile.map (%e = %s) at (%i, %j) from (%i0, %j0) : (!s) -> !s {
        %below = arith.cmpi sle, %j, %i : index
        %inside = arith.cmpi slt, %j, %nk : index
        %keep = arith.andi %below, %inside : i1
        %z = arith.select %keep, %e, %low : f32
        tile.yield %z : f32
      }
      scf.yield %y : !s
    } else {
      scf.yield %s : !s
    }
    %m1 = tile.reduce max %x, %m {ignore_nan} : !s, !rows -> !rows
    // the exponent's origin: 0 for a row that has seen nothing but -inf
    %ms = tile.map (%e = %m1) : (!rows) -> !rows {
      %dead = arith.cmpf oeq, %e, %low : f32
      %z = arith.select %dead, %zero, %e : f32
      tile.yield %z : f32
    }
    %alpha = tile.map (%old = %m, %new = %ms) : (!rows, !rows) -> !rows {
      %d = arith.subf %old, %new : f32
      %t = arith.mulf %d, %scale : f32
      %z = math.exp2 %t : f32
      tile.yield %z : f32
    }
    %p = tile.map (%e = %x, %n = %ms) : (!s, !rows) -> !s {
      %d = arith.subf %e, %n : f32
      %t = arith.mulf %d, %scale : f32
      %z = math.exp2 %t : f32
      tile.yield %z : f32
    }
    %l1 = tile.map (%e = %l, %f = %alpha) : (!part, !rows) -> !part {
      %z = arith.mulf %e, %f : f32
      tile.yield %z : f32
    }
    %l2 = tile.reduce sum %p, %l1 : !s, !part -> !part
    %vt = tile.load %v[%b, %hk, %j0] : !tokens -> !tile.cols<64, vector<64xf32>>
    %a1 = tile.contract %p, %vt, %a scaled %alpha : !s, !tile.cols<64, vector<64xf32>>, !acc
    scf.yield %m1, %l2, %a1 : !rows, !part, !acc
  }
  %lt = tile.combine sum %r#1 : !part -> !rows
  %w = tile.map (%e = %lt) : (!rows) -> !rows {
    %empty = arith.cmpf oeq, %e, %zero : f32
    %i = arith.divf %one, %e : f32
    %z = arith.select %empty, %zero, %i : f32
    tile.yield %z : f32
  }
  %out = tile.map (%e = %r#2, %f = %w) : (!acc, !rows) -> !acc {
    %z = arith.mulf %e, %f : f32
    tile.yield %z : f32
  }
  tile.store %out, %o[%b, %h, %i0] : !acc, !tokens
  tile.return
}
