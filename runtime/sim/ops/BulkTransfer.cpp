// SPDX-License-Identifier: Apache-2.0
// Bytes under way: into shared memory for an mbarrier, and out of it in groups of a thread. Copies
// read their source when they complete, not when they are issued.
#include "runtime/sim/ops/BulkCopy.h"

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

void issueSharedLoad(const Actor &actor, const LoadTarget &target, uint32_t source, uint32_t size) {
  actor.warp.block.cluster.queue.issue(std::make_shared<SharedLoad>(actor, target, source, size));
}

Block *sharedBlock(const Actor &actor, uint64_t address, bool ownBlock) {
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
  Block *first = sharedBlock(actor, address, ownBlock);
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

void commitStores(Warp &warp, Mask mask) {
  BulkGroups &groups = warp.block.unit<BulkGroups>();
  for (Mask rest = mask; rest; rest &= rest - 1)
    ++groups.thread(warp, unsigned(std::countr_zero(rest))).committed;
}

void waitForStores(Warp &warp, Mask mask, uint32_t remaining, bool onlyRead) {
  BulkGroups &groups = warp.block.unit<BulkGroups>();
  for (Mask rest = mask; rest; rest &= rest - 1)
    groups.wait(warp, unsigned(std::countr_zero(rest)), remaining, onlyRead);
}

} // namespace attune::sim
