// SPDX-License-Identifier: Apache-2.0
// ld, ldu, st and prefetch.
#include "runtime/sim/ops/MemoryAccess.h"
#include "runtime/sim/ops/Ops.h"
#include "runtime/sim/ops/TensorCopy.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace attune::sim {

namespace {

/// What ld and st move.
struct TransferDetail : MemoryDetail {
  std::vector<Row> rows;
  /// Of one element in memory, and of its register.
  uint32_t elementBytes = 4, registerBytes = 4;
  /// A load extends the sign to this many bits, or not (0).
  uint32_t signBits = 0;
};

//===-- Moving bytes ---===//

template <typename T> T load(const uint8_t *from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// One element of up to 8 bytes, at once: other threads of this computer may write it.
uint64_t loadStrong(const uint8_t *from, uint32_t bytes) {
  if (reinterpret_cast<uintptr_t>(from) & (bytes - 1)) {
    // Local memory of a thread, which nobody else has, may lie anywhere on this computer.
    uint64_t value = 0;
    std::memcpy(&value, from, bytes);
    return value;
  }
  switch (bytes) {
  case 1: return __atomic_load_n(from, __ATOMIC_ACQUIRE);
  case 2: return __atomic_load_n(reinterpret_cast<const uint16_t *>(from), __ATOMIC_ACQUIRE);
  case 4: return __atomic_load_n(reinterpret_cast<const uint32_t *>(from), __ATOMIC_ACQUIRE);
  default: return __atomic_load_n(reinterpret_cast<const uint64_t *>(from), __ATOMIC_ACQUIRE);
  }
}

void storeStrong(uint8_t *to, uint64_t value, uint32_t bytes) {
  if (reinterpret_cast<uintptr_t>(to) & (bytes - 1)) {
    std::memcpy(to, &value, bytes);
    return;
  }
  switch (bytes) {
  case 1: return __atomic_store_n(to, uint8_t(value), __ATOMIC_RELEASE);
  case 2:
    return __atomic_store_n(reinterpret_cast<uint16_t *>(to), uint16_t(value), __ATOMIC_RELEASE);
  case 4:
    return __atomic_store_n(reinterpret_cast<uint32_t *>(to), uint32_t(value), __ATOMIC_RELEASE);
  default: return __atomic_store_n(reinterpret_cast<uint64_t *>(to), value, __ATOMIC_RELEASE);
  }
}

/// What a register holds after a load of `value`.
uint64_t extended(const TransferDetail &detail, uint64_t value) {
  unsigned unused = 64 - 8 * detail.elementBytes;
  if (detail.signBits)
    value = uint64_t(int64_t(value << unused) >> unused) << (64 - detail.signBits) >>
            (64 - detail.signBits);
  return value;
}

template <typename T>
void loadRow(T *row, uint8_t *const *pointers, Mask mask, Mask good, size_t offset) {
  if (good == allLanes) {
    for (unsigned lane = 0; lane != warpSize; ++lane)
      row[lane] = load<T>(pointers[lane] + offset);
    return;
  }
  for (Mask left = mask; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    row[lane] = good >> lane & 1 ? load<T>(pointers[lane] + offset) : T(0);
  }
}

template <typename T>
void storeRow(const T *row, uint8_t *const *pointers, Mask good, size_t offset) {
  if (good == allLanes) {
    for (unsigned lane = 0; lane != warpSize; ++lane)
      std::memcpy(pointers[lane] + offset, &row[lane], sizeof(T));
    return;
  }
  for (Mask left = good; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    std::memcpy(pointers[lane] + offset, &row[lane], sizeof(T));
  }
}

struct __attribute__((may_alias)) Quad {
  uint64_t low, high;
  Quad() = default;
  explicit Quad(int) : low(0), high(0) {}
};

Quad *lanes128(Warp &warp, Row row) { return reinterpret_cast<Quad *>(warp.lanes32(row)); }

/// Elements that are narrower than their register, and strong ones.
void loadRowSlowly(Warp &warp, const TransferDetail &detail, Row row, uint8_t *const *pointers,
                   Mask mask, Mask good, size_t offset) {
  for (Mask left = mask; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    uint64_t value = 0;
    if (good >> lane & 1)
      value = extended(detail, loadStrong(pointers[lane] + offset, detail.elementBytes));
    if (detail.registerBytes == 8)
      warp.lanes64(row)[lane] = value;
    else
      warp.lanes32(row)[lane] = uint32_t(value);
  }
}

void storeRowSlowly(Warp &warp, const TransferDetail &detail, Row row, uint8_t *const *pointers,
                    Mask good, size_t offset) {
  for (Mask left = good; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    storeStrong(pointers[lane] + offset, warp.lane(row, lane, detail.registerBytes == 8),
                detail.elementBytes);
  }
}

//===-- Handlers ---===//

Outcome runLoad(Warp &warp, const Instruction &instruction, Mask mask) {
  const TransferDetail &detail = static_cast<const TransferDetail &>(*instruction.detail);
  uint8_t *pointers[warpSize];
  Mask good = accessMemory(warp, instruction, detail, mask, pointers);
  bool plain = detail.kind == AccessKind::Read && detail.elementBytes == detail.registerBytes;
  for (size_t i = 0; i != detail.rows.size(); ++i) {
    Row row = detail.rows[i];
    size_t offset = i * detail.elementBytes;
    if (detail.elementBytes == 16)
      loadRow(lanes128(warp, row), pointers, mask, good, offset);
    else if (plain && detail.elementBytes == 4)
      loadRow(warp.lanes32(row), pointers, mask, good, offset);
    else if (plain && detail.elementBytes == 8)
      loadRow(warp.lanes64(row), pointers, mask, good, offset);
    else
      loadRowSlowly(warp, detail, row, pointers, mask, good, offset);
  }
  // Who polls lets others run.
  return detail.kind == AccessKind::AtomicRead ? Outcome::Yield : Outcome::Next;
}

Outcome runStore(Warp &warp, const Instruction &instruction, Mask mask) {
  const TransferDetail &detail = static_cast<const TransferDetail &>(*instruction.detail);
  uint8_t *pointers[warpSize];
  Mask good = accessMemory(warp, instruction, detail, mask, pointers);
  bool plain = detail.kind == AccessKind::Write && detail.elementBytes == detail.registerBytes;
  for (size_t i = 0; i != detail.rows.size(); ++i) {
    Row row = detail.rows[i];
    size_t offset = i * detail.elementBytes;
    if (detail.elementBytes == 16)
      storeRow(lanes128(warp, row), pointers, good, offset);
    else if (plain && detail.elementBytes == 4)
      storeRow(warp.lanes32(row), pointers, good, offset);
    else if (plain && detail.elementBytes == 8)
      storeRow(warp.lanes64(row), pointers, good, offset);
    else
      storeRowSlowly(warp, detail, row, pointers, good, offset);
  }
  return Outcome::Next;
}

Outcome runNothing(Warp &, const Instruction &, Mask) { return Outcome::Next; }

//===-- Decoding ---===//

/// Modifiers and type; sets what does not depend on operands. PTX ISA, "ld" and "st".
TransferDetail &decodeTransfer(Decoder &decoder, MemoryModifiers &modifiers, ScalarType &type) {
  while (modifiers.takeOne(decoder)) {
  }
  type = decoder.expectType("a type of ld or st");
  decoder.endModifiers();
  bool isFloat = type.kind == ScalarType::Kind::Float && type.bits >= 32;
  bool isInteger = type.kind == ScalarType::Kind::Bits || type.kind == ScalarType::Kind::Unsigned ||
                   type.kind == ScalarType::Kind::Signed;
  if ((!isFloat && !isInteger) || type.elements != 1)
    decoder.fail("expected a type of ld and st: .b, .u, .s, .f32 or .f64");
  TransferDetail &detail = decoder.makeDetail<TransferDetail>();
  detail.space = modifiers.space;
  detail.elementBytes = type.memoryBytes();
  detail.bytes = detail.elementBytes * modifiers.elements;
  // PTX ISA, "ld": vectors of 32 bytes are of later targets.
  if (detail.bytes > 32)
    decoder.fail("a vector of " + std::to_string(detail.bytes) +
                 " bytes: expected 16, or 32 from sm_100 on");
  if (detail.bytes == 32)
    decoder.require(100);
  decoder.instruction().kind = classOf(detail.space);
  return detail;
}

/// The width of the registers of an operand: that of the type or wider.
Width registerWidth(Decoder &decoder, const ptx::Operand &operand, const ScalarType &type) {
  Width width = type.width();
  auto widen = [&](const ptx::Operand &one) {
    if (std::optional<Width> found = decoder.widthOf(one))
      width = std::max(width, *found);
  };
  widen(operand);
  if (operand.kind == ptx::Operand::Kind::Vector)
    for (const ptx::Operand &part : operand.parts)
      widen(part);
  return width;
}

void decodeLoad(Decoder &decoder) {
  MemoryModifiers modifiers;
  ScalarType type;
  using Order = MemoryModifiers::Order;
  TransferDetail &detail = decodeTransfer(decoder, modifiers, type);
  modifiers.expectOrder(
      decoder, {Order::None, Order::Weak, Order::Volatile, Order::Relaxed, Order::Acquire});
  modifiers.checkScope(decoder);
  detail.kind = modifiers.isStrong() ? AccessKind::AtomicRead : AccessKind::Read;
  decoder.expectOperands(2 + modifiers.cacheHint);
  const ptx::Operand &into = decoder.operand(0);
  Width width = registerWidth(decoder, into, type);
  detail.registerBytes = bytesOf(width);
  // A 16-bit register is the low half of its row, the high half is 0.
  if (type.kind == ScalarType::Kind::Signed && detail.registerBytes > detail.elementBytes)
    detail.signBits = 8 * detail.registerBytes;
  detail.rows = decoder.destinations(into, modifiers.elements, width);
  if (detail.registerBytes == 16 && detail.elementBytes != 16)
    decoder.fail("expected a register of 64 bits at most for this type");
  detail.address = decoder.address(decoder.operand(1));
  if (modifiers.cacheHint)
    decoder.source(decoder.operand(2), Width::B64);
  decoder.instruction().run = runLoad;
}

void decodeStore(Decoder &decoder) {
  MemoryModifiers modifiers;
  ScalarType type;
  TransferDetail &detail = decodeTransfer(decoder, modifiers, type);
  if (modifiers.isConst || modifiers.isParam || modifiers.isNonCoherent)
    decoder.fail("expected a space that can be written: .global, .shared or .local");
  using Order = MemoryModifiers::Order;
  modifiers.expectOrder(
      decoder, {Order::None, Order::Weak, Order::Volatile, Order::Relaxed, Order::Release});
  modifiers.checkScope(decoder);
  // A strong store is ordered with other strong accesses like an atomic one, but reads nothing.
  detail.kind = modifiers.isStrong() ? AccessKind::AtomicWrite : AccessKind::Write;
  decoder.expectOperands(2 + modifiers.cacheHint);
  detail.address = decoder.address(decoder.operand(0));
  const ptx::Operand &from = decoder.operand(1);
  Width width = registerWidth(decoder, from, type);
  detail.registerBytes = bytesOf(width);
  if (detail.registerBytes == 16 && detail.elementBytes != 16)
    decoder.fail("expected a register of 64 bits at most for this type");
  if (from.kind == ptx::Operand::Kind::Vector || modifiers.elements > 1)
    detail.rows = decoder.sources(from, modifiers.elements, width);
  else if (width == type.width())
    detail.rows = {decoder.source(from, type)};
  else
    detail.rows = {decoder.source(from, width)};
  if (modifiers.cacheHint)
    decoder.source(decoder.operand(2), Width::B64);
  decoder.instruction().run = runStore;
}

/// A hint: it changes nothing, and its address need not be valid.
void decodePrefetch(Decoder &decoder) {
  int space = decoder.takeOneOf({"global", "local", "const", "param"});
  if (decoder.peek() == "tensormap" && space != 0 && space != 1)
    return decodeTensorMapPrefetch(decoder);
  decoder.expectOneOf({"L1", "L2", "L2::evict_last", "L2::evict_normal"},
                      "a level of cache, or tensormap");
  decoder.endModifiers();
  decoder.expectOperands(1);
  decoder.address(decoder.operand(0));
  decoder.instruction().kind = InstructionClass::Global;
  decoder.instruction().run = runNothing;
}

void decodePrefetchUniform(Decoder &decoder) {
  decoder.expectOneOf({"L1"}, "'L1'");
  decoder.endModifiers();
  decoder.expectOperands(1);
  decoder.address(decoder.operand(0));
  decoder.instruction().kind = InstructionClass::Global;
  decoder.instruction().run = runNothing;
}

} // namespace

void addMemory(InstructionSet &set) {
  set["ld"] = decodeLoad;
  set["ldu"] = decodeLoad;
  set["st"] = decodeStore;
  set["prefetch"] = decodePrefetch;
  set["prefetchu"] = decodePrefetchUniform;
  set["atom"] = decodeAtomic;
  set["red"] = decodeReduction;
}

} // namespace attune::sim
