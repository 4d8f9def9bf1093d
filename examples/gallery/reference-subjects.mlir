// SPDX-License-Identifier: Apache-2.0
// IR-Diffusion with its reposition: a token of one subject does not see the tokens of another one, and sees those
// of its own in a reference image, whose keys stand before those of the image. Subject 0 is the background.
// Rows: 37
// Run: subject={batch}x{keys}:0..3 other={batch}x30:0..3 km={batch}x{kv-heads}x30x128 vm={batch}x{kv-heads}x30x128
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!m = !attn.cols<vector<128xbf16>, mem>         // one vector a key of the other segment
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!n = !attn.matrix<f32, q, mem>                 // the same with the other segment
!a = !attn.matrix<f32, q, mem+k>               // over both

attn.kernel @reference_subjects(%q: !q, %km: !m, %vm: !m, %k: !k, %v: !k, %subject: tensor<?x?xi32>,
                                %other: tensor<?x?xi32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %own = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %zero = arith.constant 0 : i32
    %mine = load %subject[%b, %i] : tensor<?x?xi32>
    %its = load %subject[%b, %j] : tensor<?x?xi32>
    %same = arith.cmpi eq, %mine, %its : i32
    %from = arith.cmpi eq, %mine, %zero : i32
    %to = arith.cmpi eq, %its, %zero : i32
    %background = arith.ori %from, %to : i1
    %y = arith.ori %same, %background : i1
    yield %y : i1
  }
  %s0 = dot %q, %km scale 0.0883883 : !q, !m
  %there = where (%x = %s0) at (%b, %h, %i, %j) : (!n) {
    %zero = arith.constant 0 : i32
    %mine = load %subject[%b, %i] : tensor<?x?xi32>
    %its = load %other[%b, %j] : tensor<?x?xi32>
    %same = arith.cmpi eq, %mine, %its : i32
    %subject_only = arith.cmpi ne, %its, %zero : i32
    %y = arith.andi %same, %subject_only : i1
    yield %y : i1
  }
  %x = concat %there, %own : !n, !s
  %p = softmax %x : !a
  %u = concat %vm, %v : !m, !k
  %o = contract %p, %u : !a, !attn.cols<vector<128xbf16>, mem+k> -> !q
  return %o : !q
}
