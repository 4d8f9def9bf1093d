// SPDX-License-Identifier: Apache-2.0
// The mass of groups of keys, any number of them: what of a row's weight falls on each. A key of no group drops out.
// Rows: P4
// Run: groups=100 group={batch}x{keys}:-1..99
// Spills: sm_90a 32 by ptxas, which holds this kernel to 32 registers a thread; outside of its loop
!q = !attn.rows<vector<128xbf16>>      // one vector a query
!k = !attn.cols<vector<128xbf16>>      // one vector a key
!s = !attn.matrix<f32>                 // one number a (query, key) pair, never stored
!g = !attn.matrix<f32, q, group>       // one number a query and group
#causal = affine_set<(b, h, i, j) : (j <= i)>

attn.kernel @key_groups(%q: !q, %k: !k, %groups: index, %group: tensor<?x?xi32>) -> !g {
  axis group size %groups
  %s = dot %q, %k scale 0.0883883 : !q, !k
  %m = where %s in #causal : !s
  %p = softmax %m : !s
  %w = reduce sum %p over keys into group at (%b, %h, %i, %j) : !s {
    %c = load %group[%b, %j] : tensor<?x?xi32> -> index
    yield %c : index
  }
  return %w : !g
}
