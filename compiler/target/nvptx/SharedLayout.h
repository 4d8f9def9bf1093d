// SPDX-License-Identifier: Apache-2.0
// Where does element (token, component) of a tile lie in shared memory?
//
// Components are cut into segments of 64, 32 or 16 16-bit columns. In a segment a token's columns
// are one run of 2 w bytes, made of 16-byte chunks, and chunk c of token t stands at place c ^
// f(t):
//   w = 64: f = t % 8,   w = 32: f = t / 2 % 4,   w = 16: f = t / 4 % 2.
// So the same chunk of 8 consecutive tokens lies in 8 different groups of banks: ldmatrix, plain or
// transposed, and copies of 16 bytes are free of bank conflicts.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_SHAREDLAYOUT_H
#define ATTUNE_COMPILER_TARGET_NVPTX_SHAREDLAYOUT_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace attune::nvptx {

struct SharedLayout {
  struct Segment {
    int64_t width;       // 16-bit columns: 64, 32 or 16
    int64_t firstColumn; // 16-bit columns before this segment
    int64_t offset;      // bytes from the tile's start
  };

  int64_t tokens = 0;
  /// 16-bit columns of a token, a multiple of 16 (a 32-bit component takes two).
  int64_t columns = 0;
  llvm::SmallVector<Segment, 4> segments;

  SharedLayout() = default;
  SharedLayout(int64_t tokens, int64_t columns) : tokens(tokens), columns(columns) {
    int64_t column = 0;
    for (int64_t width : {64, 32, 16})
      for (; columns - column >= width; column += width)
        segments.push_back({width, column, column * tokens * 2});
  }

  int64_t bytes() const { return tokens * columns * 2; }

  const Segment &segmentOf(int64_t column) const {
    for (const Segment &segment : segments)
      if (column < segment.firstColumn + segment.width)
        return segment;
    return segments.back();
  }

  /// f(t) = t / divisor % modulus for segments of `width` columns.
  static int64_t swizzleDivisor(int64_t width) { return 64 / width; }
  static int64_t swizzleModulus(int64_t width) { return width / 8; }
};

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_SHAREDLAYOUT_H
