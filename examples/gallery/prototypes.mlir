// SPDX-License-Identifier: Apache-2.0
// PMA-Net: keys and values are those of the input and the prototypes of a memory of past ones,
// softmax(q [k; k_m])[v; v_m]. Nothing is masked; the memory is shared by the batch.
// Rows: 28
// Run: km=1x{kv-heads}x40x128 vm=1x{kv-heads}x40x128
!q = !attn.rows<vector<128xbf16>>              // one vector a query
!k = !attn.cols<vector<128xbf16>>              // one vector a key
!m = !attn.cols<vector<128xbf16>, mem>         // one vector a key of the other segment
!s = !attn.matrix<f32>                         // one number a (query, key) pair, never stored
!n = !attn.matrix<f32, q, mem>                 // the same with the other segment
!a = !attn.matrix<f32, q, mem+k>               // over both
!w = !attn.cols<vector<128xbf16>, mem+k>       // one vector a key of both

attn.kernel @prototypes(%q: !q, %km: !m, %vm: !m, %k: !k, %v: !k) -> !q {
  %both = concat %km, %k : !m, !k
  %s = dot %q, %both scale 0.0883883 : !q, !w
  %p = softmax %s : !a
  %u = concat %vm, %v : !m, !k
  %o = contract %p, %u : !a, !w -> !q
  return %o : !q
}
