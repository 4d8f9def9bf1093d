// SPDX-License-Identifier: Apache-2.0
// The language's gallery: published variants, each a few lines, that must parse, verify, become
// primitives and survive upstream's canonicaliser. What they compute is the reference's business.
// RUN: attn-opt %s --attn-inline-helpers --attn-expand-sugar --symbol-dce --canonicalize --cse -o %t
// RUN: FileCheck %s < %t
// CHECK-NOT: {{call|softmax|logsumexp|= entmax|holds|rotate|contains}}

!q = !attn.rows<vector<128xbf16>>
!k = !attn.cols<vector<128xbf16>>
!o = !attn.rows<vector<128xf32>>
!r = !attn.rows<f32>
!c = !attn.cols<f32>
!ri = !attn.rows<i32>
!ci = !attn.cols<i32>
!s = !attn.matrix<f32>
!t = vector<128xbf16>
!f = vector<128xf32>
!h = vector<64xf32>
!kb = !attn.cols<vector<128xbf16>, k/64>
!sb = !attn.matrix<f32, q, k/64>
!sbb = !attn.matrix<f32, q/64, k/64>
!kr = !attn.cols<vector<128xbf16>, rel>
!sr = !attn.matrix<f32, q, rel>
!m = !attn.matrix<i1>
!mb = !attn.matrix<i1, q, k/64>
!mbb = !attn.matrix<i1, q/64, k/64>
!qbb = !attn.rows<vector<128xbf16>, q/64>
#causal = affine_set<(b, h, i, j) : (j <= i)>
#window = affine_set<(b, h, i, j)[w] : (j <= i, i - j <= w)>
#near   = affine_set<(i, j)[w] : (i - j <= w)>
#past   = affine_set<(b, h, i, j) : (j + 1 <= i floordiv 64)>
func.func private @real(%n: index) -> f32 {
  %w = arith.index_cast %n : index to i64   %x = arith.sitofp %w : i64 to f32   return %x : f32 }
func.func private @sigmoid(%x: f32) -> f32 {
  %one = arith.constant 1.0 : f32   %n = arith.negf %x : f32   %e = math.exp %n : f32
  %d = arith.addf %e, %one : f32   %y = arith.divf %one, %d : f32   return %y : f32 }
func.func private @exp_diff(%x: f32, %y: f32) -> f32 { %d = arith.subf %x, %y : f32   %e = math.exp %d : f32   return %e : f32 }
func.func private @rms(%x: vector<128xf32>, %gain: tensor<128xf32>) -> vector<128xbf16> {
  %g = attn.load %gain[] : tensor<128xf32>   %xx = arith.mulf %x, %x : !f   %n = vector.reduction <add>, %xx : !f into f32
  %c = arith.constant 0.0078125 : f32   %eps = arith.constant 1.0e-6 : f32   %a = math.fma %n, %c, %eps : f32
  %r = math.rsqrt %a : f32   %rv = vector.broadcast %r : f32 to !f
  %y = arith.mulf %x, %rv : !f   %z = arith.mulf %y, %g : !f   %t = arith.truncf %z : !f to !t   return %t : !t }
// n * base^(-l/64), l = 0 .. 63
func.func private @angles(%n: index, %base: f32) -> vector<64xf32> {
  %l = vector.step : vector<64xindex>   %w = arith.index_cast %l : vector<64xindex> to vector<64xi32>
  %x = arith.sitofp %w : vector<64xi32> to !h   %c = arith.constant -0.015625 : f32
  %u = math.log %base : f32   %g = arith.mulf %u, %c : f32   %gv = vector.broadcast %g : f32 to !h
  %p = arith.mulf %x, %gv : !h   %e = math.exp %p : !h
  %r = func.call @real(%n) : (index) -> f32   %rv = vector.broadcast %r : f32 to !h   %y = arith.mulf %e, %rv : !h   return %y : !h }
func.func private @sum(%x: vector<128xf32>, %y: vector<128xf32>) -> vector<128xbf16> {
  %u = arith.addf %x, %y : !f   %t = arith.truncf %u : !f to !t   return %t : !t }
// min(max(j - i, -16), 16) + 16
func.func private @clip(%i: index, %j: index) -> index {
  %lo = arith.constant 0 : index   %hi = arith.constant 32 : index   %d = affine.apply affine_map<(i, j) -> (j - i + 16)>(%i, %j)
  %a = arith.maxsi %d, %lo : index   %y = arith.minsi %a, %hi : index   return %y : index }
// NATTEN, one axis of n tokens: is y in the window of w around x, stride s, dilation d (w * d <= n)?
func.func private @near(%x: index, %y: index, %n: index, %w: index, %s: index, %d: index) -> i1 {
  %0 = arith.constant 0 : index   %1 = arith.constant 1 : index   %2 = arith.constant 2 : index
  %xg, %xr = affine.delinearize_index %x into (%d) : index, index                     // x = d * xg + xr
  %yg, %yr = affine.delinearize_index %y into (%d) : index, index
  %left = arith.subi %n, %xr : index   %len = arith.ceildivsi %left, %d : index         // tokens in x's dilation group
  %g = arith.floordivsi %xg, %s : index   %g0 = arith.muli %g, %s : index   %half = arith.floordivsi %s, %2 : index
  %mid = arith.addi %g0, %half : index   %last = arith.subi %len, %1 : index   %leader = arith.minsi %mid, %last : index
  %hw = arith.floordivsi %w, %2 : index   %a = arith.subi %leader, %hw : index          // window, pushed inside the axis
  %room = arith.subi %len, %w : index   %a1 = arith.minsi %a, %room : index   %from = arith.maxsi %a1, %0 : index
  %to = arith.addi %from, %w : index   %k0 = arith.cmpi eq, %xr, %yr : index   %k1 = arith.cmpi sge, %yg, %from : index
  %k2 = arith.cmpi slt, %yg, %to : index   %k3 = arith.andi %k0, %k1 : i1   %keep = arith.andi %k3, %k2 : i1   return %keep : i1 }
func.func private @near_causal(%x: index, %y: index, %n: index, %w: index, %s: index) -> i1 {   // a causal axis, dilation 1
  %1 = arith.constant 1 : index   %g = arith.floordivsi %x, %s : index   %g1 = arith.addi %g, %1 : index
  %e = arith.muli %g1, %s : index   %end = arith.minsi %e, %n : index   %from = arith.subi %end, %w : index   // leader = end - 1
  %k1 = arith.cmpi sge, %y, %from : index   %k2 = arith.cmpi sle, %y, %x : index   %keep = arith.andi %k1, %k2 : i1   return %keep : i1 }

