// SPDX-License-Identifier: Apache-2.0
// Where does an element of a matrix lie? Swizzles of shared memory.
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

} // namespace attune::sim
