// Products of two matrices (attn.contract).
// RUN: attn-opt %s --split-input-file --verify-diagnostics

attn.kernel @axes(%q: !attn.rows<vector<8xbf16>>, %k: !attn.cols<vector<8xbf16>>) -> !attn.matrix<f32> {
  %s = dot %q, %k : !attn.rows<vector<8xbf16>>, !attn.cols<vector<8xbf16>>
  // expected-error @+1 {{expected weights and values to meet on one axis, but got 'k' and 'q'}}
  %o = contract %s, %s : !attn.matrix<f32>, !attn.matrix<f32> -> !attn.matrix<f32>
  return %o : !attn.matrix<f32>
}

// -----

attn.kernel @result(%q: !attn.rows<vector<8xbf16>>, %k: !attn.cols<vector<8xbf16>, q>) -> !attn.matrix<f32> {
  %s = dot %q, %k : !attn.rows<vector<8xbf16>>, !attn.cols<vector<8xbf16>, q>
  // expected-error @+1 {{expected values of 'f32' and the result '!attn.matrix<f32, q, q>', but got '!attn.matrix<f32, q, q>' and '!attn.matrix<f32>'}}
  %o = contract %s, %s : !attn.matrix<f32, q, q>, !attn.matrix<f32, q, q> -> !attn.matrix<f32>
  return %o : !attn.matrix<f32>
}

// -----

attn.kernel @rows(%q: !attn.rows<vector<8xbf16>>, %k: !attn.cols<vector<8xbf16>>) -> !attn.matrix<f32> {
  %s = dot %q, %k : !attn.rows<vector<8xbf16>>, !attn.cols<vector<8xbf16>>
  // expected-error @+1 {{expected rows of cols that are summed, but got '!attn.matrix<f32>'}}
  %o = contract %s, %k : !attn.matrix<f32>, !attn.cols<vector<8xbf16>> -> !attn.matrix<f32>
  return %o : !attn.matrix<f32>
}
