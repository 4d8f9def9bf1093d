// SPDX-License-Identifier: Apache-2.0
// Moving values between registers, and addresses between windows (PTX ISA, "Data Movement and
// Conversion Instructions": mov, cvta, mapa, isspacep, createpolicy, getctarank).
#include "runtime/sim/ops/Arithmetic.h"
#include "runtime/sim/ops/Lanes.h"
#include "runtime/sim/ops/Ops.h"

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/machine/SpecialRegisters.h"

#include <cstring>

namespace attune::sim {
namespace {

Outcome runMovePredicate(Warp &warp, const Instruction &instruction, Mask mask) {
  Mask value = warp.predicate(instruction.a) ^ (instruction.immediate ? allLanes : 0);
  warp.setPredicate(instruction.dst, value, mask);
  return Outcome::Next;
}

void decodeMovePredicate(Decoder &decoder) {
  decoder.expectOperands(2);
  PredicateOperand source = decoder.predicateSource(decoder.operand(1));
  Instruction &instruction = decoder.instruction();
  instruction.dst = decoder.predicateDestination(decoder.operand(0));
  instruction.a = source.index;
  instruction.immediate = source.negated;
  instruction.run = runMovePredicate;
}

/// `immediate` is the special register, `target` not 0 when 64 bits are read.
Outcome runReadSpecial(Warp &warp, const Instruction &instruction, Mask mask) {
  auto special = ptx::Special(instruction.immediate);
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    if (!(mask >> lane & 1))
      continue;
    uint64_t value = specialValue(warp, special, lane);
    if (instruction.target)
      warp.lanes64(instruction.dst)[lane] = value;
    else
      warp.lanes32(instruction.dst)[lane] = uint32_t(value);
  }
  return Outcome::Next;
}

Outcome runMove128(Warp &warp, const Instruction &instruction, Mask mask) {
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (mask >> lane & 1)
      std::memmove(warp.lanes32(instruction.dst) + 4 * lane, warp.lanes32(instruction.a) + 4 * lane,
                   16);
  return Outcome::Next;
}

//===-- Packing and unpacking ---===//

/// The rows of the parts, lowest first.
struct PartsDetail : Detail {
  std::vector<Row> parts;
};

/// Part `part` of each 64-, 32- or 128-bit value; Element is 16, 32 or 64 bits.
template <typename Element> struct Parts {
  /// Elements between lanes of the row of parts: those of 16 bits lie in 32.
  static constexpr unsigned stride = sizeof(Element) == 2 ? 2 : 1;
  typedef Element Type __attribute__((may_alias));
  static Type *of(Warp &warp, Row row) { return reinterpret_cast<Type *>(warp.lanes32(row)); }
};

template <typename Element> Outcome runPack(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &parts = static_cast<const PartsDetail &>(*instruction.detail).parts;
  auto *whole = Parts<Element>::of(warp, instruction.dst);
  size_t count = parts.size();
  for (size_t part = 0; part < count; ++part) {
    auto *from = Parts<Element>::of(warp, parts[part]);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      if (mask >> lane & 1)
        whole[lane * count + part] = from[lane * Parts<Element>::stride];
  }
  return Outcome::Next;
}

template <typename Element>
Outcome runUnpack(Warp &warp, const Instruction &instruction, Mask mask) {
  const auto &parts = static_cast<const PartsDetail &>(*instruction.detail).parts;
  auto *whole = Parts<Element>::of(warp, instruction.a);
  size_t count = parts.size();
  for (size_t part = 0; part < count; ++part) {
    auto *to = Parts<Element>::of(warp, parts[part]);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      if (mask >> lane & 1) {
        to[lane * Parts<Element>::stride] = whole[lane * count + part];
        if constexpr (Parts<Element>::stride == 2)
          to[lane * 2 + 1] = 0;
      }
  }
  return Outcome::Next;
}

Width elementWidth(Decoder &decoder, ScalarType type, size_t count) {
  if (count == 2 && type.bits == 32)
    return Width::B16;
  if ((count == 2 && type.bits == 64) || (count == 4 && type.bits == 128))
    return Width::B32;
  if (count == 4 && type.bits == 64)
    return Width::B16;
  if (count == 2 && type.bits == 128)
    return Width::B64;
  decoder.fail("cannot take " + std::to_string(type.bits) + " bits apart into " +
               std::to_string(count) + " values of 16, 32 or 64 bits");
}

void decodePack(Decoder &decoder, ScalarType type) {
  const ptx::Operand &vector = decoder.operand(1);
  Width width = elementWidth(decoder, type, vector.parts.size());
  auto &detail = decoder.makeDetail<PartsDetail>();
  detail.parts = decoder.sources(vector, vector.parts.size(), width);
  Instruction &instruction = decoder.instruction();
  instruction.dst = decoder.destination(decoder.operand(0), type.width());
  instruction.run = width == Width::B16   ? runPack<uint16_t>
                    : width == Width::B32 ? runPack<uint32_t>
                                          : runPack<uint64_t>;
}

void decodeUnpack(Decoder &decoder, ScalarType type) {
  const ptx::Operand &vector = decoder.operand(0);
  Width width = elementWidth(decoder, type, vector.parts.size());
  auto &detail = decoder.makeDetail<PartsDetail>();
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(1), type);
  detail.parts = decoder.destinations(vector, vector.parts.size(), width);
  instruction.run = width == Width::B16   ? runUnpack<uint16_t>
                    : width == Width::B32 ? runUnpack<uint32_t>
                                          : runUnpack<uint64_t>;
}

