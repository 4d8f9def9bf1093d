// SPDX-License-Identifier: Apache-2.0
// Do matrices in shared memory lie where the PTX ISA says? One element at a time.
#include "runtime/sim/numerics/MatrixLayouts.h"
#include "runtime/sim/numerics/TensorArithmetic.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <random>

using namespace attune::sim;

namespace {

struct Rows {
  alignas(16) uint8_t bytes[8][16] = {};
  uint8_t *pointers[8];
  Rows() {
    for (unsigned row = 0; row < 8; ++row)
      pointers[row] = bytes[row];
  }
  void put(unsigned row, unsigned column, uint16_t value) {
    std::memcpy(bytes[row] + 2 * column, &value, 2);
  }
  uint16_t get(unsigned row, unsigned column) const {
    uint16_t value;
    std::memcpy(&value, bytes[row] + 2 * column, 2);
    return value;
  }
};

/// Lane and half of the register that has an element, by the table of "ldmatrix": thread
/// 4 * row + column / 2, and for .trans as if row and column were exchanged.
struct Held {
  unsigned lane, half;
};
Held heldBy(unsigned row, unsigned column, bool transposed) {
  if (transposed)
    return {4 * column + row / 2, row % 2};
  return {4 * row + column / 2, column % 2};
}

TEST(MatrixLayouts, LoadPutsEachElementIntoItsLane) {
  for (bool transposed : {false, true})
    for (unsigned row = 0; row < 8; ++row)
      for (unsigned column = 0; column < 8; ++column) {
        Rows rows;
        rows.put(row, column, 0xabcd);
        uint32_t lanes[32];
        std::memset(lanes, 0xff, sizeof(lanes));
        loadMatrix(rows.pointers, transposed, lanes);
        Held held = heldBy(row, column, transposed);
        for (unsigned lane = 0; lane < 32; ++lane)
          ASSERT_EQ(lanes[lane], lane == held.lane ? 0xabcdu << 16 * held.half : 0)
              << row << ", " << column;
      }
}

TEST(MatrixLayouts, StorePutsEachLaneIntoItsElement) {
  for (bool transposed : {false, true})
    for (unsigned row = 0; row < 8; ++row)
      for (unsigned column = 0; column < 8; ++column) {
        Rows rows;
        uint32_t lanes[32] = {};
        Held held = heldBy(row, column, transposed);
        lanes[held.lane] = 0xabcdu << 16 * held.half;
        storeMatrix(rows.pointers, transposed, lanes);
        for (unsigned r = 0; r < 8; ++r)
          for (unsigned c = 0; c < 8; ++c)
            ASSERT_EQ(rows.get(r, c), r == row && c == column ? 0xabcd : 0);
      }
}

TEST(MatrixLayouts, RowsOutOfBoundsAreZeroAndStayUnwritten) {
  Rows rows;
  std::memset(rows.bytes, 0x11, sizeof(rows.bytes));
  rows.pointers[3] = nullptr;
  uint32_t lanes[32];
  loadMatrix(rows.pointers, false, lanes);
  EXPECT_EQ(lanes[11], 0x11111111u);
  for (unsigned lane = 12; lane < 16; ++lane)
    EXPECT_EQ(lanes[lane], 0u);
  std::memset(lanes, 0x22, sizeof(lanes));
  storeMatrix(rows.pointers, true, lanes);
  EXPECT_EQ(rows.get(3, 0), 0x1111);
  EXPECT_EQ(rows.get(4, 7), 0x2222);
}

TEST(MatrixLayouts, SwizzlesExchangePieces) {
  for (uint32_t byte = 0; byte < 4096; ++byte) {
    EXPECT_EQ(swizzledOffset(Swizzle::None, byte), byte);
    EXPECT_EQ(swizzledOffset(Swizzle::Bytes32, byte), byte ^ (byte & 0x080) >> 3);
    EXPECT_EQ(swizzledOffset(Swizzle::Bytes64, byte), byte ^ (byte & 0x180) >> 3);
    EXPECT_EQ(swizzledOffset(Swizzle::Bytes128, byte), byte ^ (byte & 0x380) >> 3);
  }
}

//===-- Descriptors ---===//

constexpr uint32_t start = 0x2400, leading = 0x1230, stride = 0x4560;

uint64_t encode(unsigned mode, uint32_t start, unsigned baseOffset = 0) {
  return uint64_t(mode) << 62 | uint64_t(baseOffset) << 49 | uint64_t(stride >> 4) << 32 |
         uint64_t(leading >> 4) << 16 | start >> 4;
}

/// Bits 62-63 of a descriptor, the swizzle's bits of the address, and the bytes of a row.
struct Mode {
  unsigned bits;
  uint32_t mask;
  unsigned rowBytes;
};
constexpr Mode modes[] = {{0, 0, 16}, {1, 0x380, 128}, {2, 0x180, 64}, {3, 0x080, 32}};

/// Where the table of canonical layouts puts an element of `size` bytes, T = 16 / size:
/// K-major ((8,m),(T,2)): ((rowBytes,SBO),(1,LBO or T)); MN-major ((T,rowBytes/16,m),(8,k)):
/// ((1,T,LBO),(rowBytes,SBO)), and without a swizzle ((T,1,m),(8,k)): ((1,T,SBO),(T,LBO)).
uint32_t canonical(const Mode &mode, bool kMajor, unsigned size, unsigned mn, unsigned k) {
  unsigned t = 16 / size;
  uint32_t byte;
  if (kMajor) {
    byte = mn % 8 * mode.rowBytes + mn / 8 * stride + k % t * size;
    byte += k / t * (mode.bits == 0 ? leading : 16);
  } else if (mode.bits == 0) {
    byte = mn % t * size + mn / t * stride + k % 8 * 16 + k / 8 * leading;
  } else {
    unsigned inRow = mode.rowBytes / size;
    byte = mn % inRow * size + mn / inRow * leading + k % 8 * mode.rowBytes + k / 8 * stride;
  }
  return byte;
}

TEST(MatrixDescriptors, ElementsLieWhereTheCanonicalLayoutsSay) {
  for (const Mode &mode : modes)
    for (bool kMajor : {true, false})
      for (unsigned size : {1u, 2u, 4u}) {
        if (!kMajor && size != 2)
          continue;
        auto descriptor = MatrixDescriptor::decode(encode(mode.bits, start));
        for (unsigned mn = 0; mn < 256; ++mn)
          for (unsigned k = 0; k < 32 / size; ++k) {
            uint32_t byte = start + canonical(mode, kMajor, size, mn, k);
            uint32_t expected = byte ^ (byte & mode.mask) >> 3;
            unsigned perPiece = 16 / size;
            uint32_t found =
                kMajor ? descriptor.address(true, mn, k / perPiece) + k % perPiece * size
                       : descriptor.address(false, k, mn / perPiece) + mn % perPiece * size;
            ASSERT_EQ(found, expected) << "mode " << mode.bits << ", " << mn << ", " << k;
          }
      }
}

TEST(MatrixDescriptors, StepsAlongKStayInTheSwizzledRow) {
  // The second k16 of a row of 128 bytes begins 32 bytes on.
  auto first = MatrixDescriptor::decode(encode(1, 0x2400));
  auto second = MatrixDescriptor::decode(encode(1, 0x2400 + 32));
  for (unsigned row = 0; row < 64; ++row)
    for (unsigned piece = 0; piece < 2; ++piece)
      EXPECT_EQ(second.address(true, row, piece), first.address(true, row, piece + 2));
}

TEST(MatrixDescriptors, BaseOffsetShiftsThePattern) {
  // A pattern that begins at 0x2400 + 3 * 128 instead of a multiple of 1024.
  auto shifted = MatrixDescriptor::decode(encode(1, 0x2400 + 3 * 128, 3));
  auto aligned = MatrixDescriptor::decode(encode(1, 0x2400));
  for (unsigned row = 0; row < 8; ++row)
    for (unsigned piece = 0; piece < 2; ++piece)
      EXPECT_EQ(shifted.address(true, row, piece) - 3 * 128, aligned.address(true, row, piece));
}

//===-- From shared memory to products ---===//

TEST(MatrixLayouts, LoadedMatricesMultiplyLikeMatrices) {
  std::mt19937 random(1);
  int a[16][16], b[16][8];
  alignas(16) uint16_t left[16][16], right[16][8];
  auto half = [](int value) { return uint16_t(std::bit_cast<uint32_t>(float(value)) >> 16); };
  for (unsigned i = 0; i < 16; ++i)
    for (unsigned k = 0; k < 16; ++k)
      left[i][k] = half(a[i][k] = int(random() % 17) - 8);
  for (unsigned k = 0; k < 16; ++k)
    for (unsigned j = 0; j < 8; ++j)
      right[k][j] = half(b[k][j] = int(random() % 17) - 8);
  // A row by row: four matrices plain. B, also row by row: two transposed.
  alignas(64) uint32_t fragmentA[4][32], fragmentB[2][32], results[4][32];
  for (unsigned r = 0; r < 4; ++r) {
    const uint8_t *rows[8];
    for (unsigned i = 0; i < 8; ++i)
      rows[i] = reinterpret_cast<const uint8_t *>(&left[i + r % 2 * 8][r / 2 * 8]);
    loadMatrix(rows, false, fragmentA[r]);
  }
  for (unsigned r = 0; r < 2; ++r) {
    const uint8_t *rows[8];
    for (unsigned k = 0; k < 8; ++k)
      rows[k] = reinterpret_cast<const uint8_t *>(right[k + 8 * r]);
    loadMatrix(rows, true, fragmentB[r]);
  }
  TensorRule rule = tensorRule(Numerics::Exact, 80, false, TensorElement::BF16, TensorElement::BF16,
                               TensorResult::F32, 16);
  static TensorA operandA;
  static TensorB operandB;
  const uint32_t *const rowsA[4] = {fragmentA[0], fragmentA[1], fragmentA[2], fragmentA[3]};
  const uint32_t *const rowsB[2] = {fragmentB[0], fragmentB[1]};
  uint32_t *const rowsD[4] = {results[0], results[1], results[2], results[3]};
  loadTensorA(rule, rowsA, operandA);
  loadTensorB(rule, rowsB, operandB);
  multiplyTensors(rule, operandA, operandB, nullptr, rowsD);
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      int sum = 0;
      for (unsigned k = 0; k < 16; ++k)
        sum += a[row][k] * b[k][column];
      unsigned lane = row % 8 * 4 + column / 2, i = row / 8 * 2 + column % 2;
      EXPECT_EQ(std::bit_cast<float>(results[i][lane]), float(sum));
    }
}

} // namespace
