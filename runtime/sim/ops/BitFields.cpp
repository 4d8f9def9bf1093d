// SPDX-License-Identifier: Apache-2.0
// Bits and bytes of integers: funnel shifts, tables of three bits, fields, permutations, counts
// (PTX ISA, "Integer Arithmetic Instructions", "Logic and Shift Instructions", prmt).
#include "runtime/sim/ops/Arithmetic.h"
#include "runtime/sim/ops/Lanes.h"

#include "runtime/sim/machine/Warp.h"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace attune::sim {
namespace {

template <typename T> constexpr unsigned bitsOf = sizeof(T) * 8;

/// Of the 64 bits b:a, the upper 32 after a shift to the left.
template <bool clamp> uint32_t funnelLeft(uint32_t a, uint32_t b, uint32_t count) {
  uint32_t shift = clamp ? (count < 32 ? count : 32) : count & 31;
  return uint32_t(((uint64_t(b) << 32 | a) << shift) >> 32);
}
template <bool clamp> uint32_t funnelRight(uint32_t a, uint32_t b, uint32_t count) {
  uint32_t shift = clamp ? (count < 32 ? count : 32) : count & 31;
  return uint32_t((uint64_t(b) << 32 | a) >> shift);
}

template <typename T> constexpr T lowBits(unsigned count) {
  return count >= bitsOf<T> ? T(-1) : T((T(1) << count) - 1);
}

/// Bits `position` and up of a, `length` of them, extended by the topmost when T is signed.
template <typename T> T extractField(T a, uint32_t position, uint32_t length) {
  using U = std::make_unsigned_t<T>;
  position &= 0xff;
  length &= 0xff;
  if (length == 0)
    return 0;
  unsigned last = std::min(position + length - 1, bitsOf<T> - 1);
  U field = position < bitsOf<T> ? U(U(a) >> position) & lowBits<U>(length) : 0;
  bool sign = std::is_signed_v<T> && (U(a) >> last & 1);
  // Bits that the field has but a has not are copies of the sign, too.
  unsigned present = position < bitsOf<T> ? std::min(length, bitsOf<T> - position) : 0;
  return T(sign ? field | ~lowBits<U>(present) : field);
}

template <typename T> T insertField(T a, T b, uint32_t position, uint32_t length) {
  position &= 0xff;
  length &= 0xff;
  if (position >= bitsOf<T>)
    return b;
  T field = T(lowBits<T>(length) << position);
  return T((b & ~field) | ((a << position) & field));
}

template <typename T> uint32_t leadingZeros(T a) { return uint32_t(std::countl_zero(a)); }
template <typename T> uint32_t setBits(T a) { return uint32_t(std::popcount(a)); }
template <typename T> T reverseBits(T a) {
  constexpr uint64_t masks[] = {0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f,
                                0x00ff00ff00ff00ff, 0x0000ffff0000ffff, 0x00000000ffffffff};
  for (unsigned i = 0; 1u << i < bitsOf<T>; ++i)
    a = T((a >> (1u << i) & T(masks[i])) | (a & T(masks[i])) << (1u << i));
  return a;
}
/// The place of the topmost bit that differs from the sign; all ones when there is none.
template <typename T, bool shiftAmount> uint32_t findTopmost(T a) {
  using U = std::make_unsigned_t<T>;
  U bits = U(a < 0 ? ~a : a);
  if (bits == 0)
    return ~0u;
  uint32_t place = bitsOf<T> - 1 - uint32_t(std::countl_zero(bits));
  return shiftAmount ? bitsOf<T> - 1 - place : place;
}

/// Bytes of b:a by the four selectors in c; bit 3 of one copies the byte's sign.
uint32_t permuteBytes(uint32_t a, uint32_t b, uint32_t selectors) {
  uint64_t bytes = uint64_t(b) << 32 | a;
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    uint32_t selector = selectors >> (4 * i) & 15;
    uint32_t byte = uint32_t(bytes >> (8 * (selector & 7))) & 0xff;
    if (selector & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  return result;
}
/// The selectors of the modes, by the low two bits of c (PTX ISA, prmt).
enum PermuteMode { ForwardFour, BackwardFour, ReplicateEight, ClampLeft, ClampRight, Replicate16 };
constexpr uint16_t modeSelectors[][4] = {
    {0x3210, 0x4321, 0x5432, 0x6543}, {0x5670, 0x6701, 0x7012, 0x0123},
    {0x0000, 0x1111, 0x2222, 0x3333}, {0x3210, 0x3211, 0x3222, 0x3333},
    {0x0000, 0x1110, 0x2210, 0x3210}, {0x1010, 0x3232, 0x1010, 0x3232}};
template <PermuteMode mode> uint32_t permuteByMode(uint32_t a, uint32_t b, uint32_t c) {
  return permuteBytes(a, b, modeSelectors[mode][c & 3]);
}

//===-- Decoding ---===//

void finish(Decoder &decoder, LaneKernel kernel) {
  useKernel(decoder.instruction(), kernel, InstructionClass::Alu);
}

void decodeFunnelShift(Decoder &decoder) {
  bool right = decoder.expectOneOf({"l", "r"}, "a direction") == 1;
  bool clamp = decoder.expectOneOf({"wrap", "clamp"}, "a mode") == 1;
  if (!decoder.take("b32"))
    decoder.fail("expected .b32 as the type");
  takeOperands(decoder, typeB32, {typeB32, typeB32, typeU32});
  static constexpr LaneKernel kernels[2][2] = {
      {ternaryLanes<funnelLeft<false>, uint32_t>, ternaryLanes<funnelLeft<true>, uint32_t>},
      {ternaryLanes<funnelRight<false>, uint32_t>, ternaryLanes<funnelRight<true>, uint32_t>}};
  finish(decoder, kernels[right][clamp]);
}

/// Bit i of `immediate` is the result where the bits of a, b, c are those of i, a's foremost.
Outcome runLookup3(Warp &warp, const Instruction &instruction, Mask mask) {
  const uint32_t *a = warp.lanes32(instruction.a), *b = warp.lanes32(instruction.b),
                 *c = warp.lanes32(instruction.c);
  uint32_t terms[8];
  for (unsigned i = 0; i < 8; ++i)
    terms[i] = instruction.immediate >> i & 1 ? ~0u : 0;
  fillLanes<uint32_t>(warp.lanes32(instruction.dst), mask, [&](auto *out) {
    ATTUNE_EACH_LANE
    for (unsigned lane = 0; lane < laneCount; ++lane) {
      uint32_t x = a[lane], y = b[lane], z = c[lane];
      uint32_t low =
          (terms[0] & ~y & ~z) | (terms[1] & ~y & z) | (terms[2] & y & ~z) | (terms[3] & y & z);
      uint32_t high =
          (terms[4] & ~y & ~z) | (terms[5] & ~y & z) | (terms[6] & y & ~z) | (terms[7] & y & z);
      out[lane] = (~x & low) | (x & high);
    }
  });
  return Outcome::Next;
}

void decodeLookup3(Decoder &decoder) {
  if (!decoder.take("b32"))
    decoder.fail("expected .b32 as the type");
  decoder.expectOperands(5);
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(1), typeB32);
  instruction.b = decoder.source(decoder.operand(2), typeB32);
  instruction.c = decoder.source(decoder.operand(3), typeB32);
  instruction.immediate = decoder.constant(decoder.operand(4), 0, 255, "a table of 8 bits");
  instruction.dst = decoder.destination(decoder.operand(0), Width::B32);
  instruction.run = runLookup3;
}

void decodeExtract(Decoder &decoder) {
  ScalarType type = expectInteger(decoder);
  if (type.bits == 16)
    decoder.fail("expected .u32, .u64, .s32 or .s64 as the type");
  takeOperands(decoder, type, {type, typeU32, typeU32});
  static constexpr LaneKernel kernels[2][2] = {
      {ternaryLanes<extractField<uint32_t>, uint32_t, uint32_t, uint32_t, uint32_t>,
       ternaryLanes<extractField<int32_t>, int32_t, int32_t, uint32_t, uint32_t>},
      {ternaryLanes<extractField<uint64_t>, uint64_t, uint64_t, uint32_t, uint32_t>,
       ternaryLanes<extractField<int64_t>, int64_t, int64_t, uint32_t, uint32_t>}};
  finish(decoder, kernels[type.bits == 64][isSigned(type)]);
}

struct InsertDetail : Detail {
  Row length = noOperand;
};

template <typename T> Outcome runInsert(Warp &warp, const Instruction &instruction, Mask mask) {
  Row lengthRow = static_cast<const InsertDetail &>(*instruction.detail).length;
  const uint32_t *position = warp.lanes32(instruction.c), *length = warp.lanes32(lengthRow);
  using SlotType = typename Slot<T>::Type;
  auto *a = reinterpret_cast<const SlotType *>(warp.lanes32(instruction.a));
  auto *b = reinterpret_cast<const SlotType *>(warp.lanes32(instruction.b));
  fillLanes<T>(warp.lanes32(instruction.dst), mask, [=](SlotType *out) {
    for (unsigned lane = 0; lane < laneCount; ++lane)
      out[lane] = insertField<T>(a[lane], b[lane], position[lane], length[lane]);
  });
  return Outcome::Next;
}

void decodeInsert(Decoder &decoder) {
  ScalarType type = expectBits(decoder);
  if (type.bits == 16)
    decoder.fail("expected .b32 or .b64 as the type");
  decoder.expectOperands(5);
  auto &detail = decoder.makeDetail<InsertDetail>();
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(1), type);
  instruction.b = decoder.source(decoder.operand(2), type);
  instruction.c = decoder.source(decoder.operand(3), typeU32);
  detail.length = decoder.source(decoder.operand(4), typeU32);
  instruction.dst = decoder.destination(decoder.operand(0), type.width());
  instruction.run = type.bits == 64 ? runInsert<uint64_t> : runInsert<uint32_t>;
}

