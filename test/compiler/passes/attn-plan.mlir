// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --split-input-file --attn-expand-sugar --attn-plan=target=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: attn-opt %s --split-input-file --attn-expand-sugar --attn-plan=target=x86-64-v4 | FileCheck %s --check-prefix=HOST
// RUN: attn-opt %s --split-input-file --attn-expand-sugar "--attn-plan=target=sm_80 override=keys=32,stages=1" | FileCheck %s --check-prefix=OVERRIDE
// RUN: attn-opt %s --split-input-file --attn-expand-sugar --attn-plan=target=sm_90a | FileCheck %s --check-prefix=SM90A

// SM80-LABEL: attn.kernel @vectors_of_64
// SM80-SAME: attn.plan = #tile.config<queries = 128, keys = 64, threads = 128, stages = 3>
// HOST-LABEL: attn.kernel @vectors_of_64
// HOST-SAME: attn.plan = #tile.config<queries = {{[0-9]+}}, keys = {{[0-9]+}}, threads = 1, stages = 1>
// OVERRIDE-LABEL: attn.kernel @vectors_of_64
// OVERRIDE-SAME: attn.plan = #tile.config<queries = 128, keys = 32, threads = 128, stages = 1>
// Three warpgroups: short vectors and nothing else at each pair.
// SM90A-LABEL: attn.kernel @vectors_of_64
// SM90A-SAME: attn.plan = #tile.config<queries = 192, keys = 128, threads = 512, stages = 2, warpgroups = 3>
attn.kernel @vectors_of_64(%q: !attn.rows<vector<64xbf16>>, %k: !attn.cols<vector<64xbf16>>,
                           %v: !attn.cols<vector<64xbf16>>) -> !attn.rows<vector<64xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<64xbf16>>, !attn.cols<vector<64xbf16>>
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<64xbf16>> -> !attn.rows<vector<64xbf16>>
  return %o : !attn.rows<vector<64xbf16>>
}

// -----

// SM80-LABEL: attn.kernel @vectors_of_128
// SM80-SAME: attn.plan = #tile.config<queries = 128, keys = 32, threads = 128, stages = 2>
// SM90A-LABEL: attn.kernel @vectors_of_128
// SM90A-SAME: attn.plan = #tile.config<queries = 128, keys = 128, threads = 384, stages = 2, warpgroups = 2>
attn.kernel @vectors_of_128(%q: !attn.rows<vector<128xf16>>, %k: !attn.cols<vector<128xf16>>,
                            %v: !attn.cols<vector<128xf16>>) -> !attn.rows<vector<128xf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xf16>>, !attn.cols<vector<128xf16>>
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xf16>> -> !attn.rows<vector<128xf16>>
  return %o : !attn.rows<vector<128xf16>>
}

// -----

// Four warps: the carried vectors of eight would leave no registers for scores.
// SM80-LABEL: attn.kernel @vectors_of_256
// SM80-SAME: attn.plan = #tile.config<queries = 64, keys = {{32|64}}, threads = 128, stages = {{[12]}}>
// SM90A-LABEL: attn.kernel @vectors_of_256
// SM90A-SAME: attn.plan = #tile.config<queries = 128, keys = 80, threads = 384, stages = 2, warpgroups = 2>
attn.kernel @vectors_of_256(%q: !attn.rows<vector<256xbf16>>, %k: !attn.cols<vector<256xbf16>>,
                            %v: !attn.cols<vector<256xbf16>>) -> !attn.rows<vector<256xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<256xbf16>>, !attn.cols<vector<256xbf16>>
  %p = softmax %s : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<256xbf16>> -> !attn.rows<vector<256xbf16>>
  return %o : !attn.rows<vector<256xbf16>>
}

// -----

// A mask of pairs, read from a table, leaves registers for one product a warp.
// SM80-LABEL: attn.kernel @work_at_each_pair
// SM80-SAME: attn.plan = #tile.config<queries = 128, keys = 32, threads = 256, stages = 2>
attn.kernel @work_at_each_pair(%q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>,
                               %v: !attn.cols<vector<128xbf16>>, %t: tensor<?x?xf32>) -> !attn.rows<vector<128xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!attn.matrix<f32>) -> !attn.matrix<f32> {
    %n = load %t[%i, %j] : tensor<?x?xf32>
    %m = arith.mulf %n, %n : f32
    %z = arith.addf %x, %m : f32
    %y = math.tanh %z : f32
    %w = arith.addf %y, %n : f32
    yield %w : f32
  }
  %p = softmax %a : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}

// -----

// Divisions at each pair: the blocks of two tokens, and their distance, take the registers of a product.
// SM80-LABEL: attn.kernel @divisions_at_each_pair
// SM80-SAME: attn.plan = #tile.config<queries = 128, keys = 32, threads = 256, stages = 2>
#blocks = affine_map<()[i, j] -> (i floordiv 64 - j floordiv 64)>
attn.kernel @divisions_at_each_pair(%q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>,
                                    %v: !attn.cols<vector<128xbf16>>, %w: index) -> !attn.rows<vector<128xbf16>> {
  %one = arith.constant 1 : i64
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!attn.matrix<f32>) {
    %d = affine.apply #blocks()[%i, %j]
    %n = arith.index_cast %d : index to i64
    %ones = math.ctpop %n : i64
    %a = arith.cmpi eq, %ones, %one : i64
    %e = arith.subi %i, %j : index
    %f = arith.cmpi sle, %e, %w : index
    %g = arith.ori %a, %f : i1
    yield %g : i1
  }
  %p = softmax %m : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}

