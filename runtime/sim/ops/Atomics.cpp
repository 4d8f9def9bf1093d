// SPDX-License-Identifier: Apache-2.0
// atom and red: lanes one after the other, each element by compare and exchange, since blocks on
// other threads may do the same.
#include "runtime/sim/ops/MemoryAccess.h"
#include "runtime/sim/ops/Reduction.h"

#include <atomic>
#include <bit>

namespace attune::sim {

namespace {

enum class AtomicOperation : uint8_t { Reduce, Exchange, CompareAndSwap };

struct AtomicDetail : MemoryDetail {
  AtomicOperation operation = AtomicOperation::Reduce;
  Reduction reduction{};
  /// Elements of `elementBytes`; f16x2 is one of 4.
  uint32_t elementBytes = 4;
  /// PTX ISA, "atom": add.f32 flushes subnormal numbers in global memory, not in shared memory.
  /// Generic addresses are taken for global ones.
  bool flushes = true;
  /// Empty for red.
  std::vector<Row> results;
  std::vector<Row> operands;
  Row expected = noOperand;
};

const AtomicDetail &detailOf(const Instruction &instruction) {
  return static_cast<const AtomicDetail &>(*instruction.detail);
}

uint64_t newValue(const AtomicDetail &detail, uint64_t old, uint64_t operand, uint64_t expected) {
  switch (detail.operation) {
  case AtomicOperation::Exchange: return operand;
  case AtomicOperation::CompareAndSwap: return old == expected ? operand : old;
  case AtomicOperation::Reduce: break;
  }
  return combine(detail.reduction, old, operand, detail.flushes);
}

template <typename Word>
uint64_t update(const AtomicDetail &detail, uint8_t *at, uint64_t operand, uint64_t expected) {
  std::atomic_ref<Word> word(*reinterpret_cast<Word *>(at));
  Word old = word.load(std::memory_order_relaxed), wanted;
  do
    wanted = Word(newValue(detail, old, Word(operand), Word(expected)));
  while (!word.compare_exchange_weak(old, wanted, std::memory_order_acq_rel));
  return old;
}

uint64_t update(const AtomicDetail &detail, uint8_t *at, uint64_t operand, uint64_t expected) {
  switch (detail.elementBytes) {
  case 2: return update<uint16_t>(detail, at, operand, expected);
  case 4: return update<uint32_t>(detail, at, operand, expected);
  default: return update<uint64_t>(detail, at, operand, expected);
  }
}

void setLane(Warp &warp, const AtomicDetail &detail, size_t element, unsigned lane,
             uint64_t value) {
  if (detail.results.empty())
    return;
  if (detail.elementBytes == 8)
    warp.lanes64(detail.results[element])[lane] = value;
  else
    warp.lanes32(detail.results[element])[lane] = uint32_t(value);
}

Outcome runAtomic(Warp &warp, const Instruction &instruction, Mask mask) {
  const AtomicDetail &detail = detailOf(instruction);
  uint8_t *pointers[warpSize];
  Mask good = accessMemory(warp, instruction, detail, mask, pointers);
  bool wide = detail.elementBytes == 8;
  for (Mask left = mask; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    for (size_t i = 0; i != detail.operands.size(); ++i) {
      uint64_t old = 0;
      if (good >> lane & 1)
        old = update(detail, pointers[lane] + i * detail.elementBytes,
                     warp.lane(detail.operands[i], lane, wide),
                     detail.expected == noOperand ? 0 : warp.lane(detail.expected, lane, wide));
      setLane(warp, detail, i, lane, old);
    }
  }
  // Who waits for others by polling lets them run.
  return detail.results.empty() ? Outcome::Next : Outcome::Yield;
}

/// PTX ISA, "atom": which types an operation takes.
bool isKnown(const AtomicDetail &detail, const MemoryModifiers &modifiers) {
  const ScalarType &type = detail.reduction.type;
  unsigned bits = type.bits * type.elements;
  bool half = type.bits == 16 &&
              (type.kind == ScalarType::Kind::Float || type.kind == ScalarType::Kind::BFloat);
  if (detail.operation == AtomicOperation::Exchange)
    return type.kind == ScalarType::Kind::Bits && (bits == 32 || bits == 64);
  if (detail.operation == AtomicOperation::CompareAndSwap)
    return type.kind == ScalarType::Kind::Bits && (bits == 16 || bits == 32 || bits == 64);
  ScalarType one = type;
  one.elements = 1;
  if (type.elements != 1 && !(half && type.elements == 2))
    return false;
  bool isAdd = detail.reduction.operation == Reduction::Operation::Add;
  // Minima and maxima of floats, and vectors, are for vectors of floats in global memory only.
  if (modifiers.elements > 1)
    return (half || (type.kind == ScalarType::Kind::Float && bits == 32 && isAdd)) &&
           isValid({detail.reduction.operation, one});
  return (isAdd || !half) && isValid({detail.reduction.operation, one});
}

void takeOperation(Decoder &decoder, AtomicDetail &detail) {
  int other = decoder.takeOneOf({"exch", "cas"});
  if (other < 0)
    detail.reduction.operation = expectReduction(decoder);
  else
    detail.operation = other == 0 ? AtomicOperation::Exchange : AtomicOperation::CompareAndSwap;
}

/// All behind the opcode's first word, up to the operands.
AtomicDetail &decodeModifiers(Decoder &decoder, MemoryModifiers &modifiers) {
  AtomicDetail &detail = decoder.makeDetail<AtomicDetail>();
  detail.kind = AccessKind::Atomic;
  while (modifiers.takeOne(decoder)) {
  }
  takeOperation(decoder, detail);
  bool noFlush = false;
  while (modifiers.takeOne(decoder) || (!noFlush && (noFlush = decoder.take("noftz")))) {
  }
  const ScalarType &type = detail.reduction.type = decoder.expectType("a type of atom or red");
  decoder.endModifiers();
  if (!isKnown(detail, modifiers))
    decoder.fail("the operation is not known for this type");
  if (type.bits == 16 && detail.operation == AtomicOperation::Reduce) {
    if (!noFlush)
      decoder.fail("expected .noftz before a type of 16 bits");
    decoder.require(type.kind == ScalarType::Kind::BFloat ? 90 : 70);
  }
  if (noFlush && type.bits != 16)
    decoder.fail("expected no .noftz before a type of more than 16 bits");
  if (modifiers.elements > 1)
    decoder.require(90);
  detail.space = modifiers.space;
  if (modifiers.isConst || detail.space == MemorySpace::Local || detail.space == MemorySpace::Param)
    decoder.fail("expected a space with atomic accesses: .global or .shared");
  detail.flushes = detail.space == MemorySpace::Global || detail.space == MemorySpace::Generic;
  detail.elementBytes = type.memoryBytes();
  detail.bytes = detail.elementBytes * modifiers.elements;
  if (detail.bytes > 16)
    decoder.fail("a vector of " + std::to_string(detail.bytes) + " bytes: expected 16 at most");
  decoder.instruction().kind = classOf(detail.space);
  decoder.instruction().run = runAtomic;
  return detail;
}

/// The operands from the address on.
void decodeOperands(Decoder &decoder, AtomicDetail &detail, const MemoryModifiers &modifiers,
                    size_t first) {
  bool compares = detail.operation == AtomicOperation::CompareAndSwap;
  decoder.expectOperands(first + 2 + compares + modifiers.cacheHint);
  detail.address = decoder.address(decoder.operand(first));
  const ScalarType &type = detail.reduction.type;
  auto value = [&](const ptx::Operand &operand) { return decoder.source(operand, type); };
  if (compares)
    detail.expected = value(decoder.operand(first + 1));
  const ptx::Operand &operand = decoder.operand(first + 1 + compares);
  if (modifiers.elements > 1)
    detail.operands = decoder.sources(operand, modifiers.elements, type.width());
  else
    detail.operands = {value(operand)};
  if (modifiers.cacheHint)
    decoder.source(decoder.operand(first + 2 + compares), Width::B64);
}

} // namespace

using Order = MemoryModifiers::Order;

void decodeAtomic(Decoder &decoder) {
  MemoryModifiers modifiers;
  AtomicDetail &detail = decodeModifiers(decoder, modifiers);
  modifiers.expectOrder(decoder, {Order::None, Order::Relaxed, Order::Acquire, Order::Release,
                                  Order::AcquireRelease});
  decodeOperands(decoder, detail, modifiers, 1);
  detail.results =
      decoder.destinations(decoder.operand(0), modifiers.elements, detail.reduction.type.width());
}

void decodeReduction(Decoder &decoder) {
  MemoryModifiers modifiers;
  AtomicDetail &detail = decodeModifiers(decoder, modifiers);
  if (detail.operation != AtomicOperation::Reduce)
    decoder.fail("expected an operation of red: add, min, max, and, or, xor, inc or dec");
  modifiers.expectOrder(decoder, {Order::None, Order::Relaxed, Order::Release});
  decodeOperands(decoder, detail, modifiers, 0);
}

} // namespace attune::sim
