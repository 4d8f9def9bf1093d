// SPDX-License-Identifier: Apache-2.0
// Neighborhood attention in any number of dimensions, with NATTEN's meaning.
#pragma once

#include <attune/attn/Functions.hpp>

#include <array>

namespace attn {

/// One axis of a grid: its tokens, and the window of each. Windows need window * dilation <= size.
struct Neighborhood {
  Index size, window;
  /// So many neighbours share the window of their leader.
  Index stride = 1;
  /// Only every dilation-th token counts; those d apart are a sequence of their own.
  Index dilation = 1;
  /// Nothing behind the query is seen, and windows end at it.
  bool causal = false;
};

/// Token n of a row-major grid of `sizes` as coordinates.
template <size_t Rank>
std::array<Index, Rank> coordinates(const Index &n, const std::array<Index, Rank> &sizes) {
  if constexpr (Rank == 1)
    return {n};
  detail::Node split;
  split.operands = {n.node()};
  split.type = detail::scalarType("index");
  split.results = Rank;
  std::string basis, types;
  for (size_t axis = 0; axis < Rank; ++axis) {
    split.operands.push_back(sizes[axis].node());
    basis += (axis ? ", $" : "$") + std::to_string(axis + 1);
    types += axis ? ", index" : "index";
  }
  split.text = "affine.delinearize_index $0 into (" + basis + ") : " + types;
  auto node = std::make_shared<const detail::Node>(std::move(split));
  return [&]<size_t... Axis>(std::index_sequence<Axis...>) {
    return std::array<Index, Rank>{
        Index(detail::makeResult(node, unsigned(Axis), detail::scalarType("index")))...};
  }(std::make_index_sequence<Rank>());
}

namespace detail {

/// Is y in the window of x? With x = d xp + xr the window of xp on its ceil((n - xr) / d) tokens begins
/// around the leader of its group of s, pushed inside at the ends; causal: it ends with the group.
inline Logic isNear(const Index &x, const Index &y, const Neighborhood &axis) {
  const auto &[n, w, s, d, isCausal] = axis;
  Index xp = x / d, xr = x % d, yp = y / d, yr = y % d;
  Index tokens = ceilDivide(n - xr, d), first = xp / s * s;
  if (isCausal) {
    Index end = min(first + s, tokens);
    return xr == yr && yp <= xp && yp >= end - w;
  }
  Index leader = min(first + s / 2, tokens - 1);
  Index from = max(min(leader - w / 2, tokens - w), 0);
  return xr == yr && yp >= from && yp <= from + w - 1;
}

} // namespace detail

/// Token i and key j of a row-major grid: j is in the window of i along each axis. Say grid() of the same
/// sizes to the Attention as well, so that tiles are boxes.
template <size_t Rank> Logic neighborhood(const Neighborhood (&axes)[Rank]) {
  std::array<Index, Rank> sizes = [&]<size_t... Axis>(std::index_sequence<Axis...>) {
    return std::array<Index, Rank>{axes[Axis].size...};
  }(std::make_index_sequence<Rank>());
  std::array<Index, Rank> query = coordinates<Rank>(i, sizes);
  std::array<Index, Rank> key = coordinates<Rank>(j, sizes);
  Logic all = detail::isNear(query[0], key[0], axes[0]);
  for (size_t axis = 1; axis < Rank; ++axis)
    all = all && detail::isNear(query[axis], key[axis], axes[axis]);
  return all;
}

/// HaloNet: the keys of the query's block of `size` along an axis and of a halo around it, of coordinates x
/// and y.
inline Logic withinHalo(const Index &x, const Index &y, const Index &size, const Index &halo) {
  Index start = x / size * size;
  return y >= start - halo && y < start + size + halo;
}

} // namespace attn
