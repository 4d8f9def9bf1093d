// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --attn-expand-sugar --attn-lower-to-tile --split-input-file --verify-diagnostics

!q = !attn.rows<vector<16xf32>>
!k = !attn.cols<vector<16xf32>>
#plan = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>

// expected-error @+1 {{expected an attribute 'attn.plan' with tile sizes, but there is none; run attn-plan first}}
attn.kernel @no_plan(%q: !q, %k: !k) -> !attn.rows<f32> {
  %s = dot %q, %k : !q, !k
  %l = logsumexp %s : !attn.matrix<f32>
  return %l : !attn.rows<f32>
}

// -----

#plan = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>

attn.kernel @scores_of_f64(%q: !attn.rows<vector<16xf64>>, %k: !attn.cols<vector<16xf64>>)
    -> !attn.rows<f64> attributes {attn.plan = #plan} {
  // expected-error @+1 {{expected scores of f32, but got 'f64', which no target has yet}}
  %s = dot %q, %k : !attn.rows<vector<16xf64>>, !attn.cols<vector<16xf64>>
  %l = logsumexp %s : !attn.matrix<f64>
  return %l : !attn.rows<f64>
}

// -----

!q = !attn.rows<vector<16xf32>>
!k = !attn.cols<vector<16xf32>>
#plan = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>

attn.kernel @vectors_in_a_map(%q: !q, %k: !k, %v: !k) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k : !q, !k
  %a = map (%x = %s, %y = %q) : (!attn.matrix<f32>, !q) -> !attn.matrix<f32> {
    // expected-error @+1 {{expected maps of single numbers, but 'vector.extract' is of vectors; reduce vectors by dot, or map them after the contraction}}
    %n = vector.extract %y[3] : f32 from vector<16xf32>
    %z = arith.addf %x, %n : f32
    yield %z : f32
  }
  %p = softmax %a : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  return %o : !q
}

// -----

!q = !attn.rows<vector<16xf32>>
!k = !attn.cols<vector<16xf32>>
#plan = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>

attn.kernel @reversed_results(%q: !q, %k: !k, %v: !k) -> !q attributes {attn.plan = #plan} {
  %s = dot %q, %k : !q, !k
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q
  %n = map (%x = %o) : (!q) -> !q {
    %e = math.tanh %x : vector<16xf32>
    // expected-error @+1 {{expected an elementwise op on vectors of results, which is what is supported yet, but got 'vector.shuffle'}}
    %z = vector.shuffle %e, %e [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0] : vector<16xf32>, vector<16xf32>
    yield %z : vector<16xf32>
  }
  return %n : !q
}

// -----

!q = !attn.rows<vector<16xf32>>
!k = !attn.cols<vector<16xf32>>
#plan = #tile.config<queries = 32, keys = 64, threads = 1, stages = 1>

attn.kernel @division_by_a_scalar(%q: !q, %k: !k, %n: index) -> !attn.rows<f32>
    attributes {attn.plan = #plan} {
  %s = dot %q, %k : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!attn.matrix<f32>) {
    // expected-error @+1 {{expected affine divisions by positive constants, which is what is supported yet; divide by a scalar with arith.floordivsi}}
    %g = affine.apply affine_map<(d0, d1)[s0] -> (d0 floordiv s0 - d1 floordiv s0)>(%i, %j)[%n]
    %c = arith.constant 0 : index
    %y = arith.cmpi sge, %g, %c : index
    yield %y : i1
  }
  %l = logsumexp %m : !attn.matrix<f32>
  return %l : !attn.rows<f32>
}
