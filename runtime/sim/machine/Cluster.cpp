// SPDX-License-Identifier: Apache-2.0
// Which warp runs, for how long, and what happens when none can?
#include "runtime/sim/machine/Block.h"

#include "runtime/sim/ops/Barriers.h"
#include "runtime/sim/ops/Wgmma.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

Cluster::Cluster(const Launch &launch, std::array<uint32_t, 3> first, uint64_t seed,
                 Counters &counters)
    : launch(launch), counters(counters), queue(launch.options.completion, seed), random(seed) {
  uint32_t rank = 0;
  for (uint32_t z = 0; z < launch.cluster[2]; ++z)
    for (uint32_t y = 0; y < launch.cluster[1]; ++y)
      for (uint32_t x = 0; x < launch.cluster[0]; ++x)
        blocks.emplace_back(*this, std::array{first[0] + x, first[1] + y, first[2] + z}, rank++);
  for (Block &block : blocks)
    for (Warp &warp : block.warps)
      warps.push_back(&warp);
  yielded.assign(warps.size(), false);
  starved = random() % warps.size();
  counters.blocks += blocks.size();
  counters.warps += warps.size();
}

Block *Cluster::blockOf(uint64_t sharedAddress) {
  uint64_t rank = sharedAddress >> sharedRankShift;
  return rank < blocks.size() ? &blocks[rank] : nullptr;
}

void Cluster::wake(const WaitKey &key) {
  for (Warp *warp : warps)
    warp->wake(key);
}

void Cluster::run() {
  while (!stopped && !launch.isOver()) {
    Warp *warp = chooseWarp();
    if (warp) {
      run(*warp, chooseQuantum());
      queue.drift();
    } else if (!unblock()) {
      break;
    }
  }
  bool allDone = true;
  for (Warp *warp : warps)
    allDone &= warp->finished();
  if (!allDone && !stopped && !launch.isOver())
    reportDeadlock();
  if (!allDone)
    return;
  for (Block &block : blocks)
    for (const auto &unit : block.allUnits())
      if (unit)
        unit->atExit(block);
  queue.completeAll();
}

Warp *Cluster::chooseWarp() {
  std::vector<size_t> &able = candidates;
  able.clear();
  for (size_t i = 0; i < warps.size(); ++i)
    if (!warps[i]->finished() && !warps[i]->waits() && !yielded[i])
      able.push_back(i);
  if (able.empty())
    return nullptr;
  size_t chosen = able.front();
  switch (launch.options.schedule) {
  case Schedule::RoundRobin:
    for (size_t i : able)
      if (i > lastWarp) {
        chosen = i;
        break;
      }
    break;
  case Schedule::Random: chosen = able[random() % able.size()]; break;
  case Schedule::LowestFirst: break;
  case Schedule::HighestFirst: chosen = able.back(); break;
  case Schedule::StarveOne:
    if (chosen == starved && able.size() > 1)
      chosen = able[1];
    for (size_t i : able)
      if (i > lastWarp && i != starved) {
        chosen = i;
        break;
      }
    break;
  }
  lastWarp = chosen;
  return warps[chosen];
}

uint64_t Cluster::chooseQuantum() {
  switch (launch.options.schedule) {
  case Schedule::Random: return 1 + random() % 200;
  case Schedule::RoundRobin:
  case Schedule::StarveOne: return 64;
  case Schedule::LowestFirst:
  case Schedule::HighestFirst: break;
  }
  return ~uint64_t(0);
}

bool Cluster::unblock() {
  bool someoneYielded = false;
  for (size_t i = 0; i < warps.size(); ++i) {
    someoneYielded |= yielded[i] && !warps[i]->finished();
    yielded[i] = false;
  }
  return queue.completeOne() || runStarvedLanes() || someoneYielded;
}

bool Cluster::runStarvedLanes() {
  // One warp at a time. The lowest ones, which most often copy for others, are kept back longest.
  return std::any_of(warps.rbegin(), warps.rend(), [](Warp *warp) { return warp->endRest(); });
}

