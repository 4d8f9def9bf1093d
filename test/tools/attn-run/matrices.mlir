// Matrices as results and values of groups, heads and neighbours agree with the reference, also in rows and groups of which
// nothing is visible, with last groups that are short, and with fewer heads and batches in some operands.
// RUN: for kernel in groups columns buckets tokens heads around; do \
// RUN:   for device in host sim:sm_80 sim:sm_90; do \
// RUN:     attn-run %s --kernel=$kernel --device=$device --random --convert --check --batch=2 --heads=4 --kv-heads=2 \
// RUN:       --tokens=21 --kv-tokens=37 || exit 1; done; done | FileCheck %s

// CHECK-COUNT-48: passes
// CHECK-NOT: FAILS

!q = !attn.rows<vector<16xbf16>>
!k = !attn.cols<vector<16xbf16>>
!s = !attn.matrix<f32>
!r = !attn.rows<f32>
!c = !attn.cols<f32>

// No pair of the first rows is visible, and of the last keys.
#band = affine_set<(b, h, i, j) : (j <= i - 5, i - j <= 9)>

attn.kernel @groups(%q: !q, %k: !k) -> (!s, !attn.matrix<f32, q, k/8>, !attn.matrix<f32, q/4, k>, !r) {
  %s = dot %q, %k scale 0.25 : !q, !k
  %m = where %s in #band : !s
  %mean = reduce mean %m over keys by 8 : !s
  %low = reduce min %m over queries by 4 : !s
  %best = reduce max %mean over keys : !attn.matrix<f32, q, k/8>
  %one = map (%x = %best) : (!r) -> !r {
    %zero = arith.constant 0.0 : f32
    %d = arith.cmpf olt, %x, %zero : f32
    %y = arith.select %d, %zero, %x : f32
    yield %y : f32
  }
  return %m, %mean, %low, %one : !s, !attn.matrix<f32, q, k/8>, !attn.matrix<f32, q/4, k>, !r
}

// What columns and rows were reduced to comes back to pairs.
attn.kernel @columns(%q: !q, %k: !k) -> (!s, !attn.matrix<f32, q/4, k/8>) {
  %s = dot %q, %k scale 0.25 : !q, !k
  %m = where %s in #band : !s
  %sum = reduce sum %m over queries : !s
  %top = reduce max %m over keys : !s
  %d = map (%x = %m, %y = %sum, %z = %top) at (%b, %h, %i, %j) : (!s, !c, !r) -> !s {
    %a = arith.subf %x, %z : f32
    %e = math.exp %a : f32
    %f = arith.addf %e, %y : f32
    %n = arith.index_cast %h : index to i32
    %g = arith.sitofp %n : i32 to f32
    %o = arith.addf %f, %g : f32
    yield %o : f32
  }
  %by = reduce max %d over keys by 8 : !s
  %both = reduce sum %by over queries by 4 : !attn.matrix<f32, q, k/8>
  return %d, %both : !s, !attn.matrix<f32, q/4, k/8>
}

// Buckets over keys and over queries; some have no pair.
attn.kernel @buckets(%q: !q, %k: !k) -> (!attn.matrix<f32, q, group>, !attn.matrix<f32, group, k>, !attn.rows<f32, q>) {
  %n = arith.constant 70 : index
  axis group size %n
  %s = dot %q, %k scale 0.25 : !q, !k
  %m = where %s in #band : !s
  %p = softmax %m : !s
  %mass = reduce max %p over keys into group at (%b, %h, %i, %j) : !s {
    %c = affine.apply affine_map<(i, j) -> ((i + 2 * j) mod 71)>(%i, %j)
    yield %c : index
  }
  %mean = reduce mean %m over queries into group at (%b, %h, %i, %j) : !s {
    %c = affine.apply affine_map<(i, j) -> (i floordiv 3 - 1)>(%i, %j)
    yield %c : index
  }
  %all = reduce sum %mass over keys : !attn.matrix<f32, q, group>
  return %mass, %mean, %all : !attn.matrix<f32, q, group>, !attn.matrix<f32, group, k>, !r
}

// Tokens: buckets, and neighbours of both sides.
attn.kernel @tokens(%q: !q, %k: !k, %gate: !r) -> (!r, !q) {
  %near = stencil %gate queries [-1, 2] : !r
  %y = map (%x = %near) : (!attn.rows<vector<4xf32>>) -> !r {
    %z = vector.reduction <add>, %x : vector<4xf32> into f32
    yield %z : f32
  }
  %pairs = stencil %k heads 2 keys [-1, 0] : !k
  %v = map (%x = %pairs) : (!attn.cols<vector<2x2x16xbf16>>) -> !k {
    %a = vector.extract %x[0, 1] : vector<16xbf16> from vector<2x2x16xbf16>
    %b = vector.extract %x[1, 0] : vector<16xbf16> from vector<2x2x16xbf16>
    %z = arith.maximumf %a, %b : vector<16xbf16>
    yield %z : vector<16xbf16>
  }
  %s = dot %q, %v scale 0.25 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %y, %o : !r, !q
}

// Heads of rows, of tokens and of pairs.
attn.kernel @heads(%q: !q, %k: !k, %gate: !r) -> (!r, !r, !s, !attn.rows<vector<16xbf16>>) {
  %s = dot %q, %k scale 0.25 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %y = affine.apply affine_map<(h, i, j) -> (i - j - h - 2)>(%h, %i, %j)
    %zero = arith.constant 0 : index
    %z = arith.cmpi sge, %y, %zero : index
    yield %z : i1
  }
  %low = reduce min %gate over heads by 2 : !r
  %l = reduce sum %m over keys : !s
  %mean = reduce mean %l over heads : !r
  %pairs = reduce max %m over heads by 2 : !s
  %vectors = reduce sum %q over heads by 4 : !q
  return %low, %mean, %pairs, %vectors : !r, !r, !s, !q
}

// Neighbours of pairs that are hidden or outside are 0; a condition may read them.
attn.kernel @around(%q: !q, %k: !k) -> (!s, !r) {
  %s = dot %q, %k scale 0.25 : !q, !k
  %m = where %s in #band : !s
  %n = stencil %m heads 2 queries [-1, 1] keys [0, 2] : !s
  %y = map (%x = %n) : (!attn.matrix<vector<2x3x3xf32>>) -> !s {
    %z = vector.shape_cast %x : vector<2x3x3xf32> to vector<18xf32>
    %t = vector.reduction <maximumf>, %z : vector<18xf32> into f32
    yield %t : f32
  }
  %e = stencil %m keys [-1, 0] : !s
  %w = where (%a = %m, %x = %e) : (!s, !attn.matrix<vector<2xf32>>) {
    %u = vector.extract %x[0] : f32 from vector<2xf32>
    %v = vector.extract %x[1] : f32 from vector<2xf32>
    %z = arith.cmpf olt, %u, %v : f32
    yield %z : i1
  }
  %l = reduce sum %w over keys : !s
  return %y, %l : !s, !r
}
