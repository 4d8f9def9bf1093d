// SPDX-License-Identifier: Apache-2.0
// Modifiers of memory instructions, and addresses of every state space.
#include "runtime/sim/ops/MemoryAccess.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

bool MemoryModifiers::takeSpace(Decoder &decoder) {
  static constexpr MemorySpace meaning[] = {
      MemorySpace::Global, MemorySpace::Shared, MemorySpace::Shared, MemorySpace::SharedCluster,
      MemorySpace::Local,  MemorySpace::Param,  MemorySpace::Param,  MemorySpace::Global};
  int index = decoder.takeOneOf({"global", "shared", "shared::cta", "shared::cluster", "local",
                                 "param", "param::entry", "const"});
  if (index < 0)
    return false;
  if (hasSpace)
    decoder.fail("expected one state space");
  hasSpace = true;
  space = meaning[index];
  isParam = space == MemorySpace::Param;
  isConst = index == 7;
  if (space == MemorySpace::SharedCluster)
    decoder.require(90);
  return true;
}

bool MemoryModifiers::takeOrder(Decoder &decoder) {
  int index = decoder.takeOneOf({"weak", "volatile", "relaxed", "acquire", "release", "acq_rel"});
  if (index < 0)
    return false;
  if (order != Order::None)
    decoder.fail("expected one memory order");
  order = Order(index + 1);
  return true;
}

bool MemoryModifiers::takeOne(Decoder &decoder) {
  if (takeSpace(decoder) || takeOrder(decoder))
    return true;
  // Scopes order what a block does with what others do, which this simulator does for all scopes
  // alike.
  if (int index = decoder.takeOneOf({"cta", "gpu", "sys", "cluster"}); index >= 0) {
    if (index == 3)
      decoder.require(90);
    return hasScope = true;
  }
  if (int index = decoder.takeOneOf({"v2", "v4", "v8"}); index >= 0) {
    elements = 2u << index;
    return true;
  }
  if (decoder.take("nc"))
    return isNonCoherent = true;
  if (decoder.take("L2::cache_hint"))
    return cacheHint = true;
  // Caches change no value.
  return decoder.takeOneOf({"ca", "cg", "cs", "lu", "cv", "wb", "wt"}) >= 0 ||
         decoder.takeOneOf({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first",
                            "L1::evict_last", "L1::no_allocate", "L2::evict_normal",
                            "L2::evict_first", "L2::evict_last", "L2::64B", "L2::128B",
                            "L2::256B"}) >= 0;
}

void MemoryModifiers::expectOrder(Decoder &decoder, std::initializer_list<Order> orders) const {
  if (std::find(orders.begin(), orders.end(), order) == orders.end())
    decoder.fail("the instruction does not have this memory order");
  if (isStrong() && (isConst || isParam || isNonCoherent))
    decoder.fail("a memory order is for memory that can be written: not .const, .param or .nc");
  if (isNonCoherent && (space != MemorySpace::Global || isConst))
    decoder.fail(".nc is for .global alone");
}

void MemoryModifiers::checkScope(Decoder &decoder) const {
  bool wants = order >= Order::Relaxed;
  if (wants && !hasScope)
    decoder.fail("expected a scope (.cta, .cluster, .gpu, .sys) with the memory order");
  if (!wants && hasScope)
    decoder.fail("a scope needs .relaxed, .acquire or .release");
}

InstructionClass classOf(MemorySpace space) {
  switch (space) {
  case MemorySpace::Generic:
  case MemorySpace::Global: return InstructionClass::Global;
  case MemorySpace::Shared:
  case MemorySpace::SharedCluster: return InstructionClass::Shared;
  case MemorySpace::Local: return InstructionClass::Local;
  case MemorySpace::Param: return InstructionClass::Param;
  }
  return InstructionClass::Global;
}

namespace {

/// One access on its way to a space.
struct Access {
  Warp &warp;
  const Instruction &instruction;
  const MemoryDetail &detail;
  uint8_t **pointers;

