// SPDX-License-Identifier: Apache-2.0
// cp.async.bulk and cp.reduce.async.bulk: PTX ISA, "Data Movement and Conversion Instructions: Bulk
// copy". Copies read their source when they complete, not when they are issued.
#include "runtime/sim/ops/BulkCopy.h"

#include "runtime/sim/ops/TensorCopy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

namespace attune::sim {

bool isAligned(const Actor &actor, const char *what, uint64_t value, uint32_t alignment) {
  if (value % alignment == 0)
    return true;
  actor.warp.report(FindingKind::Misaligned, actor.instruction, actor.lanes,
                    std::string("bulk copy: expected ") + what + " to be a multiple of " +
                        std::to_string(alignment) + ", but it is " + std::to_string(value),
                    value);
  return false;
}

void BytesInFlight::add(uint64_t bytes) {
  now += bytes;
  Counters &counters = block.cluster.counters;
  counters.mostBytesInFlight = std::max(counters.mostBytesInFlight, now);
}

bool takeCacheHint(Decoder &decoder) { return decoder.take("L2::cache_hint"); }

//===-- Into shared memory ---===//

namespace {

/// Bytes on their way into the shared memory of a block.
class Load : public AsyncWork {
public:
  Load(const Actor &actor, const LoadTarget &target)
      : actor(actor), block(*target.block), address(target.address),
        barrier(target.barrier->address), generation(target.barrier->generation),
        epoch(beginCopy(*target.barrier)) {}

  AsyncAccess access() const { return {actor.warp, actor.instruction, epoch, true}; }

  void begin(uint32_t extent, uint32_t reported) {
    bytes = reported;
    extentBytes = extent;
    AsyncAccess writing = access();
    flight = block.shared.newFlight(writing);
    inBounds = block.shared.beginWrite(writing, flight, address, extent);
    block.unit<BytesInFlight>().add(extent);
  }

  void complete() override {
    block.unit<BytesInFlight>().remove(extentBytes);
    if (inBounds) {
      move();
      block.shared.land(flight, address, extentBytes, epoch, true);
    }
    endCopy(actor, block, barrier, generation, bytes, epoch);
  }

protected:
  virtual void move() = 0;

  const Actor actor;
  Block &block;
  const uint32_t address, barrier, generation;
  const Epoch epoch;
  uint32_t bytes = 0, extentBytes = 0;
  Flight flight = 0;
  bool inBounds = false;
};

class GlobalLoad : public Load {
public:
  GlobalLoad(const Actor &actor, const LoadTarget &target, std::shared_ptr<const BulkShape> shape)
      : Load(actor, target), shape(std::move(shape)) {
    begin(this->shape->extent, this->shape->bytes);
  }

private:
  void move() override {
    SharedMemory &shared = block.shared;
    if (shape->hasGaps)
      for (uint32_t at = 0; at < shape->extent; at += shape->fillBytes)
        std::memcpy(shared.at(address + at), &shape->fill, shape->fillBytes);
    shape->forPieces(address, [&](uint32_t to, const uint8_t *from, uint32_t count) {
      std::memcpy(shared.at(to), from, count);
    });
  }

  std::shared_ptr<const BulkShape> shape;
};

/// From the issuing block's shared memory.
class SharedLoad : public Load {
public:
  SharedLoad(const Actor &actor, const LoadTarget &target, uint32_t source, uint32_t size)
      : Load(actor, target), source(source), from(actor.warp.block.shared) {
    sourceInBounds = from.read(access(), source, size);
    begin(size, size);
  }

private:
  void move() override {
    if (sourceInBounds)
      std::memmove(block.shared.at(address), from.at(source), extentBytes);
  }

