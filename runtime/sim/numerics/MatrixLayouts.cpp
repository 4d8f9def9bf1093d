// SPDX-License-Identifier: Apache-2.0
// Moves 8 x 8 matrices between rows and registers, and finds the rows that a descriptor describes.
#include "runtime/sim/numerics/MatrixLayouts.h"

#include <cstring>

namespace attune::sim {

static constexpr unsigned rowBytes = 16, rowWords = 4, matrixRows = 8;

typedef uint16_t Halves __attribute__((vector_size(16)));
typedef uint32_t Words __attribute__((vector_size(16)));

void loadMatrix(const uint8_t *const rows[8], bool transposed, uint32_t *lanes) {
  Halves elements[matrixRows] = {};
  for (unsigned row = 0; row < matrixRows; ++row)
    if (rows[row])
      std::memcpy(&elements[row], rows[row], rowBytes);
  if (!transposed) {
    std::memcpy(lanes, elements, sizeof(elements));
    return;
  }
  // Rows in pairs, one column a word, and then words of one column beside each other.
  Words halves[2][4];
  for (unsigned pair = 0; pair < 4; ++pair) {
    Halves even = elements[2 * pair], odd = elements[2 * pair + 1];
    halves[0][pair] = (Words)__builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
    halves[1][pair] = (Words)__builtin_shufflevector(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (const auto &pairs : halves) {
    Words first01 = __builtin_shufflevector(pairs[0], pairs[1], 0, 4, 1, 5);
    Words first23 = __builtin_shufflevector(pairs[2], pairs[3], 0, 4, 1, 5);
    Words last01 = __builtin_shufflevector(pairs[0], pairs[1], 2, 6, 3, 7);
    Words last23 = __builtin_shufflevector(pairs[2], pairs[3], 2, 6, 3, 7);
    Words columns[4] = {__builtin_shufflevector(first01, first23, 0, 1, 4, 5),
                        __builtin_shufflevector(first01, first23, 2, 3, 6, 7),
                        __builtin_shufflevector(last01, last23, 0, 1, 4, 5),
                        __builtin_shufflevector(last01, last23, 2, 3, 6, 7)};
    std::memcpy(lanes, columns, sizeof(columns));
    lanes += 4 * rowWords;
  }
}

void storeMatrix(uint8_t *const rows[8], bool transposed, const uint32_t *lanes) {
  for (unsigned row = 0; row < matrixRows; ++row) {
    if (!rows[row])
      continue;
    uint16_t elements[8];
    if (!transposed)
      std::memcpy(elements, lanes + row * rowWords, rowBytes);
    else
      for (unsigned column = 0; column < 8; ++column)
        elements[column] = uint16_t(lanes[column * 4 + row / 2] >> (row % 2 * 16));
    std::memcpy(rows[row], elements, rowBytes);
  }
}

MatrixDescriptor MatrixDescriptor::decode(uint64_t bits) {
  auto encoded = [&](unsigned from) { return uint32_t(bits >> from & 0x3fff) << 4; };
  static constexpr Swizzle modes[] = {Swizzle::None, Swizzle::Bytes128, Swizzle::Bytes64,
                                      Swizzle::Bytes32};
  MatrixDescriptor descriptor;
  descriptor.start = encoded(0);
  descriptor.leading = encoded(16);
  descriptor.stride = encoded(32);
  descriptor.swizzle = modes[bits >> 62];
  // It has no meaning without a swizzle.
  if (descriptor.swizzle != Swizzle::None)
    descriptor.baseOffset = uint32_t(bits >> 49 & 7);
  return descriptor;
}

uint32_t MatrixDescriptor::address(bool kMajor, unsigned line, unsigned piece) const {
  const unsigned group = line / matrixRows, row = line % matrixRows;
  if (swizzle == Swizzle::None) {
    // Matrices of 8 rows of 16 bytes, each one contiguous.
    uint32_t alongLines = kMajor ? stride : leading, alongPieces = kMajor ? leading : stride;
    return start + row * rowBytes + group * alongLines + piece * alongPieces;
  }
  // Rows as long as the swizzle. Across the end of a row, K-major operands never go: k is 32 bytes.
  const unsigned pieces = 1u << unsigned(swizzle);
  uint32_t byte = start + row * pieces * rowBytes + group * stride;
  byte += kMajor ? piece * rowBytes : piece / pieces * leading + piece % pieces * rowBytes;
  uint32_t pattern = baseOffset << 7;
  return swizzledOffset(swizzle, byte - pattern) + pattern;
}

} // namespace attune::sim