  LaneAccess lanes() const { return {warp, instruction, detail.kind, detail.bytes}; }
};

/// An address of 64 bits that shared memory cannot have gives one that lies in no block.
uint32_t narrow(uint64_t address) { return address >> 32 ? ~uint32_t(0) : uint32_t(address); }

Mask accessShared(const Access &access, Block &block, Mask mask, const uint32_t *addresses) {
  Mask good = block.shared.access(access.lanes(), mask, addresses);
  // Of lanes that may not go on it is no pointer, and nobody uses it.
  uintptr_t begin = reinterpret_cast<uintptr_t>(block.shared.at(block.shared.begin()));
  uint32_t first = block.shared.begin();
  for (unsigned lane = 0; lane != warpSize; ++lane)
    access.pointers[lane] = reinterpret_cast<uint8_t *>(begin + (addresses[lane] - first));
  return good;
}

/// Shared memory of every block of the cluster; one block at a time.
Mask accessCluster(const Access &access, Mask mask, const uint64_t *addresses) {
  uint32_t narrowed[warpSize];
  for (unsigned lane = 0; lane != warpSize; ++lane)
    narrowed[lane] = narrow(addresses[lane]);
  Mask good = 0;
  while (mask) {
    uint32_t rank = narrowed[std::countr_zero(mask)] >> sharedRankShift;
    Mask here = 0;
    for (Mask left = mask; left; left &= left - 1) {
      unsigned lane = unsigned(std::countr_zero(left));
      here |= Mask(narrowed[lane] >> sharedRankShift == rank) << lane;
    }
    mask &= ~here;
    Block *block = access.warp.block.cluster.blockOf(narrowed[std::countr_zero(here)]);
    uint8_t *found[warpSize];
    Access part{access.warp, access.instruction, access.detail, found};
    // No block: out of the bounds of every block, so of this one.
    Mask goodHere = accessShared(part, block ? *block : access.warp.block, here, narrowed);
    for (Mask left = goodHere; left; left &= left - 1)
      access.pointers[std::countr_zero(left)] = found[std::countr_zero(left)];
    good |= goodHere;
  }
  return good;
}

/// Memory that is an array for each lane, or one for all: local memory and parameters.
template <typename Base>
Mask accessArray(const Access &access, Mask mask, const uint64_t *addresses, uint64_t size,
                 const char *name, Base base) {
  uint32_t bytes = access.detail.bytes;
  Mask good = 0;
  for (Mask left = mask; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    uint64_t address = addresses[lane];
    bool outside = size < bytes || address > size - bytes;
    if (outside || address & (bytes - 1)) {
      access.warp.report(outside ? FindingKind::OutOfBounds : FindingKind::Misaligned,
                         access.instruction, Mask(1) << lane,
                         "an access of " + std::to_string(bytes) + " bytes at " +
                             std::to_string(address) + " of the " + std::to_string(size) +
                             " bytes of " + name,
                         address);
      continue;
    }
    access.pointers[lane] = base(lane) + address;
    good |= Mask(1) << lane;
  }
  return good;
}

Mask accessLocal(const Access &access, Mask mask, const uint64_t *addresses) {
  Warp &warp = access.warp;
  if (access.detail.kind == AccessKind::Atomic) {
    warp.report(FindingKind::Fault, access.instruction, mask,
                "an atomic access of local memory: expected global or shared memory");
    return 0;
  }
  if (warp.block.launch.options.counters)
    warp.counters(access.instruction).localBytes +=
        uint64_t(std::popcount(mask)) * access.detail.bytes;
  return accessArray(access, mask, addresses, warp.block.launch.program.localBytes, "local memory",
                     [&](unsigned lane) { return warp.block.localOf(warp, lane); });
}

Mask accessParam(const Access &access, Mask mask, const uint64_t *addresses) {
  const std::vector<uint8_t> &parameters = access.warp.block.launch.parameters;
  if (writes(access.detail.kind)) {
    access.warp.report(FindingKind::Fault, access.instruction, mask,
                       "a write to kernel parameters, which can only be read");
    return 0;
  }
  return accessArray(access, mask, addresses, parameters.size(), "parameters",
                     [&](unsigned) { return const_cast<uint8_t *>(parameters.data()); });
}

/// Generic addresses: each lane's window decides.
Mask accessGeneric(const Access &access, Mask mask, const uint64_t *addresses) {
  constexpr uint64_t windowBytes = uint64_t(1) << 40;
  uint64_t inWindow[warpSize];
  Mask global = 0, shared = 0, local = 0, param = 0;
  for (unsigned lane = 0; lane != warpSize; ++lane) {
    uint64_t address = addresses[lane];
    Mask bit = Mask(1) << lane;
    inWindow[lane] = address & (windowBytes - 1);
    switch (address & ~(windowBytes - 1)) {
    case sharedWindow: shared |= bit; break;
    case localWindow: local |= bit; break;
    case paramWindow: param |= bit; break;
    default: global |= bit; break;
    }
  }
  Mask good = 0;
  if (Mask lanes = mask & global)
    good |=
        access.warp.block.launch.memory.access(access.lanes(), lanes, addresses, access.pointers);
  if (Mask lanes = mask & shared)
    good |= accessCluster(access, lanes, inWindow);
  if (Mask lanes = mask & local)
    good |= accessLocal(access, lanes, inWindow);
  if (Mask lanes = mask & param)
    good |= accessParam(access, lanes, inWindow);
  return good;
}

/// The lanes' addresses, at their full width.
void readAddresses(Warp &warp, const AddressOperand &operand, uint64_t *addresses) {
  uint64_t offset = uint64_t(operand.offset);
  if (operand.base == noOperand) {
    std::fill_n(addresses, warpSize, offset);
  } else if (operand.wide) {
    const uint64_t *base = warp.lanes64(operand.base);
    for (unsigned lane = 0; lane != warpSize; ++lane)
      addresses[lane] = base[lane] + offset;
  } else {
    const uint32_t *base = warp.lanes32(operand.base);
    for (unsigned lane = 0; lane != warpSize; ++lane)
      addresses[lane] = uint32_t(base[lane] + offset);
  }
}

} // namespace

Mask accessMemory(Warp &warp, const Instruction &instruction, const MemoryDetail &detail, Mask mask,
                  uint8_t **pointers) {
  Access access{warp, instruction, detail, pointers};
  uint64_t addresses[warpSize];
  readAddresses(warp, detail.address, addresses);
  switch (detail.space) {
  case MemorySpace::Generic: return accessGeneric(access, mask, addresses);
  case MemorySpace::Global:
    return warp.block.launch.memory.access(access.lanes(), mask, addresses, pointers);
  case MemorySpace::Shared: {
    uint32_t narrowed[warpSize];
    for (unsigned lane = 0; lane != warpSize; ++lane)
      narrowed[lane] = narrow(addresses[lane]);
    return accessShared(access, warp.block, mask, narrowed);
  }
  case MemorySpace::SharedCluster: return accessCluster(access, mask, addresses);
  case MemorySpace::Local: return accessLocal(access, mask, addresses);
  case MemorySpace::Param: return accessParam(access, mask, addresses);
  }
  return 0;
}

} // namespace attune::sim
