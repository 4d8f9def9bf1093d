// SPDX-License-Identifier: Apache-2.0
// Which tokens of a side does a tile hold?
#ifndef ATTUNE_COMPILER_MASK_TILEAXIS_H
#define ATTUNE_COMPILER_MASK_TILEAXIS_H

#include "compiler/mask/Schedule.h"
#include "llvm/Support/MathExtras.h"

namespace attune::mask {

using Coordinates = llvm::SmallVector<int64_t, 3>;

/// A side of one problem: flat tiles have one coordinate, the token.
struct TileAxis {
  Coordinates box, extents, counts;

  TileAxis(const TileShape &shape, int64_t tokens, llvm::ArrayRef<int64_t> grid) {
    if (shape.box.empty()) {
      box = {shape.tokens};
      extents = {tokens};
    } else {
      box.assign(shape.box.begin(), shape.box.end());
      extents.assign(grid.begin(), grid.end());
    }
    for (auto [size, extent] : llvm::zip_equal(box, extents))
      counts.push_back(llvm::divideCeilSigned(extent, size));
  }

  int64_t tiles() const {
    int64_t product = 1;
    for (int64_t count : counts)
      product *= count;
    return product;
  }

  /// The inclusive ends of a tile, clipped to what exists.
  std::pair<Coordinates, Coordinates> ends(int64_t tile) const {
    Coordinates first(box.size()), last(box.size());
    for (size_t dim = box.size(); dim-- > 0;) {
      first[dim] = tile % counts[dim] * box[dim];
      last[dim] = std::min(first[dim] + box[dim], extents[dim]) - 1;
      tile /= counts[dim];
    }
    return {first, last};
  }

  int64_t flat(llvm::ArrayRef<int64_t> at) const {
    int64_t token = 0;
    for (auto [coordinate, extent] : llvm::zip_equal(at, extents))
      token = token * extent + coordinate;
    return token;
  }

  template <typename Visit> void forEachToken(int64_t tile, Visit &&visit) const {
    auto [first, last] = ends(tile);
    for (size_t dim = 0; dim < box.size(); ++dim)
      if (last[dim] < first[dim])
        return;
    Coordinates at = first;
    while (true) {
      visit(at);
      size_t dim = box.size();
      while (dim-- > 0) {
        if (++at[dim] <= last[dim])
          break;
        at[dim] = first[dim];
      }
      if (dim == size_t(-1))
        return;
    }
  }
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_TILEAXIS_H
