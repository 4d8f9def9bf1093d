// SPDX-License-Identifier: Apache-2.0
// Neighborhood attention in one dimension, with NATTEN's meaning: every query sees exactly w keys,
// around itself where there is room. Dilation d spreads them, stride s lets s queries share them
// (GNA: s = 1 slides, s = w is blocked). Needs w d <= N.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

// Is y in the window of w around x, on an axis of n tokens? Tokens d apart are a sequence of their
// own; in it s neighbours share the window of their leader, which is pushed inside at the ends.
func.func private @near(%x: index, %y: index, %n: index, %w: index, %s: index,
                        %d: index) -> i1 {
  %0 = arith.constant 0 : index   %1 = arith.constant 1 : index   %2 = arith.constant 2 : index
  %xp, %xr = affine.delinearize_index %x into (%d) : index, index          // x = d * xp + xr
  %yp, %yr = affine.delinearize_index %y into (%d) : index, index
  %left = arith.subi %n, %xr : index         %len = arith.ceildivsi %left, %d : index
  %g = arith.floordivsi %xp, %s : index      %first = arith.muli %g, %s : index
  %half = arith.floordivsi %s, %2 : index    %middle = arith.addi %first, %half : index
  %last = arith.subi %len, %1 : index        %leader = arith.minsi %middle, %last : index
  %reach = arith.floordivsi %w, %2 : index   %wish = arith.subi %leader, %reach : index
  %room = arith.subi %len, %w : index        %inside = arith.minsi %wish, %room : index
  %from = arith.maxsi %inside, %0 : index
  %near = attn.holds affine_set<(xr, yr, yp, from)[w] : (xr == yr, yp >= from, from + w - 1 >= yp)>
      (%xr, %yr, %yp, %from)[%w]
  return %near : i1
}

attn.kernel @neighborhood_1d(%q: !q, %k: !k, %v: !k, %w: index, %stride: index, %d: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %n = size k of %b
    %y = func.call @near(%i, %j, %n, %w, %stride, %d)
        : (index, index, index, index, index, index) -> i1
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
