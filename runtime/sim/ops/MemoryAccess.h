// SPDX-License-Identifier: Apache-2.0
// Where do the addresses of ld, st, atom and red lead? State spaces and modifiers, and from the
// lanes' addresses to the bytes on this computer.
#pragma once

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/program/Decoder.h"

namespace attune::sim {

enum class MemorySpace : uint8_t { Generic, Global, Shared, SharedCluster, Local, Param };

/// What an instruction that accesses memory carries.
struct MemoryDetail : Detail {
  MemorySpace space = MemorySpace::Generic;
  AccessKind kind = AccessKind::Read;
  AddressOperand address;
  /// Of a lane, all elements together.
  uint32_t bytes = 4;
};

/// Takes what stands between the opcode and the type, in any order: how strong the access is, its
/// scope, its space, caches.
struct MemoryModifiers {
  enum class Order : uint8_t { None, Weak, Volatile, Relaxed, Acquire, Release, AcquireRelease };

  MemorySpace space = MemorySpace::Generic;
  Order order = Order::None;
  bool hasSpace = false;
  bool hasScope = false;
  bool isConst = false;
  bool isParam = false;
  bool isNonCoherent = false;
  /// .L2::cache_hint: an operand more.
  bool cacheHint = false;
  unsigned elements = 1;

  /// Takes one modifier; false when the next part is none of these.
  bool takeOne(Decoder &decoder);
  bool isStrong() const { return order > Order::Weak; }
  /// Fails when the order is none of these.
  void expectOrder(Decoder &decoder, std::initializer_list<Order> orders) const;
  /// Fails when ld or st has a scope that the order does not want, or lacks one.
  void checkScope(Decoder &decoder) const;

private:
  bool takeSpace(Decoder &decoder);
  bool takeOrder(Decoder &decoder);
};

/// The class that counters put an access of this space in.
InstructionClass classOf(MemorySpace space);

/// Checks and notes the access of the lanes of `mask`; `pointers` gets where their bytes are.
/// Returns the lanes that may go on.
Mask accessMemory(Warp &warp, const Instruction &instruction, const MemoryDetail &detail, Mask mask,
                  uint8_t **pointers);

/// atom and red: Atomics.cpp.
void decodeAtomic(Decoder &decoder);
void decodeReduction(Decoder &decoder);

} // namespace attune::sim
