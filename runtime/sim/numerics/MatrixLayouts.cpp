// SPDX-License-Identifier: Apache-2.0
// Moves 8 x 8 matrices between rows and registers, and finds the rows that a descriptor describes.
#include "runtime/sim/numerics/MatrixLayouts.h"

#include <cstring>

namespace attune::sim {

static constexpr unsigned rowBytes = 16, rowWords = 4, matrixRows = 8;

void loadMatrix(const uint8_t *const rows[8], bool transposed, uint32_t *lanes) {
  for (unsigned row = 0; row < matrixRows; ++row) {
    uint16_t elements[8] = {};
    if (rows[row])
      std::memcpy(elements, rows[row], rowBytes);
    if (!transposed) {
      std::memcpy(lanes + row * rowWords, elements, rowBytes);
      continue;
    }
    for (unsigned column = 0; column < 8; ++column) {
      uint32_t &lane = lanes[column * 4 + row / 2];
      lane = row % 2 == 0 ? elements[column] : lane | uint32_t(elements[column]) << 16;
    }
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