// full, cross, GQA, MQA attention: nothing is said about lengths or heads
attn.kernel @plain(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// sliding window of w + 1 keys
attn.kernel @causal_window(%q: !q, %k: !k, %v: !k, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #window[%w] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// packed documents, causal
attn.kernel @document(%q: !q, %k: !k, %v: !k, %doc: tensor<?x?xi32> {attn.sorted}) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %u = load %doc[%b, %i] : tensor<?x?xi32>   %w = load %doc[%b, %j] : tensor<?x?xi32>   %y = arith.cmpi eq, %u, %w : i32   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// one prefix length a sequence
attn.kernel @prefix_lm(%q: !q, %k: !k, %v: !k, %prefix: tensor<?xi32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %n = load %prefix[%b] : tensor<?xi32> -> index   %a = arith.cmpi sle, %j, %i : index   %p0 = arith.cmpi slt, %j, %n : index
    %y = arith.ori %a, %p0 : i1   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// 1-D neighborhood, stride, dilation
attn.kernel @na1d(%q: !q, %k: !k, %v: !k, %w: index, %st: index, %dil: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %n = size k of %b   %y = func.call @near(%i, %j, %n, %w, %st, %dil) : (index, index, index, index, index, index) -> i1   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// 3-D, causal in time; 2-D drops an axis
attn.kernel @na3d(%q: !q, %k: !k, %v: !k, %T: index, %H: index, %W: index, %wt: index, %wh: index, %ww: index, %st: index, %sh: index, %sw: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  axis q grid (%T, %H, %W)   axis k grid (%T, %H, %W)   %one = arith.constant 1 : index
  %m = where (%e = %s) at (%b, %h, %i, %j) : (!s) {
    %t, %y, %x = affine.delinearize_index %i into (%T, %H, %W) : index, index, index
    %u, %z, %w = affine.delinearize_index %j into (%T, %H, %W) : index, index, index
    %a = func.call @near_causal(%t, %u, %T, %wt, %st) : (index, index, index, index, index) -> i1
    %d = func.call @near(%y, %z, %H, %wh, %sh, %one) : (index, index, index, index, index, index) -> i1
    %f = func.call @near(%x, %w, %W, %ww, %sw, %one) : (index, index, index, index, index, index) -> i1
    %g = arith.andi %a, %d : i1   %l = arith.andi %g, %f : i1   yield %l : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// PowerAttention: a window, or a block distance that is a power of two
attn.kernel @power(%q: !q, %k: !k, %v: !k, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %d = affine.apply affine_map<(i, j) -> (i floordiv 64 - j floordiv 64)>(%i, %j)   %n = arith.index_cast %d : index to i64
    %ones = math.ctpop %n : i64   %1 = arith.constant 1 : i64   %a = arith.cmpi eq, %ones, %1 : i64
    %near = holds #near(%i, %j)[%w]   %y = arith.ori %a, %near : i1   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// DuoAttention; a route[b] test is the same
attn.kernel @duo(%q: !q, %k: !k, %v: !k, %retrieval: tensor<?xi1>, %sinks: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %full = load %retrieval[%h] : tensor<?xi1>   %sink = arith.cmpi slt, %j, %sinks : index   %near = holds #near(%i, %j)[%w]
    %y0 = arith.ori %full, %sink : i1   %y = arith.ori %y0, %near : i1   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// every key has a last query that sees it
attn.kernel @nats(%q: !q, %k: !k, %v: !k, %end: !ci) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c, %e = %end) at (%b, %h, %i, %j) : (!s, !ci) {
    %n = arith.index_cast %e : i32 to index   %y = arith.cmpi sle, %i, %n : index   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// every 9th token is a gist, seen by all later queries; raw tokens only near
attn.kernel @unigist(%q: !q, %k: !k, %v: !k, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = where (%x = %c) at (%b, %h, %i, %j) : (!s) {
    %gist = holds affine_set<(j) : (j mod 9 == 8)>(%j)   %near = holds #near(%i, %j)[%w]   %y = arith.ori %gist, %near : i1   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// Routing Transformer, LSH buckets: keys of the query's cluster
attn.kernel @routing(%q: !q, %k: !k, %v: !k, %qc: !ri, %kc: !ci {attn.sorted}) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %a = %qc, %d = %kc) : (!s, !ri, !ci) { %y = arith.cmpi eq, %a, %d : i32   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// ALiBi in a window
attn.kernel @alibi_window(%q: !q, %k: !k, %v: !k, %slope: tensor<?xf32>, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %a = map (%x = %s) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = load %slope[%h] : tensor<?xf32>   %d = arith.subi %j, %i : index   %f = func.call @real(%d) : (index) -> f32
    %y = math.fma %n, %f, %x : f32   yield %y : f32 }
  %m = where %a in #window[%w] : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// score soft cap
attn.kernel @softcap(%q: !q, %k: !k, %v: !k, %cap: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c) : (!s) -> !s { %u = arith.divf %x, %cap : f32   %w = math.tanh %u : f32   %y = arith.mulf %w, %cap : f32   yield %y : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// token gains a head: ZeroTuning, LocoRE, LayerCake
attn.kernel @zero_tuning(%q: !q, %k: !k, %v: !k, %loggain: tensor<?x?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %m = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s { %g = load %loggain[%h, %j] : tensor<?x?xf32>   %y = arith.addf %x, %g : f32   yield %y : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// two products and a phase, theta = 1/2, alpha = 0.1
attn.kernel @tapa(%qa: !attn.rows<!h>, %ka: !attn.cols<!h>, %qp: !attn.rows<!h>, %kp: !attn.cols<!h>, %v: !k) -> !q {
  %s = dot %qa, %ka scale 0.125 : !attn.rows<!h>, !attn.cols<!h>   %u = dot %qp, %kp scale 0.125 : !attn.rows<!h>, !attn.cols<!h>
  %c = where %s in #causal : !s
  %m = map (%x = %c, %y = %u) at (%b, %h, %i, %j) : (!s, !s) -> !s {
    %d = arith.subi %i, %j : index   %r = func.call @real(%d) : (index) -> f32   %alpha = arith.constant 0.1 : f32
    %w = math.powf %r, %alpha : f32   %tau = arith.constant 6.2831853 : f32   %e = arith.mulf %w, %y : f32
    %g = arith.mulf %e, %tau : f32   %n = math.cos %g : f32   %z = arith.mulf %x, %n : f32   yield %z : f32 }
  %p = softmax %m : !s   %o = contract %p, %v : !s, !k -> !q   return %o : !q }

// absorbed MLA: one latent of 512 + 64 is key and value; 128 query heads share it
attn.kernel @mla(%q: !attn.rows<vector<576xbf16>>, %c: !attn.cols<vector<576xbf16>>) -> !attn.rows<vector<512xbf16>> {
  %s = dot %q, %c scale 0.0721688 : !attn.rows<vector<576xbf16>>, !attn.cols<vector<576xbf16>>
  %m = where %s in #causal : !s   %p = softmax %m : !s
  %v = map (%x = %c) : (!attn.cols<vector<576xbf16>>) -> !attn.cols<vector<512xbf16>> {
    %y = vector.extract_strided_slice %x {offsets = [0], sizes = [512], strides = [1]} : vector<576xbf16> to vector<512xbf16>   yield %y : vector<512xbf16> }
  %o = contract %p, %v : !s, !attn.cols<vector<512xbf16>> -> !attn.rows<vector<512xbf16>>   return %o : !attn.rows<vector<512xbf16>> }

// 32 query heads of 64, 4 key heads of 64, 8 value heads of 128: the counts are the operands' own
attn.kernel @diffqkv(%q: !attn.rows<vector<64xbf16>>, %k: !attn.cols<vector<64xbf16>>, %v: !k) -> !q {
  %s = dot %q, %k scale 0.125 : !attn.rows<vector<64xbf16>>, !attn.cols<vector<64xbf16>>   %m = where %s in #causal : !s
  %p = softmax %m : !s   %o = contract %p, %v : !s, !k -> !q   return %o : !q }

// graph attention: leaky relu of u_i + w_j on a dense adjacency
attn.kernel @gat(%u: !r, %w: !c, %v: !k, %adj: tensor<?x?xi1>) -> !q {
  %s = map (%x = %u, %y = %w) : (!r, !c) -> !s {
    %a = arith.addf %x, %y : f32   %g = arith.constant 0.2 : f32   %l = arith.mulf %a, %g : f32   %z = arith.maximumf %a, %l : f32   yield %z : f32 }
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) { %y = load %adj[%i, %j] : tensor<?x?xi1>   yield %y : i1 }
  %p = softmax %m : !s   %o = contract %p, %v : !s, !k -> !q   return %o : !q }

// Neural Attention: s = w.relu(a_i + b_j), a and b the two halves of the hidden layer
attn.kernel @neural(%a: !attn.rows<vector<32xf32>>, %d: !attn.cols<vector<32xf32>>, %v: !k, %w: tensor<?x32xf32>) -> !q {
  %s = map (%x = %a, %y = %d) at (%b, %h, %i, %j) : (!attn.rows<vector<32xf32>>, !attn.cols<vector<32xf32>>) -> !s {
    %wv = load %w[%h] : tensor<?x32xf32>   %z = arith.constant dense<0.0> : vector<32xf32>
    %t = arith.addf %x, %y : vector<32xf32>   %u = arith.maximumf %t, %z : vector<32xf32>
    %m = arith.mulf %u, %wv : vector<32xf32>   %n = vector.reduction <add>, %m : vector<32xf32> into f32   yield %n : f32 }
  %p = softmax %s : !s   %o = contract %p, %v : !s, !k -> !q   return %o : !q }

// a learned logit a head [22]; %q only lends its batch and heads
attn.kernel @sink_logit(%q: !q, %k: !k, %v: !k, %sink: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %z = map (%x = %q) at (%b, %h, %i) : (!q) -> !r { %y = load %sink[%h] : tensor<?xf32>   yield %y : f32 }
  %p = softmax %c sink %z : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// no row normaliser
attn.kernel @sigmoid_attention(%q: !q, %k: !k, %v: !k, %bias: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %p = map (%x = %c) : (!s) -> !s { %u = arith.addf %x, %bias : f32   %y = func.call @sigmoid(%u) : (f32) -> f32   yield %y : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// ReLA: relu weights, RMS norm of the output row
attn.kernel @rela(%q: !q, %k: !k, %v: !k, %gain: tensor<128xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %p = map (%x = %c) : (!s) -> !s { %z = arith.constant 0.0 : f32   %y = arith.maximumf %x, %z : f32   yield %y : f32 }
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a) : (!o) -> !q { %y = func.call @rms(%x, %gain) : (!f, tensor<128xf32>) -> !t   yield %y : !t }
  return %o : !q
}

// softmax as an RNN: numerator alone, under its running maximum, then a row norm
attn.kernel @rnn(%q: !q, %k: !k, %v: !k, %gain: tensor<128xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %x = reduce max %c over keys : !s
  %p = map (%a = %c, %d = %x) : (!s, !r) -> !s { %y = func.call @exp_diff(%a, %d) : (f32, f32) -> f32   yield %y : f32 }
  %a = contract %p, %v : !s, !k -> !o
  %o = map (%z = %a) : (!o) -> !q { %y = func.call @rms(%z, %gain) : (!f, tensor<128xf32>) -> !t   yield %y : !t }
  return %o : !q
}

// sign(s) e^(|s| - m) / sum e^(|s| - m)
attn.kernel @cog(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %a = map (%x = %c) : (!s) -> !s { %y = math.absf %x : f32   yield %y : f32 }   %u = softmax %a : !s
  %p = map (%x = %c, %w = %u) : (!s, !s) -> !s { %y = math.copysign %w, %x : f32   yield %y : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// softplus, l1 norm, re-weight by relu(N a - t)^e, l1 norm
attn.kernel @lssar(%q: !q, %k: !k, %v: !k, %t: f32, %e: f32, %logd: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %u = map (%x = %c) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = size k of %b   %r = func.call @real(%n) : (index) -> f32   %g = math.log %r : f32   %f = arith.mulf %g, %logd : f32
    %y = arith.mulf %x, %f : f32   %w = math.exp %y : f32   %z = math.log1p %w : f32   yield %z : f32 }
  %l = reduce sum %u over keys : !s
  %a = map (%x = %u, %y = %l) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %n = size k of %b   %r = func.call @real(%n) : (index) -> f32   %d = arith.divf %x, %y : f32   %d1 = arith.mulf %d, %r : f32
    %w = arith.subf %d1, %t : f32   %zero = arith.constant 0.0 : f32   %z = arith.maximumf %w, %zero : f32   %g = math.powf %z, %e : f32   yield %g : f32 }
  %l2 = reduce sum %a over keys : !s
  %p = map (%x = %a, %y = %l2) : (!s, !r) -> !s { %z = arith.divf %x, %y : f32   yield %z : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// alpha p + (alpha_ma - alpha) / N
attn.kernel @affine_scaled(%q: !q, %k: !k, %v: !k, %alpha: !r, %ma: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %p0 = softmax %c : !s
  %p = map (%x = %p0, %a = %alpha) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %n = size k of %b   %r = func.call @real(%n) : (index) -> f32   %d = arith.subf %ma, %a : f32
    %beta = arith.divf %d, %r : f32   %y = math.fma %x, %a, %beta : f32   yield %y : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// window around p_i, Gaussian weights after the softmax
attn.kernel @luong(%q: !q, %k: !k, %v: !k, %pos: !r, %D: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %a = %pos) at (%b, %h, %i, %j) : (!s, !r) {
    %f = func.call @real(%j) : (index) -> f32   %d = arith.subf %f, %a : f32   %e = math.absf %d : f32   %y = arith.cmpf ole, %e, %D : f32   yield %y : i1 }
  %p0 = softmax %m : !s
  %p = map (%x = %p0, %a = %pos) at (%b, %h, %i, %j) : (!s, !r) -> !s {
    %f = func.call @real(%j) : (index) -> f32   %d = arith.subf %f, %a : f32   %e = arith.divf %d, %D : f32
    %n = arith.mulf %e, %e : f32   %c2 = arith.constant -2.0 : f32   %t = arith.mulf %n, %c2 : f32   // sigma = D / 2
    %u = math.exp %t : f32   %y = arith.mulf %x, %u : f32   yield %y : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// head gates, pruned heads
attn.kernel @gates(%q: !q, %k: !k, %v: !k, %gate: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %p = softmax %s : !s   %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a) at (%b, %h, %i) : (!o) -> !q {
    %g = load %gate[%h] : tensor<?xf32>   %gv = vector.broadcast %g : f32 to !f   %y = arith.mulf %x, %gv : !f   %t = arith.truncf %y : !f to !t   yield %t : !t }
  return %o : !q
}

// AnchorAttention: a = best score in the first block and the window; keep keys within theta of it
attn.kernel @anchor(%q: !q, %k: !k, %v: !k, %theta: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %e = where (%x = %c) at (%b, %h, %i, %j) : (!s) { %y = func.call @anchored(%i, %j) : (index, index) -> i1   yield %y : i1 }
  %a = reduce max %e over keys : !s
  %m = where (%x = %c, %y = %a) at (%b, %h, %i, %j) : (!s, !r) {
    %d = arith.subf %y, %x : f32   %stripe = arith.cmpf ole, %d, %theta : f32   %f = func.call @anchored(%i, %j) : (index, index) -> i1
    %u = arith.ori %stripe, %f : i1   yield %u : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
func.func private @anchored(%i: index, %j: index) -> i1 {
  %a = attn.holds affine_set<(j) : (63 - j >= 0)>(%j)   %d = attn.holds affine_set<(i, j) : (63 - i + j >= 0)>(%i, %j)   %y = arith.ori %a, %d : i1   return %y : i1 }

// full where q.mu + |L q|^2 / 2 estimates a far log-sum-exp above theta
attn.kernel @adaptive(%q: !q, %k: !k, %v: !k, %mu: !attn.cols<!t, one>, %root: !attn.cols<!t, dim>, %theta: f32, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %a = dot %q, %mu : !q, !attn.cols<!t, one>   %d = dot %q, %root : !q, !attn.cols<!t, dim>
  %d2 = map (%x = %d) : (!attn.matrix<f32, q, dim>) -> !attn.matrix<f32, q, dim> {
    %half = arith.constant 0.5 : f32   %y = arith.mulf %x, %x : f32   %z = arith.mulf %y, %half : f32   yield %z : f32 }
  %m1 = reduce sum %a over keys : !attn.matrix<f32, q, one>   %m2 = reduce sum %d2 over keys : !attn.matrix<f32, q, dim>
  %m = where (%x = %c, %y = %m1, %z = %m2) at (%b, %h, %i, %j) : (!s, !r, !r) {
    %e = arith.addf %y, %z : f32   %full = arith.cmpf oge, %e, %theta : f32   %near = holds #near(%i, %j)[%w]   %u = arith.ori %full, %near : i1   yield %u : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// grouped differential attention: more signal heads than noise heads
attn.kernel @gda(%q1: !q, %k1: !k, %q2: !q, %k2: !k, %v: !k, %lambda: tensor<?xf32>) -> !q {
  %s1 = dot %q1, %k1 scale 0.0883883 : !q, !k   %m1 = where %s1 in #causal : !s   %p1 = softmax %m1 : !s
  %s2 = dot %q2, %k2 scale 0.0883883 : !q, !k   %m2 = where %s2 in #causal : !s   %p2 = softmax %m2 : !s
  %p = map (%x = %p1, %y = %p2) at (%b, %h, %i, %j) : (!s, !s) -> !s {
    %l = load %lambda[%h] : tensor<?xf32>   %z = arith.mulf %l, %y : f32   %u = arith.subf %x, %z : f32   yield %u : f32 }
  %o = contract %p, %v : !s, !k -> !q   return %o : !q }

// sparsemax through its threshold t in [max - 1, max]
attn.kernel @sparsemax(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %one = arith.constant 1.0 : f32   %zero = arith.constant 0.0 : f32   %hi = reduce max %c over keys : !s
  %lo = map (%x = %hi) : (!r) -> !r { %y = arith.subf %x, %one : f32   yield %y : f32 }
  %tau = solve %t from %lo to %hi total %one with (%x = %c) : (!s) { %d = arith.subf %x, %t : f32   %y = arith.maximumf %d, %zero : f32   yield %y : f32 }
  %p = map (%x = %c, %t = %tau) : (!s, !r) -> !s { %d = arith.subf %x, %t : f32   %y = arith.maximumf %d, %zero : f32   yield %y : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// alpha-entmax, alpha learned per head
attn.kernel @entmax(%q: !q, %k: !k, %v: !k, %alpha: tensor<?xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %a = map (%x = %q) at (%b, %h, %i) : (!q) -> !r { %y = load %alpha[%h] : tensor<?xf32>   yield %y : f32 }
  %p = entmax %c alpha %a : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// soft top-n mask clip(u - t, 0, 1) of sum n; softmax over its support, weights times it
attn.kernel @sparsek(%q: !q, %k: !k, %v: !k, %u: !c, %n: f32) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %zero = arith.constant 0.0 : f32   %one = arith.constant 1.0 : f32
  %u0 = map (%x = %u) : (!c) -> !s { yield %x : f32 }   %um = where %u0 in #causal : !s
  %lo0 = reduce min %um over keys : !s   %hi = reduce max %um over keys : !s
  %lo = map (%x = %lo0) : (!r) -> !r { %y = arith.subf %x, %one : f32   yield %y : f32 }
  %tau = solve %t from %lo to %hi total %n with (%x = %um) : (!s) {
    %d = arith.subf %x, %t : f32   %e = arith.maximumf %d, %zero : f32   %y = arith.minimumf %e, %one : f32   yield %y : f32 }
  %g = map (%x = %um, %t = %tau) : (!s, !r) -> !s {
    %d = arith.subf %x, %t : f32   %e = arith.maximumf %d, %zero : f32   %y = arith.minimumf %e, %one : f32   yield %y : f32 }
  %a = where (%x = %s, %y = %g) : (!s, !s) { %z = arith.cmpf ogt, %y, %zero : f32   yield %z : i1 }
  %p0 = softmax %a : !s   %p = map (%x = %p0, %y = %g) : (!s, !s) -> !s { %z = arith.mulf %x, %y : f32   yield %z : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// lightning indexer, best n tokens; one head, no relu: Loki
attn.kernel @dsa(%q: !q, %k: !k, %v: !k, %qi: !attn.rows<vector<64xbf16>>, %ki: !attn.cols<vector<64xbf16>>, %w: !r, %n: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %d = dot %qi, %ki : !attn.rows<vector<64xbf16>>, !attn.cols<vector<64xbf16>>   %e = where %d in #causal : !s
  %f = map (%x = %e, %g = %w) : (!s, !r) -> !s { %z = arith.constant 0.0 : f32   %u = arith.maximumf %x, %z : f32   %y = arith.mulf %u, %g : f32   yield %y : f32 }
  %i = reduce sum %f over heads : !s   %top = select %i top %n : !s
  %m = where (%x = %s, %t = %top) : (!s, !attn.matrix<i1>) { yield %t : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// infinite prefix as a linear state; component f of phi(q) is entry (i, f)
attn.kernel @ntk(%q: !q, %k: !k, %v: !k, %phi: !attn.rows<!h>, %Z: !attn.cols<!f, feat>, %kappa: !attn.cols<f32, feat>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %w = map (%x = %phi) at (%b, %h, %i, %f) : (!attn.rows<!h>) -> !attn.matrix<f32, q, feat> { %y = vector.extract %x[%f] : f32 from !h   yield %y : f32 }
  %n = contract %w, %Z : !attn.matrix<f32, q, feat>, !attn.cols<!f, feat> -> !o
  %d = contract %w, %kappa : !attn.matrix<f32, q, feat>, !attn.cols<f32, feat> -> !r
  %z = map (%x = %d) : (!r) -> !r { %y = math.log %x : f32   yield %y : f32 }
  %p = softmax %c sink %z : !s   %l = logsumexp %c sink %z : !s   %a = contract %p, %v : !s, !k -> !o
  %o = map (%x = %a, %y = %n, %e = %l) : (!o, !o, !r) -> !q {
    %g = arith.negf %e : f32   %u = math.exp %g : f32   %uv = vector.broadcast %u : f32 to !f
    %t = math.fma %y, %uv, %x : !f   %w2 = arith.truncf %t : !f to !t   yield %w2 : !t }
  return %o : !q
}

// intra-temporal attention: e^s over its sum of earlier queries, then over the row
attn.kernel @temporal(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %e = map (%x = %s) : (!s) -> !s { %y = math.exp %x : f32   yield %y : f32 }   %d = scan sum %e over queries exclusive : !s
  %a = map (%x = %e, %y = %d) at (%b, %h, %i, %j) : (!s, !s) -> !s {
    %r = arith.divf %x, %y : f32   %zero = arith.constant 0 : index   %first = arith.cmpi eq, %i, %zero : index   %u = arith.select %first, %x, %r : f32   yield %u : f32 }
  %l = reduce sum %a over keys : !s
  %p = map (%x = %a, %y = %l) : (!s, !r) -> !s { %d1 = arith.divf %x, %y : f32   yield %d1 : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// Multi-Token Attention: a 6 x 11 convolution of scores, then a mix of head pairs
attn.kernel @mta(%q: !q, %k: !k, %v: !k, %theta: tensor<?x6x11xf32>, %mix: tensor<?x2xf32>) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %n = stencil %c queries [-5, 0] keys [-5, 5] : !s
  %m = map (%x = %n) at (%b, %h, %i, %j) : (!attn.matrix<vector<6x11xf32>>) -> !s {
    %t = load %theta[%h] : tensor<?x6x11xf32>   %y = arith.mulf %x, %t : vector<6x11xf32>
    %f = vector.shape_cast %y : vector<6x11xf32> to vector<66xf32>   %z = vector.reduction <add>, %f : vector<66xf32> into f32   yield %z : f32 }
  %p0 = softmax %m : !s   %g = stencil %p0 heads 2 : !s
  %p = map (%x = %p0, %y = %g) at (%b, %h, %i, %j) : (!s, !attn.matrix<vector<2xf32>>) -> !s {
    %t = load %mix[%h] : tensor<?x2xf32>   %z = arith.mulf %y, %t : vector<2xf32>   %u = vector.reduction <add>, %z : vector<2xf32> into f32   yield %u : f32 }
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// FoX: a gate a key, its logarithms summed from the key to the query
attn.kernel @forget(%q: !q, %k: !k, %v: !k, %logf: !c) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %f = map (%x = %c, %y = %logf) : (!s, !c) -> !s { yield %y : f32 }   %d = scan sum %f over keys reverse exclusive : !s
  %m = map (%x = %c, %y = %d) : (!s, !s) -> !s { %z = arith.addf %x, %y : f32   yield %z : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// 8 x 8 query blocks, halo 3, q.r over the 2-D offset, 21 x 21 of them
attn.kernel @halonet(%q: !q, %k: !k, %v: !k, %rel: !kr, %H: index, %W: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  axis q grid (%H, %W)   axis k grid (%H, %W)
  %z = dot %q, %rel scale 0.0883883 : !q, !kr
  %n = where (%e = %s) at (%b, %h, %i, %j) : (!s) {
    %y, %x = affine.delinearize_index %i into (%H, %W) : index, index   %u, %w = affine.delinearize_index %j into (%H, %W) : index, index
    %a = holds affine_set<(y, x, u, w) : (u - (y floordiv 8) * 8 + 3 >= 0, (y floordiv 8) * 8 + 10 - u >= 0,
                                          w - (x floordiv 8) * 8 + 3 >= 0, (x floordiv 8) * 8 + 10 - w >= 0)>(%y, %x, %u, %w)   yield %a : i1 }
  %g = take %z (%e = %n) at (%b, %h, %i, %j) : !sr, (!s) -> !s {
    %y, %x = affine.delinearize_index %i into (%H, %W) : index, index   %u, %w = affine.delinearize_index %j into (%H, %W) : index, index
    %a = affine.apply affine_map<(y, x, u, w) -> ((y - u + 10) * 21 + x - w + 10)>(%y, %x, %u, %w)   yield %a : index }
  %m = map (%a = %n, %d = %g) : (!s, !s) -> !s { %y = arith.addf %a, %d : f32   yield %y : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// s = q.(k + aK[c]), o = sum p (v + aV[c]), c = clip(j - i)
attn.kernel @shaw(%q: !q, %k: !k, %v: !k, %ak: !kr, %av: !kr) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %z = dot %q, %ak scale 0.0883883 : !q, !kr
  %g = take %z at (%b, %h, %i, %j) : !sr -> !s { %d = func.call @clip(%i, %j) : (index, index) -> index   yield %d : index }
  %m = map (%x = %s, %y = %g) : (!s, !s) -> !s { %u = arith.addf %x, %y : f32   yield %u : f32 }
  %p = softmax %m : !s
  %w = reduce sum %p over keys into rel at (%b, %h, %i, %j) : !s { %d = func.call @clip(%i, %j) : (index, index) -> index   yield %d : index }
  %o1 = contract %p, %v : !s, !k -> !o   %o2 = contract %w, %av : !sr, !kr -> !o
  %o = map (%x = %o1, %y = %o2) : (!o, !o) -> !q { %u = func.call @sum(%x, %y) : (!f, !f) -> !t   yield %u : !t }
  return %o : !q
}

// (q + u).k + (q + w).r[i - j], n keys of memory
attn.kernel @transformer_xl(%q: !q, %k: !k, %v: !k, %u: tensor<?x128xbf16>, %w: tensor<?x128xbf16>, %rel: !kr, %n: index) -> !q {
  %qu = map (%x = %q) at (%b, %h, %i) : (!q) -> !q { %a = load %u[%h] : tensor<?x128xbf16>   %y = arith.addf %x, %a : !t   yield %y : !t }
  %qw = map (%x = %q) at (%b, %h, %i) : (!q) -> !q { %a = load %w[%h] : tensor<?x128xbf16>   %y = arith.addf %x, %a : !t   yield %y : !t }
  %d0 = dot %qu, %k scale 0.0883883 : !q, !k   %z = dot %qw, %rel scale 0.0883883 : !q, !kr
  %d = where %d0 in affine_set<(b, h, i, j)[n] : (j <= i + n)>[%n] : !s
  %g = take %z (%e = %d) at (%b, %h, %i, %j) : !sr, (!s) -> !s { %a = affine.apply affine_map<(i, j)[n] -> (i + n - j)>(%i, %j)[%n]   yield %a : index }
  %m = map (%x = %d, %y = %g) : (!s, !s) -> !s { %a = arith.addf %x, %y : f32   yield %a : f32 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// RoPE at load, the base an operand
attn.kernel @rope(%q: !q, %k: !k, %v: !k, %base: f32) -> !q {
  %qr = map (%x = %q) at (%b, %h, %i) : (!q) -> !q { %a = func.call @angles(%i, %base) : (index, f32) -> !h   %y = rotate %x by %a halves : !t   yield %y : !t }
  %kr = map (%x = %k) at (%b, %h, %j) : (!k) -> !k { %a = func.call @angles(%j, %base) : (index, f32) -> !h   %y = rotate %x by %a halves : !t   yield %y : !t }
  %d = dot %qr, %kr scale 0.0883883 : !q, !k   %m = where %d in #causal : !s
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// q'_l = |q_l|^2 (cos, sin), k'_l = t_l (cos, sin)
func.func private @polar(%radius: vector<64xf32>, %n: index) -> vector<128xbf16> {
  %base = arith.constant 1.0e4 : f32   %a = func.call @angles(%n, %base) : (index, f32) -> !h   %zero = arith.constant dense<0.0> : !h
  %u = vector.interleave %radius, %zero : !h -> !f   %w = attn.rotate %u by %a pairs : !f   %t = arith.truncf %w : !f to !t   return %t : !t }
attn.kernel @coca(%q: !q, %t: !attn.cols<vector<64xf32>>, %v: !k) -> !q {
  %qc = map (%x = %q) at (%b, %h, %i) : (!q) -> !q {
    %f = arith.extf %x : !t to !f   %g = arith.mulf %f, %f : !f   %a, %c = vector.deinterleave %g : !f -> !h
    %n = arith.addf %a, %c : !h   %y = func.call @polar(%n, %i) : (!h, index) -> !t   yield %y : !t }
  %kc = map (%x = %t) at (%b, %h, %j) : (!attn.cols<!h>) -> !k { %y = func.call @polar(%x, %j) : (!h, index) -> !t   yield %y : !t }
  %s = dot %qc, %kc scale 0.0883883 : !q, !k   %m = where %s in #causal : !s
  %p = softmax %m : !s   %o = contract %p, %v : !s, !k -> !q   return %o : !q }

// trilinear score; context-to-query, and query-to-context from the row maxima
attn.kernel @bidaf(%hw: !q, %u: !k, %a: !r, %c: !c, %hh: !attn.cols<!t, q>) -> (!q, !attn.rows<!t, one>) {
  %1 = arith.constant 1 : index   axis one size %1   %d = dot %hw, %u : !q, !k
  %s = map (%x = %d, %y = %a, %z = %c) : (!s, !r, !c) -> !s { %e = arith.addf %x, %y : f32   %f = arith.addf %e, %z : f32   yield %f : f32 }
  %p = softmax %s : !s   %o = contract %p, %u : !s, !k -> !q
  %m = reduce max %s over keys : !s   %mt = transpose %m : !r
  %g = map (%x = %mt) : (!attn.cols<f32, q>) -> !attn.matrix<f32, one, q> { yield %x : f32 }
  %w = softmax %g : !attn.matrix<f32, one, q>
  %o2 = contract %w, %hh : !attn.matrix<f32, one, q>, !attn.cols<!t, q> -> !attn.rows<!t, one>   return %o, %o2 : !q, !attn.rows<!t, one> }

// MoBA: own block, and the n past blocks with the best q.mean(K)
attn.kernel @moba(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %kb = reduce mean %k over keys by 64 : !k   %g0 = dot %q, %kb : !q, !kb
  %g = where %g0 in #past : !sb   %top = select %g top %n : !sb
  %m = where (%x = %s, %t = %top) at (%b, %h, %i, %j) : (!s, !mb) {
    %own = holds affine_set<(i, j) : (j <= i, i floordiv 64 == j floordiv 64)>(%i, %j)   %y = arith.ori %own, %t : i1   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// block bound q+.kmax + q-.kmin, best n blocks, and the w + 1 nearest blocks
attn.kernel @quest(%q: !q, %k: !k, %v: !k, %n: index, %w: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %c = where %s in #causal : !s
  %z = arith.constant dense<0.0> : !t   %kx = reduce max %k over keys by 64 : !k   %kn = reduce min %k over keys by 64 : !k
  %qp = map (%x = %q) : (!q) -> !q { %y = arith.maximumf %x, %z : !t   yield %y : !t }
  %qn = map (%x = %q) : (!q) -> !q { %y = arith.minimumf %x, %z : !t   yield %y : !t }
  %a = dot %qp, %kx : !q, !kb   %d = dot %qn, %kn : !q, !kb
  %g0 = map (%x = %a, %y = %d) : (!sb, !sb) -> !sb { %u = arith.addf %x, %y : f32   yield %u : f32 }
  %g = where %g0 in #past : !sb   %top = select %g top %n : !sb
  %m = where (%x = %c, %t = %top) at (%b, %h, %i, %j) : (!s, !mb) {
    %near = holds affine_set<(i, j)[w] : (i floordiv 64 - j floordiv 64 <= w)>(%i, %j)[%w]   %y = arith.ori %t, %near : i1   yield %y : i1 }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}

// keys listed by an earlier layer; a list for the next one
attn.kernel @lists(%q: !q, %k: !k, %v: !k, %l: !attn.rows<vector<64xi32>>) -> (!q, !attn.rows<vector<64xi32>>) {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %a = %l) at (%b, %h, %i, %j) : (!s, !attn.rows<vector<64xi32>>) { %y = contains %a, %j : vector<64xi32>   yield %y : i1 }
  %p = softmax %m : !s   %o = contract %p, %v : !s, !k -> !q   %w, %n = list %p first 64 : !s   return %o, %n : !q, !attn.rows<vector<64xi32>> }

// own block and past landmarks (last of each 64) in one softmax; a past block shares its landmark's weight
attn.kernel @landmark(%q: !q, %k: !k, %v: !k) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %own = where %s in affine_set<(b, h, i, j) : (j <= i, i floordiv 64 == j floordiv 64)> : !s
  %mark = where %s in affine_set<(b, h, i, j) : (j floordiv 64 + 1 <= i floordiv 64, j mod 64 == 63)> : !s
  %rest = where %s in affine_set<(b, h, i, j) : (j floordiv 64 + 1 <= i floordiv 64, j mod 64 <= 62)> : !s
  %z = logsumexp %mark : !s   %l = logsumexp %own sink %z : !s
  %p1 = softmax %own sink %z : !s
  %pm = map (%x = %mark, %y = %l) : (!s, !r) -> !s { %d = func.call @exp_diff(%x, %y) : (f32, f32) -> f32   yield %d : f32 }
  %gate = reduce sum %pm over keys by 64 : !s   %mx = reduce max %rest over keys by 64 : !s
  %e = map (%x = %rest, %y = %mx) : (!s, !sb) -> !s { %d = func.call @exp_diff(%x, %y) : (f32, f32) -> f32   yield %d : f32 }
  %den = reduce sum %e over keys by 64 : !s
  %p2 = map (%x = %e, %y = %den, %g = %gate) : (!s, !sb, !sb) -> !s { %d = arith.divf %x, %y : f32   %u = arith.mulf %d, %g : f32   yield %u : f32 }
  %o1 = contract %p1, %v : !s, !k -> !o   %o2 = contract %p2, %v : !s, !k -> !o
  %o = map (%x = %o1, %y = %o2) : (!o, !o) -> !q { %u = func.call @sum(%x, %y) : (!f, !f) -> !t   yield %u : !t }
  return %o : !q
}

// Rectified SpaAttn: the sparse part times its pooled mass, pooled values for the rest
attn.kernel @rectified(%q: !q, %k: !k, %v: !k, %n: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %qb = reduce mean %q over queries by 64 : !q   %kb = reduce mean %k over keys by 64 : !k   %vb = reduce mean %v over keys by 64 : !k
  %g = dot %qb, %kb scale 0.0883883 : !qbb, !kb   %pg = softmax %g : !sbb   %top = select %pg top %n : !sbb
  %in = where (%x = %pg, %t = %top) : (!sbb, !mbb) { yield %t : i1 }
  %out = where (%x = %pg, %t = %top) : (!sbb, !mbb) { %yes = arith.constant true   %y = arith.xori %t, %yes : i1   yield %y : i1 }
  %R = reduce sum %in over keys : !sbb   %o2 = contract %out, %vb : !sbb, !kb -> !attn.rows<!f, q/64>
  %m = where (%x = %s, %t = %top) : (!s, !mbb) { yield %t : i1 }   %p = softmax %m : !s   %o1 = contract %p, %v : !s, !k -> !o
  %o = map (%x = %o1, %y = %o2, %r = %R) : (!o, !attn.rows<!f, q/64>, !attn.rows<f32, q/64>) -> !q {
    %rv = vector.broadcast %r : f32 to !f   %z = math.fma %x, %rv, %y : !f   %t = arith.truncf %z : !f to !t   yield %t : !t }
  return %o : !q
}

// int8 queries and keys, a key scale a block, int8 values
attn.kernel @quantised(%q: !attn.rows<vector<128xi8>>, %k: !attn.cols<vector<128xi8>>, %v: !attn.cols<vector<128xi8>>,
                       %qs: !r, %ks: !attn.cols<f32, k/64>, %vs: !c) -> !q {
  %n = dot %q, %k : !attn.rows<vector<128xi8>>, !attn.cols<vector<128xi8>>
  %s = map (%x = %n, %a = %qs, %d = %ks) : (!attn.matrix<i32>, !r, !attn.cols<f32, k/64>) -> !s {
    %f = arith.sitofp %x : i32 to f32   %y = arith.mulf %f, %a : f32   %z = arith.mulf %y, %d : f32   yield %z : f32 }
  %vf = map (%x = %v, %a = %vs) : (!attn.cols<vector<128xi8>>, !c) -> !k {
    %f = arith.sitofp %x : vector<128xi8> to !f   %av = vector.broadcast %a : f32 to !f   %y = arith.mulf %f, %av : !f   %t = arith.truncf %y : !f to !t   yield %t : !t }
  %p = softmax %s : !s   %o = contract %p, %vf : !s, !k -> !q   return %o : !q }

// entropy, second moment, argmax, mass of key groups, group x group mass, column sums
attn.kernel @probes(%q: !q, %k: !k, %group: !ci, %qgroup: !ri, %n: index)
    -> (!r, !r, !attn.rows<vector<1xi32>>, !attn.matrix<f32, q, g>, !attn.matrix<f32, gq, g>, !c) {
  axis g size %n   axis gq size %n   %s0 = dot %q, %k scale 0.0883883 : !q, !k   %s = where %s0 in #causal : !s
  %p = softmax %s : !s   %l = logsumexp %s : !s   %w, %arg = list %p first 1 : !s   %cs = reduce sum %p over queries : !s
  %e = map (%x = %p, %y = %s, %z = %l) : (!s, !s, !r) -> !s { %d = arith.subf %z, %y : f32   %u = arith.mulf %x, %d : f32   yield %u : f32 }
  %sq = map (%x = %p) : (!s) -> !s { %y = arith.mulf %x, %x : f32   yield %y : f32 }
  %entropy = reduce sum %e over keys : !s   %moment = reduce sum %sq over keys : !s
  %mass = reduce sum (%x = %p, %t = %group) over keys into g : (!s, !ci) { %y = arith.index_cast %t : i32 to index   yield %y : index }
  %gg = reduce sum (%x = %mass, %t = %qgroup) over queries into gq : (!attn.matrix<f32, q, g>, !ri) { %y = arith.index_cast %t : i32 to index   yield %y : index }
  return %entropy, %moment, %arg, %mass, %gg, %cs : !r, !r, !attn.rows<vector<1xi32>>, !attn.matrix<f32, q, g>, !attn.matrix<f32, gq, g>, !c }

// block-pooled map, relative-offset histogram, rollout r'A, sum over heads
attn.kernel @maps(%q: !q, %k: !k, %r: !attn.cols<f32, q>, %n: index) -> (!sbb, !attn.matrix<f32, q/64, off>, !attn.rows<f32, k>, !s) {
  axis off size %n   %s0 = dot %q, %k scale 0.0883883 : !q, !k   %s = where %s0 in #causal : !s   %p = softmax %s : !s
  %pk = reduce max %p over keys by 64 : !s   %pool = reduce max %pk over queries by 64 : !sb
  %g = reduce sum %p over keys into off at (%b, %h, %i, %j) : !s { %d = arith.subi %i, %j : index   yield %d : index }
  %hist = reduce sum %g over queries by 64 : !attn.matrix<f32, q, off>
  %pt = transpose %p : !s   %roll = contract %pt, %r : !attn.matrix<f32, k, q>, !attn.cols<f32, q> -> !attn.rows<f32, k>
  %all = reduce sum %p over heads : !s   return %pool, %hist, %roll, %all : !sbb, !attn.matrix<f32, q/64, off>, !attn.rows<f32, k>, !s }

// WAAD: mean over heads of sum_j p min(i - j, w); FAI: mean weight a key gets from the queries lo .. hi later
attn.kernel @waad_fai(%q: !q, %k: !k, %w: index, %lo: index, %hi: index) -> (!r, !c) {
  %s0 = dot %q, %k scale 0.0883883 : !q, !k   %s = where %s0 in #causal : !s   %p = softmax %s : !s
  %d = map (%x = %p) at (%b, %h, %i, %j) : (!s) -> !s {
    %n = arith.subi %i, %j : index   %c = arith.minsi %n, %w : index   %f = func.call @real(%c) : (index) -> f32   %y = arith.mulf %x, %f : f32   yield %y : f32 }
  %row = reduce sum %d over keys : !s   %waad = reduce mean %row over heads : !r
  %late = where %p in affine_set<(b, h, i, j)[lo, hi] : (i - j >= lo, hi >= i - j)>[%lo, %hi] : !s
  %col = reduce mean %late over queries : !s   %fai = reduce mean %col over heads : !c   return %waad, %fai : !r, !c }

// MiniLMv2: KL of a teacher's relation to a student's, one number a row
attn.kernel @relation_loss(%qt: !q, %kt: !k, %qs: !attn.rows<vector<64xbf16>>, %ks: !attn.cols<vector<64xbf16>>) -> !r {
  %a = dot %qt, %kt scale 0.0883883 : !q, !k   %d = dot %qs, %ks scale 0.125 : !attn.rows<vector<64xbf16>>, !attn.cols<vector<64xbf16>>
  %la = logsumexp %a : !s   %ld = logsumexp %d : !s
  %t = map (%x = %a, %u = %la, %y = %d, %w = %ld) : (!s, !r, !s, !r) -> !s {
    %m = arith.subf %x, %u : f32   %n = arith.subf %y, %w : f32   %e = arith.subf %m, %n : f32   %p = math.exp %m : f32   %z = arith.mulf %p, %e : f32   yield %z : f32 }
  %kl = reduce sum %t over keys : !s   return %kl : !r }

// column sums of |p dL/dp|, dL/dp = do.v: a statistic of the backward pass as a forward program
attn.kernel @sensitivity(%q: !q, %k: !k, %v: !k, %do: !q) -> !c {
  %s0 = dot %q, %k scale 0.0883883 : !q, !k   %s = where %s0 in #causal : !s   %p = softmax %s : !s   %d = dot %do, %v : !q, !k
  %a = map (%x = %p, %y = %d) : (!s, !s) -> !s { %z = arith.mulf %x, %y : f32   %u = math.absf %z : f32   yield %u : f32 }
  %c = reduce sum %a over queries : !s   return %c : !c }