// -----

// A second sweep that reads what the first has found of each row: fewer rows a warp.
// SM80-LABEL: attn.kernel @row_values_of_an_earlier_sweep
// SM80-SAME: attn.plan = #tile.config<queries = 128, keys = 64, threads = 256, stages = 2>
attn.kernel @row_values_of_an_earlier_sweep(%q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>,
                                            %v: !attn.cols<vector<128xbf16>>) -> !attn.rows<vector<128xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  %a = map (%x = %s) : (!attn.matrix<f32>) -> !attn.matrix<f32> {
    %y = math.absf %x : f32
    yield %y : f32
  }
  %u = softmax %a : !attn.matrix<f32>
  %p = map (%x = %s, %w = %u) : (!attn.matrix<f32>, !attn.matrix<f32>) -> !attn.matrix<f32> {
    %y = math.copysign %w, %x : f32
    yield %y : f32
  }
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}

// -----

// Two vectors are carried, each with weights of its own: fewer keys.
// SM80-LABEL: attn.kernel @two_carried_vectors
// SM80-SAME: attn.plan = #tile.config<queries = 64, keys = 32, threads = 128, stages = 2>
attn.kernel @two_carried_vectors(%q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>,
                                 %v: !attn.cols<vector<128xbf16>>, %alpha: !attn.rows<f32>, %beta: !attn.rows<f32>) -> !attn.rows<vector<128xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  %u = softmax %s : !attn.matrix<f32>
  %p = map (%x = %u, %a = %alpha, %c = %beta) : (!attn.matrix<f32>, !attn.rows<f32>, !attn.rows<f32>) -> !attn.matrix<f32> {
    %y = math.fma %x, %a, %c : f32
    yield %y : f32
  }
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}

// -----

// Numbers that are read for each pair, and what a mask knows of products, take the registers of keys.
// SM90A-LABEL: attn.kernel @bias_of_pairs
// SM90A-SAME: attn.plan = #tile.config<queries = 128, keys = 96, threads = 384, stages = 2, warpgroups = 2>
attn.kernel @bias_of_pairs(%q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>,
                           %v: !attn.cols<vector<128xbf16>>, %t: tensor<?x?xf32>) -> !attn.rows<vector<128xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!attn.matrix<f32>) -> !attn.matrix<f32> {
    %n = load %t[%i, %j] : tensor<?x?xf32>
    %y = arith.addf %x, %n : f32
    yield %y : f32
  }
  %p = softmax %a : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}

// -----

// A number of each key is one of a quarter of a tile's keys.
// SM90A-LABEL: attn.kernel @bias_of_keys
// SM90A-SAME: attn.plan = #tile.config<queries = 128, keys = 128, threads = 384, stages = 2, warpgroups = 2>
attn.kernel @bias_of_keys(%q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>,
                          %v: !attn.cols<vector<128xbf16>>, %t: !attn.cols<f32>) -> !attn.rows<vector<128xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  %a = map (%x = %s, %n = %t) : (!attn.matrix<f32>, !attn.cols<f32>) -> !attn.matrix<f32> {
    %y = arith.addf %x, %n : f32
    yield %y : f32
  }
  %p = softmax %a : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}

// -----

// A product that only a mask reads stands beside the scores, and its vectors in shared memory.
// SM90A-LABEL: attn.kernel @mask_of_products
// SM90A-SAME: attn.plan = #tile.config<queries = 128, keys = 112, threads = 384, stages = 2, warpgroups = 2>
attn.kernel @mask_of_products(%q: !attn.rows<vector<128xbf16>>, %k: !attn.cols<vector<128xbf16>>,
                              %v: !attn.cols<vector<128xbf16>>, %g: !attn.rows<vector<64xbf16>>,
                              %l: !attn.cols<vector<64xbf16>>) -> !attn.rows<vector<128xbf16>> {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<128xbf16>>, !attn.cols<vector<128xbf16>>
  %near = dot %g, %l : !attn.rows<vector<64xbf16>>, !attn.cols<vector<64xbf16>>
  %m = where (%x = %s, %y = %near) : (!attn.matrix<f32>, !attn.matrix<f32>) {
    %zero = arith.constant 0.0 : f32
    %z = arith.cmpf ogt, %y, %zero : f32
    yield %z : i1
  }
  %p = softmax %m : !attn.matrix<f32>
  %o = contract %p, %v : !attn.matrix<f32>, !attn.cols<vector<128xbf16>> -> !attn.rows<vector<128xbf16>>
  return %o : !attn.rows<vector<128xbf16>>
}
