// SPDX-License-Identifier: Apache-2.0
// Allocations of the simulated device, and checks of what blocks do to them.
#include "runtime/sim/memory/GlobalMemory.h"

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/memory/Traffic.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace attune::sim {

namespace {

/// NaN in every float type.
constexpr int unwritten = 0xff;
constexpr uint64_t allocationAlignment = 256;
/// Between allocations, so that an access that runs over an end meets nothing.
constexpr uint64_t gap = 1 << 16;
/// Lanes of a read that lie this close together are checked as one range.
constexpr uint64_t closeTogether = 4096;
constexpr unsigned claimBytes = 2;

uint64_t nextGeneration() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

std::string hexadecimal(uint64_t value) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  do
    text.insert(text.begin(), digits[value & 15]);
  while (value >>= 4);
  return "0x" + text;
}

/// Calls each(word, bits) for the words of a bit map that hold the bits [first, first + count).
template <typename Each>
bool everyWord(std::atomic<uint32_t> *map, uint64_t first, uint64_t count, Each each) {
  for (uint64_t end = first + count; first != end;) {
    uint64_t next = std::min(end, (first | 31) + 1);
    uint32_t bits = uint32_t((uint64_t(1) << (next - first)) - 1) << (first & 31);
    if (!each(map[first / 32], bits))
      return false;
    first = next;
  }
  return true;
}

bool allSet(const GlobalMemory::Allocation &allocation, uint64_t offset, uint64_t bytes) {
  return everyWord(allocation.initialised.get(), offset, bytes,
                   [](std::atomic<uint32_t> &word, uint32_t bits) {
                     return (word.load(std::memory_order_relaxed) & bits) == bits;
                   });
}

void setAll(GlobalMemory::Allocation &allocation, uint64_t offset, uint64_t bytes) {
  everyWord(allocation.initialised.get(), offset, bytes,
            [](std::atomic<uint32_t> &word, uint32_t bits) {
              if ((word.load(std::memory_order_relaxed) & bits) != bits)
                word.fetch_or(bits, std::memory_order_relaxed);
              return true;
            });
}

const char *verb(AccessKind kind) {
  if (!writes(kind))
    return "a read";
  return reads(kind) ? "an atomic access" : "a write";
}

void reportMisaligned(Warp &warp, const Instruction &instruction, Mask lanes, AccessKind kind,
                      uint64_t address, uint64_t bytes, uint64_t alignment) {
  warp.report(FindingKind::Misaligned, instruction, lanes,
              std::string(verb(kind)) + " of " + std::to_string(bytes) +
                  " bytes of global memory at " + hexadecimal(address) +
                  ", which is no multiple of " + std::to_string(alignment),
              address);
}

void reportUnwritten(Warp &warp, const Instruction &instruction, Mask lanes, uint64_t address) {
  warp.report(FindingKind::UninitialisedRead, instruction, lanes,
              "a read of global memory at " + hexadecimal(address) + ", which was never written",
              address);
}

} // namespace

uint64_t GlobalMemory::allocate(uint64_t bytes) {
  std::lock_guard<std::mutex> guard(mutex);
  if (bytes > paramWindow - nextAddress - 2 * gap)
    throw std::bad_alloc();
  auto data = std::make_unique<uint8_t[]>(bytes);
  std::unique_ptr<std::atomic<uint32_t>[]> bits(new std::atomic<uint32_t>[bytes / 32 + 1]());
  std::memset(data.get(), unwritten, bytes);
  uint64_t address = nextAddress;
  Allocation &made = allocations[address];
  made.address = address;
  made.bytes = bytes;
  made.data = std::move(data);
  made.initialised = std::move(bits);
  nextAddress = (address + bytes + gap + allocationAlignment - 1) & ~(allocationAlignment - 1);
  generation = nextGeneration();
  return address;
}

bool GlobalMemory::free(uint64_t address) {
  std::lock_guard<std::mutex> guard(mutex);
  generation = nextGeneration();
  return allocations.erase(address) != 0;
}

GlobalMemory::Allocation *GlobalMemory::lookup(uint64_t address) const {
  auto behind = allocations.upper_bound(address);
  if (behind == allocations.begin())
    return nullptr;
  return const_cast<Allocation *>(&std::prev(behind)->second);
}

/// The allocation that all of these bytes lie in, or null.
GlobalMemory::Allocation *GlobalMemory::around(uint64_t address, uint64_t bytes) const {
  struct Last {
    uint64_t generation = 0;
    Allocation *allocation = nullptr;
  };
  static thread_local Last last;
  auto holds = [&](const Allocation &allocation) {
    uint64_t offset = address - allocation.address;
    return bytes <= allocation.bytes && offset <= allocation.bytes - bytes;
  };
  if (last.generation == generation && last.allocation && holds(*last.allocation))
    return last.allocation;
  Allocation *found = lookup(address);
  if (!found || !holds(*found))
    return nullptr;
  last = {generation, found};
  return found;
}