bool Cluster::prepare(Warp &warp, const Instruction &instruction, Mask mask) {
  if (instruction.flags & Aligned && mask != warp.live) {
    if (warp.gather(warp.live))
      return false;
    warp.report(
        FindingKind::BarrierMisuse, instruction, mask,
        "an instruction that all lanes of a warp have to execute together was executed by " +
            std::to_string(std::popcount(mask)) + " of " +
            std::to_string(std::popcount(warp.live)) + "; move it out of the divergent branch");
  }
  if (instruction.flags & TouchesTensorRegisters && launch.options.checks) {
    const Program &program = launch.program;
    size_t index = size_t(&instruction - program.code.data());
    checkTensorRegisters(warp, instruction, program.uses[index], mask);
  }
  return true;
}

void Cluster::run(Warp &warp, uint64_t quantum) {
  const Instruction *code = launch.program.code.data();
  const uint32_t end = uint32_t(launch.program.code.size());
  const bool counting = launch.options.counters;
  for (; quantum != 0 && warp.live != 0 && !warp.waits(); --quantum) {
    if (warp.counter >= end) {
      warp.exit(warp.active);
      continue;
    }
    const Instruction &instruction = code[warp.counter];
    if (instruction.flags & Joins && warp.join())
      continue;
    Mask mask = warp.active;
    if (instruction.guard != Instruction::unguarded) {
      Mask guard = warp.predicate(instruction.guard);
      mask &= instruction.guardNegated ? ~guard : guard;
    }
    if (++executed > launch.options.instructionLimit)
      return reportHang(warp);
    if (mask == 0 && !(instruction.flags & RunsEmpty)) {
      if (counting) {
        ++counters.lines[warp.counter].executed;
        counters.lines[warp.counter].lanesOff += warpSize;
      }
      ++warp.counter;
      continue;
    }
    if (instruction.flags & (Aligned | TouchesTensorRegisters) && !prepare(warp, instruction, mask))
      continue;
    if (counting && !warp.woken) {
      ++counters.lines[warp.counter].executed;
      counters.lines[warp.counter].lanesOff += uint64_t(warpSize - std::popcount(mask));
    }
    Outcome outcome = instruction.run(warp, instruction, mask);
    // A warp that blocks may have been woken by what it did itself.
    if (outcome != Outcome::Blocked)
      warp.woken = false;
    switch (outcome) {
    case Outcome::Next: ++warp.counter; break;
    case Outcome::Jumped: break;
    case Outcome::Blocked:
      ++counters.lines[warp.counter].waits;
      if (!warp.starvesLanes() && warp.runOthers())
        break;
      return;
    case Outcome::Yield:
      ++warp.counter;
      yielded[lastWarp] = true;
      return;
    }
  }
  if (warp.finished())
    atWarpExit(warp);
}

void Cluster::atWarpExit(Warp &warp) {
  // Barriers without a count wait for the threads that have not exited.
  warp.block.unit<NamedBarriers>().atWarpExit(warp.block);
}

void Cluster::reportHang(Warp &warp) {
  stopped = true;
  const Instruction &instruction = launch.program.code[warp.counter];
  warp.report(FindingKind::Hang, instruction, warp.active,
              "stopped after " + std::to_string(launch.options.instructionLimit) +
                  " warp instructions of one cluster; a loop may not end");
}

void Cluster::reportDeadlock() {
  std::string message = "no warp can run and no copy is pending";
  Warp *first = nullptr;
  for (Warp *warp : warps) {
    if (warp->finished())
      continue;
    if (!first)
      first = warp;
    uint32_t line = launch.program.code[warp->counter].line;
    message += "; block rank " + std::to_string(warp->block.rank) + " warp " +
               std::to_string(warp->index) + " waits at line " + std::to_string(line) + ": " +
               std::string(launch.module.line(line));
  }
  for (Block &block : blocks)
    for (const auto &unit : block.allUnits())
      if (unit) {
        std::string state = unit->describe();
        if (!state.empty())
          message += "; " + state;
      }
  const Instruction &instruction = launch.program.code[first->counter];
  first->report(FindingKind::Deadlock, instruction, first->active, message);
}

} // namespace attune::sim
