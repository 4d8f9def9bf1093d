// RUN: attn-opt %s --split-input-file --attn-store-matrices --canonicalize | FileCheck %s

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
!n = !attn.matrix<vector<2xf32>>
#causal = affine_set<(b, h, i, j) : (j <= i)>

// What is read at several places and takes a product is stored; so is what neighbours make. Who reads one hides its
// pairs by the condition itself.
// CHECK-LABEL: attn.kernel @neighbours(
// CHECK: %[[S:.*]] = dot
// CHECK: %[[M:.*]] = where (%x = %[[S]])
// CHECK: %[[READ:.*]] = take %[[M]] at (%b, %h, %i, %j)
// CHECK-NEXT: yield %j
// CHECK: %[[HIDDEN:.*]] = where (%x = %[[READ]]) at (%b, %h, %i, %j)
// CHECK: arith.cmpi
// CHECK: %[[NEAR:.*]] = stencil %[[HIDDEN]] keys [-1, 0]
// CHECK: %[[SUM:.*]] = map (%x = %[[NEAR]])
// CHECK: %[[AGAIN:.*]] = take %[[SUM]]
// CHECK: %[[MASKED:.*]] = where (%x = %[[AGAIN]]) at (%b, %h, %i, %j)
// CHECK: arith.cmpi
// CHECK: reduce max %[[MASKED]] over keys
attn.kernel @neighbours(%q: !q, %k: !k) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) { %y = arith.cmpi sle, %j, %i : index   yield %y : i1 }
  %near = stencil %m keys [-1, 0] : !s
  %c = map (%x = %near) : (!n) -> !s { %t = vector.reduction <add>, %x : vector<2xf32> into f32   yield %t : f32 }
  %l = reduce max %c over keys : !s
  return %l : !attn.rows<f32>
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
// Groups are hidden where all their pairs are: a matrix of ones tells. Blocks are read at the pairs of their tokens.
// CHECK-LABEL: attn.kernel @groups(
// CHECK: %[[G:.*]] = reduce max %[[M:.*]] over keys by 8
// CHECK: %[[READ:.*]] = take %[[G]] at (%b, %h, %i, %j) : !attn.matrix<f32, q, k/8> -> !attn.matrix<f32>
// CHECK: %[[BLOCK:.*]] = arith.floordivsi %j, %{{.*}}
// CHECK-NEXT: yield %[[BLOCK]]
// CHECK: %[[ONES:.*]] = map (%x = %[[G]])
// CHECK: yield %cst
// CHECK: %[[SHOWS:.*]] = take %[[ONES]]
// CHECK: %[[HIDDEN:.*]] = where (%x = %[[READ]], %{{.*}} = %[[SHOWS]])
// CHECK: arith.cmpf ogt
// CHECK: map (%x = %[[M]], %{{.*}} = %[[HIDDEN]])
attn.kernel @groups(%q: !q, %k: !k) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) { %y = arith.cmpi sle, %j, %i : index   yield %y : i1 }
  %g = reduce max %m over keys by 8 : !s
  %d = map (%x = %m, %y = %g) : (!s, !attn.matrix<f32, q, k/8>) -> !s { %z = arith.subf %x, %y : f32   yield %z : f32 }
  %l = reduce sum %d over keys : !s
  return %l : !attn.rows<f32>
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
// What is a result is stored as it is, and what no one hides is not hidden again.
// CHECK-LABEL: attn.kernel @result(
// CHECK: %[[G:.*]] = reduce mean %{{.*}} over keys by 8
// CHECK: %[[READ:.*]] = take %[[G]]
// CHECK-NOT: where
// CHECK: %[[GG:.*]] = reduce mean %[[READ]] over queries by 8
// CHECK: return %[[GG]]
attn.kernel @result(%q: !q, %k: !k) -> !attn.matrix<f32, q/8, k/8> {
  %s = dot %q, %k : !q, !k
  %g = reduce mean %s over keys by 8 : !s
  %p = reduce mean %g over queries by 8 : !attn.matrix<f32, q, k/8>
  return %p : !attn.matrix<f32, q/8, k/8>
}

// -----

!q = !attn.rows<vector<32xbf16>>
!k = !attn.cols<vector<32xbf16>>
!s = !attn.matrix<f32>
// Scores that no product makes are stored; numbers of blocks of keys are read.
// CHECK-LABEL: attn.kernel @vectors(
// CHECK: %[[S:.*]] = map (%x = %q, %{{.*}} = %k)
// CHECK: %[[READ:.*]] = take %[[S]]
// CHECK: %[[GATE:.*]] = take %gate at (%b, %h, %i, %j) : !attn.cols<f32, k/8> -> !attn.matrix<f32>
// CHECK: map (%x = %[[READ]], %{{.*}} = %[[GATE]])
attn.kernel @vectors(%q: !q, %k: !k, %gate: !attn.cols<f32, k/8>) -> !attn.rows<f32> {
  %s = map (%x = %q, %y = %k) : (!q, !k) -> !s {
    %a = arith.maximumf %x, %y : vector<32xbf16>
    %t = vector.reduction <maximumf>, %a : vector<32xbf16> into bf16
    %z = arith.extf %t : bf16 to f32
    yield %z : f32
  }
  %d = map (%x = %s, %y = %gate) : (!s, !attn.cols<f32, k/8>) -> !s { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  %l = reduce sum %d over keys : !s
  return %l : !attn.rows<f32>
}