uint8_t *GlobalMemory::find(uint64_t address, uint64_t bytes) {
  Allocation *allocation = around(address, bytes);
  return allocation ? allocation->data.get() + (address - allocation->address) : nullptr;
}

bool GlobalMemory::copyTo(uint64_t address, const void *from, uint64_t bytes) {
  Allocation *allocation = around(address, bytes);
  if (!allocation)
    return false;
  uint64_t offset = address - allocation->address;
  if (bytes)
    std::memcpy(allocation->data.get() + offset, from, bytes);
  setAll(*allocation, offset, bytes);
  return true;
}

bool GlobalMemory::copyFrom(void *to, uint64_t address, uint64_t bytes) {
  const uint8_t *from = find(address, bytes);
  if (from && bytes)
    std::memcpy(to, from, bytes);
  return from;
}

std::string GlobalMemory::whereabouts(uint64_t address) const {
  const Allocation *before = lookup(address);
  auto behind = allocations.upper_bound(address);
  auto describe = [](const Allocation &allocation) {
    return "the " + std::to_string(allocation.bytes) + " bytes at " +
           hexadecimal(allocation.address);
  };
  if (before && address - before->address < before->bytes)
    return std::to_string(address - before->address) + " bytes into " + describe(*before);
  uint64_t after = before ? address - before->address - before->bytes : ~uint64_t(0);
  if (behind != allocations.end() && behind->first - address < after)
    return std::to_string(behind->first - address) + " bytes before " + describe(behind->second);
  if (before)
    return std::to_string(after) + " bytes behind " + describe(*before);
  return "and nothing is allocated";
}

void GlobalMemory::beginLaunch() {
  for (auto &[address, allocation] : allocations) {
    allocation.publishedWriters = nullptr;
    allocation.writers.reset();
  }
}

/// Where each lane's bytes are. `common` is the allocation of all lanes, or null when they differ.
Mask GlobalMemory::resolve(const LaneAccess &access, Mask mask, const uint64_t *addresses,
                           uint8_t **pointers, Allocation *&common) const {
  uint64_t least = ~uint64_t(0), most = 0, bits = 0;
  for (Mask left = mask; left; left &= left - 1) {
    uint64_t address = addresses[std::countr_zero(left)];
    least = std::min(least, address);
    most = std::max(most, address);
    bits |= address;
  }
  uint64_t low = access.bytes - 1;
  common = most <= ~low ? around(least, most - least + access.bytes) : nullptr;
  if (common && !(bits & low)) {
    for (Mask left = mask; left; left &= left - 1) {
      unsigned lane = unsigned(std::countr_zero(left));
      pointers[lane] = common->data.get() + (addresses[lane] - common->address);
    }
    return mask;
  }
  Mask outside = 0, crooked = 0;
  for (Mask left = mask; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    Allocation *allocation = around(addresses[lane], access.bytes);
    if (!allocation)
      outside |= Mask(1) << lane;
    else if (addresses[lane] & low)
      crooked |= Mask(1) << lane;
    else
      pointers[lane] = allocation->data.get() + (addresses[lane] - allocation->address);
  }
  if (outside) {
    uint64_t address = addresses[std::countr_zero(outside)];
    access.warp.report(FindingKind::OutOfBounds, access.instruction, outside,
                       std::string(verb(access.kind)) + " of " + std::to_string(access.bytes) +
                           " bytes of global memory at " + hexadecimal(address) + ", " +
                           whereabouts(address),
                       address);
  }
  if (crooked)
    reportMisaligned(access.warp, access.instruction, crooked, access.kind,
                     addresses[std::countr_zero(crooked)], access.bytes, access.bytes);
  return mask & ~outside & ~crooked;
}

Mask GlobalMemory::access(const LaneAccess &access, Mask mask, const uint64_t *addresses,
                          uint8_t **pointers) {
  if (!mask)
    return 0;
  Allocation *common;
  Mask good = resolve(access, mask, addresses, pointers, common);
  const Options &options = access.warp.block.launch.options;
  if (options.counters)
    countGlobal(access.warp.counters(access.instruction), good, addresses, access.bytes);
  if (options.checks && good)
    note(access, good, addresses, common);
  return good;
}

