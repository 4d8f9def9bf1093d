// SPDX-License-Identifier: Apache-2.0
// Transformer-XL's scores, (q_i + u).k_j + (q_i + w).r_(i + n - j), with n keys of memory before the first query and vectors u and w of
// the head. Queries are moved first; products with all offsets are stored, and each pair takes its own. (RCMHA convolves q,
// k and v before: outside.)
// Rows: 9
// Run: u={heads}x128 w={heads}x128 r=1x{heads}x{queries+20}x128 n=20 --kv-tokens={queries+20}
!q = !attn.rows<vector<128xbf16>>            // one vector a query
!k = !attn.cols<vector<128xbf16>>            // one vector a key
!r = !attn.cols<vector<128xbf16>, rel>       // one vector an offset
!s = !attn.matrix<f32>                       // one number a (query, key) pair, never stored
!z = !attn.matrix<f32, q, rel>               // one number a (query, offset) pair

attn.kernel @transformer_xl(%q: !q, %k: !k, %v: !k, %u: tensor<?x128xbf16>, %w: tensor<?x128xbf16>, %r: !r, %n: index) -> !q {
  %qu = map (%x = %q) at (%b, %h, %i) : (!q) -> !q {
    %a = load %u[%h] : tensor<?x128xbf16>
    %y = arith.addf %x, %a : vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  %qw = map (%x = %q) at (%b, %h, %i) : (!q) -> !q {
    %a = load %w[%h] : tensor<?x128xbf16>
    %y = arith.addf %x, %a : vector<128xbf16>
    yield %y : vector<128xbf16>
  }
  %content = dot %qu, %k scale 0.0883883 : !q, !k
  %d = where %content in affine_set<(b, h, i, j)[n] : (j <= i + n)>[%n] : !s
  %place = dot %qw, %r scale 0.0883883 : !q, !r
  %g = take %place (%e = %d) at (%b, %h, %i, %j) : !z, (!s) -> !s {
    %a = affine.apply affine_map<(i, j)[n] -> (i + n - j)>(%i, %j)[%n]
    yield %a : index
  }
  %m = map (%x = %d, %y = %g) : (!s, !s) -> !s {
    %a = arith.addf %x, %y : f32
    yield %a : f32
  }
  %p = softmax %m : !s
  %o = contract %p, %v : !s, !k -> !q
  return %o : !q
}
