// SPDX-License-Identifier: Apache-2.0
// Changes of scores from the literature, as expressions of `score`.
#pragma once

#include <attune/attn/Functions.hpp>
#include <attune/attn/Operands.hpp>

namespace attn {

/// ALiBi: score + slope (j - i), a slope a head.
inline Number alibi(const Table<float, 1> &slope) { return score + slope[h] * (j - i); }

/// cap tanh(score / cap).
inline Number softcap(const Number &cap) { return tanh(score / cap) * cap; }

/// A bias a head and offset: score + bias[h][j - i + zero], where entry `zero` is that of j = i.
inline Number relativeBias(const Table<float, 2> &bias, const Index &zero) {
  return score + bias[h][j - i + zero];
}

/// T5's buckets of offsets: of `count` buckets (32) half are offsets one by one, half grow by powers up to
/// `farthest` (128); one side each if `bothSides`.
inline Index t5Bucket(int64_t count, int64_t farthest, bool bothSides) {
  int64_t side = bothSides ? count / 2 : count, exact = side / 2;
  Index offset = bothSides ? abs(j - i) : max(i - j, 0);
  float scale = float(double(side - exact) / std::log(double(farthest) / double(exact)));
  Index far = min(exact + index(log(max(offset, 1) / Number(exact)) * scale), side - 1);
  Index bucket = select(offset < exact, offset, far);
  return bothSides ? bucket + select(j > i, Index(side), Index(0)) : bucket;
}

/// A matrix of biases: score + bias[b][h][i][j].
template <typename T> Number pairBias(const Table<T, 4> &bias) { return score + bias[b][h][i][j]; }

} // namespace attn
