// SPDX-License-Identifier: Apache-2.0
// Softmax attention as a tile program, of any type, dims and tiles.
#ifndef ATTUNE_TEST_COMPILER_TARGET_HOST_ATTENTIONPROGRAM_H
#define ATTUNE_TEST_COMPILER_TARGET_HOST_ATTENTIONPROGRAM_H

#include "test/compiler/target/host/HostHarness.h"

namespace attune::test {

struct Attention {
  Dtype dtype = Dtype::F32;
  int64_t d = 64, dv = 64, queries = 32, keys = 64;
  bool causal = false;
  int64_t batch = 1, heads = 1, keyHeads = 1, queryTokens = 128, keyTokens = 128;
  /// Memory order of (batch, heads, tokens, dim) and the distance of neighbours.
  std::vector<int> order = {};
  int64_t spread = 1;
};

/// A kernel `attention` of operands q, k, v, scale (log2(e) / sqrt(d)) and result o.
std::string writeAttention(const Attention &c);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_HOST_ATTENTIONPROGRAM_H