/// Checks and notes what the lanes read and write.
void GlobalMemory::note(const LaneAccess &access, Mask mask, const uint64_t *addresses,
                        Allocation *common) {
  bool reading = reads(access.kind), writing = writes(access.kind);
  uint64_t first = addresses[std::countr_zero(mask)];
  if (common && mask == allLanes) {
    bool inOrder = true;
    uint64_t least = first, most = first;
    for (unsigned lane = 0; lane != warpSize; ++lane) {
      inOrder &= addresses[lane] == first + uint64_t(lane) * access.bytes;
      least = std::min(least, addresses[lane]);
      most = std::max(most, addresses[lane]);
    }
    uint64_t bytes = most - least + access.bytes;
    if (!writing && bytes <= closeTogether && allSet(*common, least - common->address, bytes))
      return;
    if (access.kind == AccessKind::Write && inOrder) {
      setAll(*common, first - common->address, bytes);
      return claim(access.warp, access.instruction, mask, *common, first - common->address, bytes);
    }
  }
  Mask unset = 0;
  for (Mask left = mask; left; left &= left - 1) {
    unsigned lane = unsigned(std::countr_zero(left));
    Allocation &allocation = common ? *common : *around(addresses[lane], access.bytes);
    uint64_t offset = addresses[lane] - allocation.address;
    if (reading && !allSet(allocation, offset, access.bytes))
      unset |= Mask(1) << lane;
    if (writing)
      setAll(allocation, offset, access.bytes);
    if (access.kind == AccessKind::Write)
      claim(access.warp, access.instruction, Mask(1) << lane, allocation, offset, access.bytes);
  }
  if (unset)
    reportUnwritten(access.warp, access.instruction, unset, addresses[std::countr_zero(unset)]);
}

uint8_t *GlobalMemory::access(Warp &warp, const Instruction &instruction, AccessKind kind,
                              uint64_t address, uint64_t bytes, uint32_t alignment,
                              uint32_t lanes) {
  Allocation *allocation = around(address, bytes);
  if (!allocation) {
    warp.report(FindingKind::OutOfBounds, instruction, lanes,
                std::string(verb(kind)) + " of " + std::to_string(bytes) +
                    " bytes of global memory at " + hexadecimal(address) + ", " +
                    whereabouts(address),
                address);
    return nullptr;
  }
  if (alignment && address % alignment) {
    reportMisaligned(warp, instruction, lanes, kind, address, bytes, alignment);
    return nullptr;
  }
  uint64_t offset = address - allocation->address;
  const Options &options = warp.block.launch.options;
  if (options.counters)
    countGlobal(warp.counters(instruction), address, bytes);
  if (options.checks) {
    if (reads(kind) && !allSet(*allocation, offset, bytes))
      reportUnwritten(warp, instruction, lanes, address);
    if (writes(kind))
      setAll(*allocation, offset, bytes);
    if (kind == AccessKind::Write)
      claim(warp, instruction, lanes, *allocation, offset, bytes);
  }
  return allocation->data.get() + offset;
}

std::atomic<uint32_t> *GlobalMemory::writersOf(Allocation &allocation) {
  if (std::atomic<uint32_t> *made = allocation.publishedWriters.load(std::memory_order_acquire))
    return made;
  std::lock_guard<std::mutex> guard(mutex);
  if (!allocation.writers) {
    allocation.writers.reset(new std::atomic<uint32_t>[allocation.bytes / claimBytes + 1]());
    allocation.publishedWriters.store(allocation.writers.get(), std::memory_order_release);
  }
  return allocation.writers.get();
}

/// Notes the block as the writer of these bytes, 2 by 2: the halves of a word may have two writers.
/// Single bytes are compared with whole pairs, but not with other single bytes.
void GlobalMemory::claim(Warp &warp, const Instruction &instruction, Mask lanes,
                         Allocation &allocation, uint64_t offset, uint64_t bytes) {
  const Launch &launch = warp.block.launch;
  if (!launch.options.exclusiveWriter || !bytes)
    return;
  std::atomic<uint32_t> *writers = writersOf(allocation);
  const std::array<uint32_t, 3> &index = warp.block.index, &grid = launch.grid;
  uint32_t number = index[0] + grid[0] * (index[1] + grid[1] * index[2]) + 1;
  for (uint64_t pair = offset / claimBytes; pair * claimBytes < offset + bytes; ++pair) {
    uint32_t before = writers[pair].load(std::memory_order_relaxed);
    bool whole = pair * claimBytes >= offset && (pair + 1) * claimBytes <= offset + bytes;
    if (before == 0 && whole &&
        writers[pair].compare_exchange_strong(before, number, std::memory_order_relaxed))
      continue;
    if (before == 0 || before == number)
      continue;
    uint64_t address = allocation.address + std::max(offset, pair * claimBytes);
    uint32_t other = before - 1;
    warp.report(FindingKind::SharedOutput, instruction, lanes,
                "a write of global memory at " + hexadecimal(address) + ", which block (" +
                    std::to_string(other % grid[0]) + "," +
                    std::to_string(other / grid[0] % grid[1]) + "," +
                    std::to_string(other / grid[0] / grid[1]) +
                    ") wrote in this launch too\nfix: give each block its own part, or make the "
                    "writes atomic",
                address);
    return;
  }
}

} // namespace attune::sim
