// SPDX-License-Identifier: Apache-2.0
// Neighborhood attention whose axes are causal one by one: ct, ch, cw are 1 where a query sees nothing
// behind itself along time, rows or columns, 0 where its window lies around it. An image is a video
// with T = 1, a sequence one with T = H = 1, each with a window of 1 along what it lacks. Window,
// stride and dilation as in neighborhood-3d.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

func.func private @near(%x: index, %y: index, %n: index, %w: index, %s: index, %d: index,
                        %c: index) -> i1 {
  %0 = arith.constant 0 : index   %1 = arith.constant 1 : index   %2 = arith.constant 2 : index
  %xp, %xr = affine.delinearize_index %x into (%d) : index, index          // x = d * xp + xr
  %yp, %yr = affine.delinearize_index %y into (%d) : index, index
  %left = arith.subi %n, %xr : index         %len = arith.ceildivsi %left, %d : index
  %g = arith.floordivsi %xp, %s : index      %first = arith.muli %g, %s : index
  // Around the leader of the group, the window pushed inside at the ends of the axis.
  %half = arith.floordivsi %s, %2 : index    %middle = arith.addi %first, %half : index
  %last = arith.subi %len, %1 : index        %leader = arith.minsi %middle, %last : index
  %reach = arith.floordivsi %w, %2 : index   %wish = arith.subi %leader, %reach : index
  %room = arith.subi %len, %w : index        %inside = arith.minsi %wish, %room : index
  %around = arith.maxsi %inside, %0 : index
  // Causal: the last of the group leads, the window ends with it, nothing behind the query is seen.
  %whole = arith.addi %first, %s : index     %end = arith.minsi %whole, %len : index
  %past = arith.subi %end, %w : index
  %causal = arith.cmpi ne, %c, %0 : index
  %from = arith.select %causal, %past, %around : index
  %until = arith.select %causal, %xp, %last : index
  %near = attn.holds affine_set<(xr, yr, yp, from, until)[w] :
      (xr == yr, yp >= from, from + w - 1 >= yp, until >= yp)>(%xr, %yr, %yp, %from, %until)[%w]
  return %near : i1
}

attn.kernel @neighborhood_causal(%q: !q, %k: !k, %v: !k,
                                 %T: index, %H: index, %W: index, %wt: index, %wh: index, %ww: index,
                                 %st: index, %sh: index, %sw: index,
                                 %dt: index, %dh: index, %dw: index,
                                 %ct: index, %ch: index, %cw: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  axis q grid (%T, %H, %W)
  axis k grid (%T, %H, %W)
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %it, %iy, %ix = affine.delinearize_index %i into (%T, %H, %W) : index, index, index
    %jt, %jy, %jx = affine.delinearize_index %j into (%T, %H, %W) : index, index, index
    %frames = func.call @near(%it, %jt, %T, %wt, %st, %dt, %ct)
        : (index, index, index, index, index, index, index) -> i1
    %rows = func.call @near(%iy, %jy, %H, %wh, %sh, %dh, %ch)
        : (index, index, index, index, index, index, index) -> i1
    %columns = func.call @near(%ix, %jx, %W, %ww, %sw, %dw, %cw)
        : (index, index, index, index, index, index, index) -> i1
    %plane = arith.andi %rows, %columns : i1
    %keep = arith.andi %frames, %plane : i1
    yield %keep : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
