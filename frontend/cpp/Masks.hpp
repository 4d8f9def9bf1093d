// SPDX-License-Identifier: Apache-2.0
// Masks of the literature as expressions: true where query i of head h sees key j of sequence b. They
// compose with &&, || and !. Sizes are numbers or arguments of the launch.
#pragma once

#include <attune/attn/Functions.hpp>
#include <attune/attn/Operands.hpp>
#include <attune/attn/Values.hpp>

namespace attn {

/// What is not ahead: j <= i + offset. Query 0 stands at key `offset`: 0 for whole sequences, keys - queries
/// for the last queries of a longer one. Nothing is assumed of it.
inline Logic causal(const Index &offset = 0) { return j <= i + offset; }

/// The last w keys before the query, and its own: 0 <= i - j <= w.
inline Logic window(const Index &w) { return j <= i && i - j <= w; }

/// On both sides: -right <= i - j <= left.
inline Logic window(const Index &left, const Index &right) {
  return i - j <= left && j - i <= right;
}

/// Every d-th key of the last w d: 0 <= i - j <= w d, a multiple of d.
inline Logic dilatedWindow(const Index &w, const Index &d) {
  return (i - j) % d == 0 && i - j >= 0 && (i - j) / d <= w;
}

/// The first n keys, whatever the query.
inline Logic firstKeys(const Index &n) { return j < n; }

/// StreamingLLM: of what is not ahead the first `sinks` keys and the last w before the query.
inline Logic streaming(const Index &sinks, const Index &w) {
  return causal() && (firstKeys(sinks) || i - j <= w);
}

/// Prefix language model: the first n tokens see one another, the others what is not ahead. n may differ
/// between sequences: prefix[b].
inline Logic prefixLm(const Index &n) { return causal() || firstKeys(n); }

/// Tokens of one document, documents[b][token]; say documents.sorted() where ids do not decrease.
template <typename T> Logic sameDocument(const Table<T, 2> &documents) {
  return documents[b][i] == documents[b][j];
}

/// Sequences of unlike length in one batch: the first n tokens exist, such as n = length[b].
inline Logic withinLength(const Index &n) { return i < n && j < n; }

/// Blocks of `size` tokens, each on its own.
inline Logic blockDiagonal(const Index &size) { return i / size == j / size; }

/// The own block of `size` tokens and the `before` blocks before it, both ways.
inline Logic blockWindow(const Index &size, const Index &before) {
  return i / size >= j / size && i / size - j / size <= before;
}

/// Blocks of `size` tokens that a table names: keep[h][i / size][j / size].
inline Logic blockTable(const Table<bool, 3> &keep, const Index &size) {
  return keep[h][i / size][j / size];
}

/// Any mask, 32 keys a word: bit j % 32 of words[b][i][j / 32].
inline Logic bitMatrix(const Table<int32_t, 3> &words) {
  return (words[b][i][j / 32] >> j % 32 & 1) == 1;
}

/// Keys in steps: j = h modulo `stride`, so that heads take turns (Hepos).
inline Logic strided(const Index &stride) { return (j - h) % stride == 0; }

/// In an Attention: the n keys of the greatest scores, among those that the masks before this one leave.
inline Logic topKeys(const Index &n) {
  detail::Type type = detail::matrixType("i1");
  return Logic(detail::makeOperation("select $0 top $1 : #0", type, {score.node(), n.node()}));
}

} // namespace attn
