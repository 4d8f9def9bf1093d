// SPDX-License-Identifier: Apache-2.0
// Ways to make weights of scores, for Attention::weigh: functions from a matrix to a matrix.
#pragma once

#include <attune/attn/Functions.hpp>
#include <attune/attn/Values.hpp>

namespace attn {

/// p = sigmoid(s + bias); rows are not normalised.
inline auto sigmoidWeights(const Number &bias = 0) {
  return [bias](const Matrix &s) { return map(sigmoid(s + bias), s); };
}

/// p = max(s, 0).
inline Matrix reluWeights(const Matrix &s) { return map(relu(s), s); }

/// alpha-entmax, alpha > 1 an expression of b, h and i.
inline auto entmaxWeights(const Number &alpha, const RowTokens &queries) {
  return [rows = mapRows(alpha, queries)](const Matrix &s) { return entmax(s, rows); };
}

/// Sparsemax: p = max(s - t, 0) with the t of each row for which they sum to 1.
inline Matrix sparsemaxWeights(const Matrix &s) {
  Rows high = overKeys(Max, s);
  Rows t = solve(max(s - threshold, 0), mapRows(high - 1), high, 1, s);
  return map(max(s - t, 0), s);
}

/// p = f(s) / sum over visible j of f(s), for f at least 0, such as softplus.
inline auto normalised(Number (*f)(const Number &)) {
  return [f](const Matrix &s) {
    Matrix weights = map(f(s), s);
    return map(weights / overKeys(Sum, weights), s);
  };
}

} // namespace attn
