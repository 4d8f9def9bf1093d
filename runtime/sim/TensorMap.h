// SPDX-License-Identifier: Apache-2.0
// What does a tensor map say? The driver's 128 bytes are opaque; these are the simulator's own,
// made from the same facts and under the same rules.
#pragma once

#include "runtime/sim/numerics/MatrixLayouts.h"

#include <array>
#include <cstdint>
#include <optional>

namespace attune::sim {

/// A tensor in global memory and the box of it that one copy moves. Dimensions are innermost first,
/// as in the driver. PTX ISA, "Tensors".
struct TensorMap {
  enum class Element : uint8_t { U8, U16, U32, S32, U64, S64, F16, F32, F64, BF16 };
  /// What elements of the box that lie outside the tensor become in shared memory.
  enum class Fill : uint8_t { Zeros, NaN };

  static constexpr unsigned maximumRank = 5;

  Element element = Element::F32;
  unsigned rank = 1;
  uint64_t address = 0;
  /// In elements.
  std::array<uint64_t, maximumRank> sizes{};
  /// In bytes; [0] is not used, elements of a row follow each other.
  std::array<uint64_t, maximumRank> strides{};
  /// Elements that the box spans, at most 256.
  std::array<uint32_t, maximumRank> box{};
  /// Every how many elements of the box are moved; [0] is not used.
  std::array<uint32_t, maximumRank> elementStrides{1, 1, 1, 1, 1};
  Swizzle swizzle = Swizzle::None;
  Fill fill = Fill::Zeros;

  unsigned elementBytes() const;
  bool isFloat() const;
  /// Elements that are moved along a dimension.
  uint32_t moved(unsigned dimension) const;
  /// Rows of the innermost dimension in a box, and the bytes that each has.
  uint32_t boxRows() const;
  uint32_t rowBytes() const { return box[0] * elementBytes(); }
  /// From one row to the next in shared memory: rows that are narrower than what is swizzled
  /// begin at multiples of it.
  uint32_t rowPitch() const;
  /// What a copy reports to its mbarrier, however much of the box lies outside the tensor.
  uint32_t boxBytes() const { return boxRows() * rowBytes(); }
  /// 32, 64 or 128; 1 without.
  uint32_t swizzleBytes() const;
};

inline constexpr unsigned tensorMapBytes = 128, tensorMapAlignment = 64;

/// Writes the 128 bytes at `map`. Throws std::invalid_argument, with a message for people, where
/// cuTensorMapEncodeTiled would refuse.
void encodeTensorMap(const TensorMap &tensor, void *map);

/// Reads 128 bytes; nothing when they are no tensor map of encodeTensorMap's.
std::optional<TensorMap> decodeTensorMap(const void *map);

} // namespace attune::sim