void decodePermute(Decoder &decoder) {
  if (!decoder.take("b32"))
    decoder.fail("expected .b32 as the type");
  int mode = decoder.takeOneOf({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
  takeOperands(decoder, typeB32, {typeB32, typeB32, typeU32});
  static constexpr LaneKernel kernels[] = {ternaryLanes<permuteByMode<ForwardFour>, uint32_t>,
                                           ternaryLanes<permuteByMode<BackwardFour>, uint32_t>,
                                           ternaryLanes<permuteByMode<ReplicateEight>, uint32_t>,
                                           ternaryLanes<permuteByMode<ClampLeft>, uint32_t>,
                                           ternaryLanes<permuteByMode<ClampRight>, uint32_t>,
                                           ternaryLanes<permuteByMode<Replicate16>, uint32_t>};
  finish(decoder, mode < 0 ? ternaryLanes<permuteBytes, uint32_t> : kernels[mode]);
}

/// clz, popc and brev: of .b32 or .b64.
void decodeBits(Decoder &decoder, LaneKernel narrow, LaneKernel wide, bool sameWidth) {
  ScalarType type = expectBits(decoder);
  if (type.bits == 16)
    decoder.fail("expected .b32 or .b64 as the type");
  takeOperands(decoder, sameWidth ? type : typeU32, {type});
  finish(decoder, type.bits == 64 ? wide : narrow);
}
void decodeLeadingZeros(Decoder &decoder) {
  decodeBits(decoder, unaryLanes<leadingZeros<uint32_t>, uint32_t, uint32_t>,
             unaryLanes<leadingZeros<uint64_t>, uint32_t, uint64_t>, false);
}
void decodePopulation(Decoder &decoder) {
  decodeBits(decoder, unaryLanes<setBits<uint32_t>, uint32_t, uint32_t>,
             unaryLanes<setBits<uint64_t>, uint32_t, uint64_t>, false);
}
void decodeReverse(Decoder &decoder) {
  decodeBits(decoder, unaryLanes<reverseBits<uint32_t>, uint32_t, uint32_t>,
             unaryLanes<reverseBits<uint64_t>, uint64_t, uint64_t>, true);
}

template <bool shiftAmount> LaneKernel topmostKernel(ScalarType type) {
  if (type.bits == 64)
    return isSigned(type) ? unaryLanes<findTopmost<int64_t, shiftAmount>, uint32_t, int64_t>
                          : unaryLanes<findTopmost<uint64_t, shiftAmount>, uint32_t, uint64_t>;
  return isSigned(type) ? unaryLanes<findTopmost<int32_t, shiftAmount>, uint32_t, int32_t>
                        : unaryLanes<findTopmost<uint32_t, shiftAmount>, uint32_t, uint32_t>;
}
void decodeFindTopmost(Decoder &decoder) {
  bool shiftAmount = decoder.take("shiftamt");
  ScalarType type = expectInteger(decoder);
  if (type.bits == 16)
    decoder.fail("expected .u32, .u64, .s32 or .s64 as the type");
  takeOperands(decoder, typeU32, {type});
  finish(decoder, shiftAmount ? topmostKernel<true>(type) : topmostKernel<false>(type));
}

} // namespace

void addBitFields(InstructionSet &set) {
  set["shf"] = decodeFunnelShift;
  set["lop3"] = decodeLookup3;
  set["bfe"] = decodeExtract;
  set["bfi"] = decodeInsert;
  set["prmt"] = decodePermute;
  set["clz"] = decodeLeadingZeros;
  set["popc"] = decodePopulation;
  set["brev"] = decodeReverse;
  set["bfind"] = decodeFindTopmost;
}

} // namespace attune::sim
