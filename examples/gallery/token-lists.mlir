// SPDX-License-Identifier: Apache-2.0
// TidalDecode: a query attends to the keys that an earlier layer has listed for it. -1 ends a list early. Lists
// become bits, a word for 32 keys, so that a pair reads one word however long its list is.
// Rows: 68
// Run: list={batch}x{heads}x{queries}x64:-1..89
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!l = !attn.rows<vector<64xi32>>        // numbers of keys
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored

attn.kernel @token_lists(%q: !q, %k: !k, %v: !k, %list: !l) -> !q {
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where (%x = %s, %a = %list) at (%b, %h, %i, %j) : (!s, !l) {
    %y = contains %a, %j : vector<64xi32>
    yield %y : i1
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