  const uint32_t source;
  SharedMemory &from;
  bool sourceInBounds;
};

} // namespace

void issueLoads(const Actor &actor, std::shared_ptr<const BulkShape> shape,
                const std::vector<LoadTarget> &targets) {
  for (const LoadTarget &target : targets)
    actor.warp.block.cluster.queue.issue(std::make_shared<GlobalLoad>(actor, target, shape));
}

static Block *targetBlock(const Actor &actor, uint64_t address, bool ownBlock) {
  Block &own = actor.warp.block;
  Block *block = own.cluster.blockOf(address);
  if (block && (!ownBlock || block == &own))
    return block;
  actor.warp.report(FindingKind::OutOfBounds, actor.instruction, actor.lanes,
                    ownBlock ? "bulk copy: expected an address in the block's own shared memory"
                             : "bulk copy: expected an address in the cluster's shared memory",
                    address);
  return nullptr;
}

std::vector<LoadTarget> loadTargets(const Actor &actor, uint64_t address, uint64_t mbarrier,
                                    uint32_t alignment, bool ownBlock,
                                    std::optional<uint16_t> blocks) {
  Block *first = targetBlock(actor, address, ownBlock);
  if (!first || !isAligned(actor, "the address in shared memory", address, alignment))
    return {};
  Cluster &cluster = first->cluster;
  if (cluster.blockOf(mbarrier) != first) {
    actor.report(FindingKind::BarrierMisuse, *first, uint32_t(address),
                 "a bulk copy expected its mbarrier in the block that its bytes go to");
    return {};
  }
  if (blocks && (*blocks == 0 || *blocks >> cluster.blocks.size() != 0)) {
    actor.report(FindingKind::BadDescriptor, *first, uint32_t(address),
                 "a multicast expected a mask of the cluster's " +
                     std::to_string(cluster.blocks.size()) + " blocks, but it is " +
                     std::to_string(*blocks));
    return {};
  }
  std::vector<LoadTarget> targets;
  for (Block &block : cluster.blocks) {
    if (blocks ? !(*blocks >> block.rank & 1) : &block != first)
      continue;
    uint64_t moved = uint64_t(block.sharedBase()) - first->sharedBase();
    LoadTarget target{&block, uint32_t(address + moved), nullptr};
    target.barrier = useMbarrier(actor, mbarrier + moved, MbarrierUse::Copy);
    if (target.barrier)
      targets.push_back(target);
  }
  return targets;
}

//===-- Out of shared memory ---===//

namespace {

/// Bytes on their way from shared to global memory: first they are read, then written.
class Store : public AsyncWork {
public:
  Store(const Actor &actor, std::shared_ptr<const BulkShape> shape, uint32_t address,
        std::optional<Reduction> reduction)
      : actor(actor), shape(std::move(shape)), address(address), reduction(reduction) {}

  /// The source may change from here on.
  void read() {
    if (isRead)
      return;
    isRead = true;
    SharedMemory &shared = actor.warp.block.shared;
    shape->forPieces(address, [&](uint32_t from, uint8_t *, uint32_t count) {
      const uint8_t *bytes = shared.at(from);
      captured.insert(captured.end(), bytes, bytes + count);
    });
  }

  void complete() override {
    read();
    const uint8_t *from = captured.data();
    shape->forPieces(address, [&](uint32_t, uint8_t *to, uint32_t count) {
      if (reduction)
        reduce(*reduction, to, from, count);
      else
        std::memcpy(to, from, count);
      from += count;
    });
    captured = {};
    isWritten = true;
  }

  const Actor actor;
  Epoch epoch = 0;
  /// Of the groups of the lane.
  uint32_t group = 0;
  bool waitedFor = false, isRead = false, isWritten = false;

private:
  const std::shared_ptr<const BulkShape> shape;
  const uint32_t address;
  const std::optional<Reduction> reduction;
  std::vector<uint8_t> captured;
};

/// The bulk async-groups of the threads of a block.
class BulkGroups : public Unit {
public:
  explicit BulkGroups(Block &block) : block(block) {}

  struct Thread {
    uint32_t committed = 0;
    std::vector<std::shared_ptr<Store>> stores;
  };

  Thread &thread(const Warp &warp, unsigned lane) { return threads[warp.index * warpSize + lane]; }

  Agent agent(const Warp &warp) {
    auto [found, isNew] = agents.try_emplace(warp.index, Agent(0));
    if (isNew)
      found->second = block.cluster.clocks.add();
    return found->second;
  }