void decodeMove(Decoder &decoder) {
  using Kind = ptx::Operand::Kind;
  if (decoder.take("pred"))
    return decodeMovePredicate(decoder);
  ScalarType type = decoder.expectType();
  if (type.elements != 1 || type.bits < 16 || (isFloating(type) && type.bits == 16))
    decoder.fail("mov has no form for this type");
  decoder.endModifiers();
  decoder.expectOperands(2);
  const ptx::Operand &result = decoder.operand(0), &source = decoder.operand(1);
  if (result.kind == Kind::Vector)
    return decodeUnpack(decoder, type);
  if (source.kind == Kind::Vector)
    return decodePack(decoder, type);
  Instruction &instruction = decoder.instruction();
  if (source.kind == Kind::Special && changes(ptx::Special(source.index))) {
    auto special = ptx::Special(source.index);
    bool isWide = special == ptx::Special::Clock64 || special == ptx::Special::GlobalTimer;
    if (type.bits != (isWide ? 64u : 32u) || type.kind == ScalarType::Kind::Float)
      decoder.fail("expected an integer type of " + std::string(isWide ? "64" : "32") +
                   " bits for this special register");
    instruction.immediate = source.index;
    instruction.target = type.bits == 64;
    instruction.dst = decoder.destination(result, type.width());
    instruction.run = runReadSpecial;
    return;
  }
  takeOperands(decoder, type, {type});
  if (type.bits == 128)
    instruction.run = runMove128;
  else
    useKernel(instruction, type.bits == 64 ? laneKernels().copyB64 : laneKernels().copyB32,
              InstructionClass::Alu);
}

//===-- Addresses ---===//

/// What a generic address is more than one of the space.
uint64_t expectWindow(Decoder &decoder) {
  static constexpr uint64_t windows[] = {
      paramWindow, sharedWindow, sharedWindow, sharedWindow, localWindow, 0, 0};
  int space = decoder.expectOneOf(
      {"param", "shared", "shared::cta", "shared::cluster", "local", "global", "const"},
      "a state space");
  // Parameters of the entry.
  if (space == 0)
    decoder.take("entry");
  return windows[space];
}

void decodeConvertAddress(Decoder &decoder) {
  bool fromGeneric = decoder.take("to");
  uint64_t window = expectWindow(decoder);
  ScalarType type = decoder.expectType();
  if (type.kind != ScalarType::Kind::Unsigned || type.bits != 64)
    decoder.fail("expected .u64 as the type; generic addresses have 64 bits");
  takeOperands(decoder, type, {type});
  Instruction &instruction = decoder.instruction();
  if (window == 0)
    return useKernel(instruction, laneKernels().copyB64, InstructionClass::Alu);
  instruction.b = decoder.constantRow(window, Width::B64);
  useKernel(instruction, fromGeneric ? laneKernels().subB64 : laneKernels().addB64,
            InstructionClass::Alu);
}

/// The same place in the memory of the block with this rank; generic addresses and those of
/// .shared keep the rank in the same bits.
template <typename T> T mapToRank(T address, uint32_t rank) {
  constexpr T field = T(0xff) << sharedRankShift;
  return (address & ~field) | (T(rank & 0xff) << sharedRankShift);
}
uint32_t rankOf32(uint32_t address) { return address >> sharedRankShift; }
uint32_t rankOf64(uint64_t address) { return uint32_t(address) >> sharedRankShift; }

