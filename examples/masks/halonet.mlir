// SPDX-License-Identifier: Apache-2.0
// HaloNet's blocked local attention on an image of H x W tokens: the queries of a block of size x
// size see the keys of the block and of a halo around it. Blocks at the border may be cut.
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

// Is coordinate y within the halo of the block of x?
func.func private @near(%x: index, %y: index, %size: index, %halo: index) -> i1 {
  %block = arith.floordivsi %x, %size : index
  %start = arith.muli %block, %size : index
  %near = attn.holds affine_set<(y, start)[size, halo] :
      (y - start + halo >= 0, start + size + halo - 1 - y >= 0)>(%y, %start)[%size, %halo]
  return %near : i1
}

attn.kernel @halonet(%q: !q, %k: !k, %v: !k,
                     %H: index, %W: index, %size: index, %halo: index) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  axis q grid (%H, %W)
  axis k grid (%H, %W)
  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {
    %iy, %ix = affine.delinearize_index %i into (%H, %W) : index, index
    %jy, %jx = affine.delinearize_index %j into (%H, %W) : index, index
    %rows = func.call @near(%iy, %jy, %size, %halo) : (index, index, index, index) -> i1
    %columns = func.call @near(%ix, %jx, %size, %halo) : (index, index, index, index) -> i1
    %keep = arith.andi %rows, %columns : i1
    yield %keep : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
