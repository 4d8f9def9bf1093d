// SPDX-License-Identifier: Apache-2.0
// Where does an element of a matrix lie? In the registers of ldmatrix, and in shared memory as a
// matrix descriptor of wgmma says.
#pragma once

#include <cstdint>

namespace attune::sim {

/// How the 16-byte pieces of rows in shared memory are permuted (PTX ISA "Swizzling Modes").
enum class Swizzle : uint8_t { None, Bytes32, Bytes64, Bytes128 };

/// Where the byte at `byte` lies when the pattern begins at 0: three, two or one of the bits behind
/// the row's 128 bytes are added without carry to those that number the 16-byte pieces.
inline uint32_t swizzledOffset(Swizzle mode, uint32_t byte) {
  uint32_t pieces = (1u << unsigned(mode)) - 1;
  return byte ^ ((byte >> 7 & pieces) << 4);
}

/// An 8 x 8 matrix of 16-bit elements, rows of 16 bytes each, as a register of 32 lanes (PTX ISA
/// "ldmatrix"): lane l gets elements 2(l%4) and the next of row l/4; transposed, of column l/4. A
/// null row is zeros.
void loadMatrix(const uint8_t *const rows[8], bool transposed, uint32_t *lanes);
/// The inverse ("stmatrix"); null rows are left out.
void storeMatrix(uint8_t *const rows[8], bool transposed, const uint32_t *lanes);

/// How a matrix lies in shared memory, out of 64 bits (PTX ISA "Matrix Descriptor Format").
struct MatrixDescriptor {
  uint32_t start = 0, leading = 0, stride = 0;
  /// Where the swizzle's pattern begins, in units of 128 bytes.
  uint32_t baseOffset = 0;
  Swizzle swizzle = Swizzle::None;

  static MatrixDescriptor decode(uint64_t bits);

  /// Where a piece of 16 bytes lies, which is the smallest unit that no layout takes apart
  /// ("Canonical Layouts"). K-major: `line` is a row of A or column of B, `piece` counts along k.
  /// Else `line` counts along k and `piece` along rows of A or columns of B.
  uint32_t address(bool kMajor, unsigned line, unsigned piece) const;
};

} // namespace attune::sim
