// SPDX-License-Identifier: Apache-2.0
// Neighborhood attention on an image of H x W tokens, with NATTEN's meaning: a window of wh x ww
// keys around each query, pushed inside at the borders, with a stride and a dilation along each
// axis. Needs wh dh <= H and ww dw <= W.
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

attn.kernel @neighborhood_2d(%q: !q, %k: !k, %v: !k,
                             %H: index, %W: index, %wh: index, %ww: index,
                             %sh: index, %sw: index, %dh: index, %dw: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  axis q grid (%H, %W)
  axis k grid (%H, %W)
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %iy, %ix = affine.delinearize_index %i into (%H, %W) : index, index
    %jy, %jx = affine.delinearize_index %j into (%H, %W) : index, index
    %rows = func.call @near(%iy, %jy, %H, %wh, %sh, %dh)
        : (index, index, index, index, index, index) -> i1
    %columns = func.call @near(%ix, %jx, %W, %ww, %sw, %dw)
        : (index, index, index, index, index, index) -> i1
    %keep = arith.andi %rows, %columns : i1
    yield %keep : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