  void wait(Warp &warp, unsigned lane, uint32_t remaining, bool onlyRead) {
    // Stores whose writes nobody waits for are not kept for ever.
    constexpr size_t mostKept = 64;
    Thread &waiter = thread(warp, lane);
    onlyRead &= waiter.stores.size() <= mostKept;
    for (const std::shared_ptr<Store> &store : waiter.stores) {
      // Groups are numbered from 0: the most recent one is committed - 1.
      if (uint64_t(store->group) + remaining >= waiter.committed)
        continue;
      store->read();
      if (!onlyRead)
        block.cluster.queue.finish(store);
      if (!store->waitedFor)
        block.cluster.clocks.acquire(warp.agent, store->epoch);
      store->waitedFor = true;
    }
    std::erase_if(waiter.stores,
                  [](const auto &store) { return store->waitedFor && store->isWritten; });
  }

  void atExit(Block &) override {
    for (auto &[number, thread] : threads)
      for (const std::shared_ptr<Store> &store : thread.stores) {
        if (!store->waitedFor)
          store->actor.warp.report(
              FindingKind::InFlight, store->actor.instruction, store->actor.lanes,
              store->group < thread.committed
                  ? "the block has exited without waiting until this store has read its shared "
                    "memory; expected cp.async.bulk.wait_group.read 0 before"
                  : "the block has exited without committing this store to a group; expected "
                    "cp.async.bulk.commit_group and cp.async.bulk.wait_group.read 0");
        block.cluster.queue.finish(store);
      }
  }

private:
  Block &block;
  std::map<unsigned, Thread> threads;
  std::map<unsigned, Agent> agents;
};

} // namespace

void issueStore(const Actor &actor, std::shared_ptr<const BulkShape> shape, uint32_t address,
                std::optional<Reduction> reduction) {
  Warp &warp = actor.warp;
  BulkGroups &groups = warp.block.unit<BulkGroups>();
  Epoch epoch = warp.block.cluster.clocks.tick(groups.agent(warp));
  if (!warp.block.shared.read({warp, actor.instruction, epoch, true}, address, shape->extent))
    return;
  auto store = std::make_shared<Store>(actor, std::move(shape), address, reduction);
  BulkGroups::Thread &thread = groups.thread(warp, unsigned(std::countr_zero(actor.lanes)));
  store->epoch = epoch;
  store->group = thread.committed;
  thread.stores.push_back(store);
  warp.block.cluster.queue.issue(store);
}

//===-- Instructions ---===//

namespace {

struct BulkDetail : Detail {
  AddressOperand to, from, mbarrier;
  Row size = noOperand, blocks = noOperand;
  /// The destination is .shared::cta: nowhere else.
  bool ownBlock = false;
  std::optional<Reduction> reduction;
};

template <typename Action>
Outcome forLanes(Warp &warp, const Instruction &instruction, Mask mask, Action action) {
  const auto &detail = static_cast<const BulkDetail &>(*instruction.detail);
  for (Mask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = unsigned(std::countr_zero(rest));
    action(Actor{warp, instruction, Mask(1) << lane}, detail, lane);
  }
  return Outcome::Next;
}

bool isSound(const Actor &actor, uint64_t global, uint32_t size) {
  bool address = isAligned(actor, "the address in global memory", global, 16);
  return isAligned(actor, "the size", size, 16) && address;
}

std::shared_ptr<const BulkShape> contiguous(const Actor &actor, AccessKind kind, uint64_t global,
                                            uint32_t size) {
  auto shape = std::make_shared<BulkShape>();
  shape->extent = shape->bytes = size;
  uint8_t *bytes = actor.warp.block.launch.memory.access(actor.warp, actor.instruction, kind,
                                                         global, size, 16, actor.lanes);
  if (bytes)
    shape->runs.push_back({bytes, 0, size});
  else
    shape->hasGaps = true;
  return shape;
}

Outcome runLoad(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(
      warp, instruction, mask, [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
        uint32_t size = warp.lanes32(detail.size)[lane];
        uint64_t global = operandAddress(warp, detail.from, lane);
        if (!isSound(actor, global, size))
          return;
        std::optional<uint16_t> blocks;
        if (detail.blocks != noOperand)
          blocks = uint16_t(warp.lanes32(detail.blocks)[lane]);
        std::vector<LoadTarget> targets =
            loadTargets(actor, operandAddress(warp, detail.to, lane),
                        operandAddress(warp, detail.mbarrier, lane), 16, detail.ownBlock, blocks);
        if (!targets.empty())
          issueLoads(actor, contiguous(actor, AccessKind::Read, global, size), targets);
      });
}

Outcome runSharedLoad(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(
      warp, instruction, mask, [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
        uint32_t size = warp.lanes32(detail.size)[lane];
        uint64_t source = operandAddress(warp, detail.from, lane);
        if (!isAligned(actor, "the size", size, 16) ||
            !isAligned(actor, "the source address", source, 16) ||
            !targetBlock(actor, source, true))
          return;
        for (const LoadTarget &target :
             loadTargets(actor, operandAddress(warp, detail.to, lane),
                         operandAddress(warp, detail.mbarrier, lane), 16, false, std::nullopt)) {
          warp.block.cluster.queue.issue(
              std::make_shared<SharedLoad>(actor, target, uint32_t(source), size));
        }
      });
}

Outcome runStore(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(warp, instruction, mask,
                  [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
                    uint32_t size = warp.lanes32(detail.size)[lane];
                    uint64_t global = operandAddress(warp, detail.to, lane);
                    uint64_t source = operandAddress(warp, detail.from, lane);
                    if (!isSound(actor, global, size) ||
                        !isAligned(actor, "the address in shared memory", source, 16) ||
                        !targetBlock(actor, source, true))
                      return;
                    AccessKind kind = detail.reduction ? AccessKind::Atomic : AccessKind::Write;
                    issueStore(actor, contiguous(actor, kind, global, size), uint32_t(source),
                               detail.reduction);
                  });
}

Outcome runPrefetch(Warp &warp, const Instruction &instruction, Mask mask) {
  return forLanes(
      warp, instruction, mask, [&](const Actor &actor, const BulkDetail &detail, unsigned lane) {
        isSound(actor, operandAddress(warp, detail.from, lane), warp.lanes32(detail.size)[lane]);
      });
}

Outcome runCommit(Warp &warp, const Instruction &, Mask mask) {
  BulkGroups &groups = warp.block.unit<BulkGroups>();
  for (Mask rest = mask; rest; rest &= rest - 1)
    ++groups.thread(warp, unsigned(std::countr_zero(rest))).committed;
  return Outcome::Next;
}

/// immediate: twice how many groups may remain, and 1 with .read.
Outcome runWait(Warp &warp, const Instruction &instruction, Mask mask) {
  BulkGroups &groups = warp.block.unit<BulkGroups>();
  for (Mask rest = mask; rest; rest &= rest - 1)
    groups.wait(warp, unsigned(std::countr_zero(rest)), uint32_t(instruction.immediate / 2),
                instruction.immediate % 2);
  return Outcome::Next;
}

BulkDetail &makeDetail(Decoder &decoder, Handler run) {
  decoder.instruction().run = run;
  decoder.instruction().kind = InstructionClass::Async;
  return decoder.makeDetail<BulkDetail>();
}

void decodePolicy(Decoder &decoder, bool hint, size_t index) {
  if (hint)
    decoder.source(decoder.operand(index), Width::B64);
}

Row decodeSize(Decoder &decoder, size_t index) {
  const ptx::Operand &size = decoder.operand(index);
  if (size.kind == ptx::Operand::Kind::Integer && size.bits % 16 != 0)
    decoder.fail("expected a size that is a multiple of 16, but it is " +
                 std::to_string(size.bits));
  return decoder.source(size, Width::B32);
}

/// {.shared::cluster, .shared::cta}.global or .shared::cluster.shared::cta, from the second part.
void decodeLoad(Decoder &decoder, bool ownBlock) {
  bool fromGlobal = decoder.expectOneOf({"global", "shared::cta"}, "where it copies from") == 0;
  if (!fromGlobal && ownBlock)
    decoder.fail("a copy from .shared::cta goes to .shared::cluster or .global");
  decoder.expectOneOf({"mbarrier::complete_tx::bytes"}, "mbarrier::complete_tx::bytes");
  BulkDetail &detail = makeDetail(decoder, fromGlobal ? runLoad : runSharedLoad);
  detail.ownBlock = ownBlock;
  bool multicast = fromGlobal && !ownBlock && decoder.take("multicast::cluster");
  bool hint = fromGlobal && takeCacheHint(decoder);
  decoder.endModifiers();
  decoder.expectOperands(4 + multicast + hint);
  detail.to = decoder.address(decoder.operand(0));
  detail.from = decoder.address(decoder.operand(1));
  detail.size = decodeSize(decoder, 2);
  detail.mbarrier = decoder.address(decoder.operand(3));
  if (multicast)
    detail.blocks = decoder.source(decoder.operand(4), Width::B16);
  decodePolicy(decoder, hint, 4 + multicast);
}

/// The operands of .global.shared::cta.
BulkDetail &decodeStore(Decoder &decoder, bool hint) {
  BulkDetail &detail = makeDetail(decoder, runStore);
  decoder.expectOperands(3 + hint);
  detail.to = decoder.address(decoder.operand(0));
  detail.from = decoder.address(decoder.operand(1));
  detail.size = decodeSize(decoder, 2);
  decodePolicy(decoder, hint, 3);
  return detail;
}

void decodePrefetch(Decoder &decoder) {
  decoder.expectOneOf({"L2"}, "L2");
  decoder.expectOneOf({"global"}, "global");
  bool hint = takeCacheHint(decoder);
  decoder.endModifiers();
  BulkDetail &detail = makeDetail(decoder, runPrefetch);
  decoder.expectOperands(2 + hint);
  detail.from = decoder.address(decoder.operand(0));
  detail.size = decodeSize(decoder, 1);
  decodePolicy(decoder, hint, 2);
}

void decodeWait(Decoder &decoder) {
  Instruction &instruction = decoder.instruction();
  instruction.run = runWait;
  instruction.kind = InstructionClass::Async;
  bool onlyRead = decoder.take("read");
  decoder.endModifiers();
  decoder.expectOperands(1);
  instruction.immediate =
      decoder.constant(decoder.operand(0), 0, 0x7fffffff, "how many groups may remain") * 2 +
      onlyRead;
}

void decodeCommit(Decoder &decoder) {
  decoder.instruction().run = runCommit;
  decoder.instruction().kind = InstructionClass::Async;
  decoder.endModifiers();
  decoder.expectOperands(0);
}

} // namespace

void decodeBulkCopy(Decoder &decoder) {
  decoder.require(90);
  if (decoder.take("tensor"))
    return decodeTensorCopy(decoder);
  if (decoder.take("prefetch"))
    return decoder.take("tensor") ? decodeTensorPrefetch(decoder) : decodePrefetch(decoder);
  switch (decoder.expectOneOf(
      {"commit_group", "wait_group", "shared::cluster", "shared::cta", "global"},
      "where it copies to")) {
  case 0: return decodeCommit(decoder);
  case 1: return decodeWait(decoder);
  case 2: return decodeLoad(decoder, false);
  case 3: return decodeLoad(decoder, true);
  default: break;
  }
  decoder.expectOneOf({"shared::cta"}, "shared::cta");
  decoder.expectOneOf({"bulk_group"}, "bulk_group");
  bool hint = takeCacheHint(decoder);
  decoder.endModifiers();
  decodeStore(decoder, hint);
}

void decodeBulkReduction(Decoder &decoder) {
  decoder.require(90);
  if (decoder.take("tensor"))
    return decodeTensorReduction(decoder);
  decoder.expectOneOf({"global"}, "global (the simulator reduces into no other memory)");
  decoder.expectOneOf({"shared::cta"}, "shared::cta");
  decoder.expectOneOf({"bulk_group"}, "bulk_group");
  bool hint = takeCacheHint(decoder);
  Reduction reduction;
  reduction.operation = expectReduction(decoder);
  bool keepsSubnormals = decoder.take("noftz");
  reduction.type = decoder.expectType();
  decoder.endModifiers();
  bool isHalf = reduction.type.bits == 16;
  if (!isValid(reduction) ||
      keepsSubnormals != (isHalf && reduction.operation == Reduction::Operation::Add))
    decoder.fail("the PTX ISA has no such reduction; additions of f16 and bf16, and no others, "
                 "need .noftz");
  decodeStore(decoder, hint).reduction = reduction;
}

} // namespace attune::sim
