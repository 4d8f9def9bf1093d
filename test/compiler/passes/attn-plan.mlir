// SPDX-License-Identifier: Apache-2.0
// RUN: attn-opt %s --split-input-file --attn-expand-sugar --attn-plan=target=sm_80 | FileCheck %s --check-prefix=SM80
// RUN: attn-opt %s --split-input-file --attn-expand-sugar --attn-plan=target=x86-64-v4 | FileCheck %s --check-prefix=HOST
// RUN: attn-opt %s --split-input-file --attn-expand-sugar "--attn-plan=target=sm_80 override=keys=32,stages=1" | FileCheck %s --check-prefix=OVERRIDE

// SM80-LABEL: attn.kernel @vectors_of_64
// SM80-SAME: attn.plan = #tile.config<queries = 128, keys = 64, threads = 128, stages = 3>
// HOST-LABEL: attn.kernel @vectors_of_64
// HOST-SAME: attn.plan = #tile.config<queries = {{[0-9]+}}, keys = {{[0-9]+}}, threads = 1, stages = 1>
// OVERRIDE-LABEL: attn.kernel @vectors_of_64
// OVERRIDE-SAME: attn.plan = #tile.config<queries = 128, keys = 32, threads = 128, stages = 1>
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