ScalarType expectAddressType(Decoder &decoder) {
  ScalarType type = decoder.expectType();
  if (type.kind != ScalarType::Kind::Unsigned || (type.bits != 32 && type.bits != 64))
    decoder.fail("expected .u32 or .u64 as the type");
  return type;
}

void decodeMap(Decoder &decoder) {
  decoder.require(90);
  bool isShared = decoder.take("shared::cluster");
  ScalarType type = expectAddressType(decoder);
  if (!isShared && type.bits == 32)
    decoder.fail("a generic address has 64 bits; name .shared::cluster");
  takeOperands(decoder, type, {type, typeU32});
  useKernel(decoder.instruction(),
            type.bits == 64 ? binaryLanes<mapToRank<uint64_t>, uint64_t, uint64_t, uint32_t>
                            : binaryLanes<mapToRank<uint32_t>, uint32_t>,
            InstructionClass::Alu);
}

void decodeRank(Decoder &decoder) {
  decoder.require(90);
  decoder.take("shared::cluster");
  ScalarType type = expectAddressType(decoder);
  takeOperands(decoder, typeU32, {type});
  useKernel(decoder.instruction(),
            type.bits == 64 ? unaryLanes<rankOf64, uint32_t, uint64_t>
                            : unaryLanes<rankOf32, uint32_t, uint32_t>,
            InstructionClass::Alu);
}

enum class Window : uint8_t { Shared, Cluster, Local, Param, Global, None };

bool isInWindow(uint64_t address, Window window, uint32_t rank) {
  uint64_t top = address >> 40;
  bool isShared = top == sharedWindow >> 40;
  switch (window) {
  case Window::Shared: return isShared && (address & 0xffffffff) >> sharedRankShift == rank;
  case Window::Cluster: return isShared;
  case Window::Local: return top == localWindow >> 40;
  case Window::Param: return top == paramWindow >> 40;
  case Window::Global: return top < paramWindow >> 40;
  case Window::None: break;
  }
  return false;
}

Outcome runIsSpace(Warp &warp, const Instruction &instruction, Mask mask) {
  Mask result = 0;
  const uint64_t *addresses = warp.lanes64(instruction.a);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (isInWindow(addresses[lane], Window(instruction.immediate), warp.block.rank))
      result |= Mask(1) << lane;
  warp.setPredicate(instruction.dst, result, mask);
  return Outcome::Next;
}

void decodeIsSpace(Decoder &decoder) {
  static constexpr Window windows[] = {Window::Shared, Window::Shared, Window::Cluster,
                                       Window::Local,  Window::Param,  Window::Global,
                                       Window::None};
  int space = decoder.expectOneOf(
      {"shared", "shared::cta", "shared::cluster", "local", "param", "global", "const"},
      "a state space");
  decoder.expectOperands(2);
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.source(decoder.operand(1), Width::B64);
  instruction.dst = decoder.predicateDestination(decoder.operand(0));
  instruction.immediate = int64_t(windows[space]);
  instruction.run = runIsSpace;
}

/// Hints for a cache, which is not simulated: the policy is 0.
void decodeCreatePolicy(Decoder &decoder) {
  decoder.require(80);
  static constexpr const char *what = "a priority";
  bool converts = decoder.expectOneOf({"fractional", "cvt"}, "a kind of policy") == 1;
  if (converts) {
    decoder.expectOneOf({"L2"}, what);
  } else {
    decoder.expectOneOf(
        {"L2::evict_last", "L2::evict_normal", "L2::evict_first", "L2::evict_unchanged"}, what);
    decoder.takeOneOf({"L2::evict_first", "L2::evict_unchanged"});
  }
  if (!decoder.take("b64"))
    decoder.fail("expected .b64 as the type");
  decoder.endModifiers();
  decoder.expectOperands(converts ? 2 : 1, 2);
  Instruction &instruction = decoder.instruction();
  instruction.a = decoder.constantRow(0, Width::B64);
  instruction.dst = decoder.destination(decoder.operand(0), Width::B64);
  useKernel(instruction, laneKernels().copyB64, InstructionClass::Alu);
}

} // namespace

void addMoves(InstructionSet &set) {
  set["mov"] = decodeMove;
  set["cvta"] = decodeConvertAddress;
  set["mapa"] = decodeMap;
  set["getctarank"] = decodeRank;
  set["isspacep"] = decodeIsSpace;
  set["createpolicy"] = decodeCreatePolicy;
}

} // namespace attune::sim
