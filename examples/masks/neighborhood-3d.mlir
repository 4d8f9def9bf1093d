// SPDX-License-Identifier: Apache-2.0
// Neighborhood attention on a video of T x H x W tokens, causal in time, with NATTEN's meaning: the
// last wt frames, and in each a window of wh x ww keys, with a stride and a dilation along each
// axis. Needs window * dilation <= length on each.
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

// The same on an axis of time: the leader is the last of its group, and x sees nothing after it.
func.func private @recent(%x: index, %y: index, %n: index, %w: index, %s: index,
                          %d: index) -> i1 {
  %1 = arith.constant 1 : index
  %xp, %xr = affine.delinearize_index %x into (%d) : index, index
  %yp, %yr = affine.delinearize_index %y into (%d) : index, index
  %left = arith.subi %n, %xr : index         %len = arith.ceildivsi %left, %d : index
  %g = arith.floordivsi %xp, %s : index      %next = arith.addi %g, %1 : index
  %whole = arith.muli %next, %s : index      %end = arith.minsi %whole, %len : index
  %near = attn.holds affine_set<(xr, yr, xp, yp, end)[w] : (xr == yr, yp <= xp, yp >= end - w)>
      (%xr, %yr, %xp, %yp, %end)[%w]
  return %near : i1
}

attn.kernel @neighborhood_3d(%q: !q, %k: !k, %v: !k,
                             %T: index, %H: index, %W: index, %wt: index, %wh: index, %ww: index,
                             %st: index, %sh: index, %sw: index,
                             %dt: index, %dh: index, %dw: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  axis q grid (%T, %H, %W)
  axis k grid (%T, %H, %W)
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %it, %iy, %ix = affine.delinearize_index %i into (%T, %H, %W) : index, index, index
    %jt, %jy, %jx = affine.delinearize_index %j into (%T, %H, %W) : index, index, index
    %frames = func.call @recent(%it, %jt, %T, %wt, %st, %dt)
        : (index, index, index, index, index, index) -> i1
    %rows = func.call @near(%iy, %jy, %H, %wh, %sh, %dh)
        : (index, index, index, index, index, index) -> i1
    %columns = func.call @near(%ix, %jx, %W, %ww, %sw, %dw)
        : (index, index, index, index, index, index) -> i1
    %plane = arith.andi %rows, %columns : i1
    %keep = arith.andi %frames, %plane : i1
    yield %keep : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
