// SPDX-License-Identifier: Apache-2.0
// Registers at a warp's start, and the stack of paths of a warp whose lanes have diverged.
#include "runtime/sim/machine/Warp.h"

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/machine/SpecialRegisters.h"

#include <algorithm>

namespace attune::sim {

/// What registers hold that nothing has written: a NaN that is easily recognised.
static constexpr uint32_t unwritten = 0x7fffdead;
static constexpr size_t rowAlignment = 64;

Warp::Warp(Block &block, unsigned index, Mask lanes)
    : block(block), index(index), live(lanes), active(lanes),
      end(uint32_t(block.launch.program.code.size())), reconverge(end) {
  const Program &program = block.launch.program;
  storage.assign(size_t(program.rows) * warpSize + rowAlignment / sizeof(uint32_t), unwritten);
  uintptr_t address = reinterpret_cast<uintptr_t>(storage.data());
  uintptr_t aligned = (address + rowAlignment - 1) / rowAlignment * rowAlignment;
  file = storage.data() + (aligned - address) / sizeof(uint32_t);
  predicates.assign(program.predicates, 0);
  if (program.predicates > 1)
    predicates[1] = allLanes;
  if (!program.tensorRows.empty())
    tensorRows.assign(program.rows, 0);
  for (const Preset &preset : program.presets)
    fill(preset);
}

void Warp::fill(const Preset &preset) {
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    uint64_t value = preset.value;
    switch (preset.kind) {
    case Preset::Kind::Special:
      value = specialValue(*this, ptx::Special(preset.value), lane);
      break;
    case Preset::Kind::Shared: value += block.sharedBase(); break;
    case Preset::Kind::Global: value = block.launch.globals[preset.value]; break;
    case Preset::Kind::Constant:
    case Preset::Kind::Local:
    case Preset::Kind::Param: break;
    }
    value += uint64_t(preset.offset);
    if (preset.wide)
      lanes64(preset.row)[lane] = value;
    else
      lanes32(preset.row)[lane] = uint32_t(value);
  }
}

void Warp::jump(Mask mask, uint32_t target, const Instruction &instruction) {
  if (mask == active)
    counter = target;
  else
    diverge(mask, target, instruction.reconverge);
}

void Warp::diverge(Mask taken, uint32_t target, uint32_t meeting) {
  Path jumping{target, meeting, taken};
  Path falling{counter + 1, meeting, active & ~taken};
  if (block.launch.options.split) {
    // Nobody meets: both sides go their own way until a .sync instruction gathers them.
    if (starvesLanes() && (taken & leading(active)) == 0)
      std::swap(jumping, falling);
    paths.push_back(falling);
    set(jumping);
    return;
  }
  // Lanes that are at the meeting place already wait for the others there; if this path ends there
  // too, the path that goes on with all of them is on the stack already.
  if (reconverge != meeting)
    paths.push_back({meeting, reconverge, active});
  // Which side runs first is not defined; the seed decides, so that no kernel relies on it.
  if (((block.launch.options.seed ^ counter) & 1) != 0)
    std::swap(jumping, falling);
  if (falling.counter != meeting)
    paths.push_back(falling);
  if (jumping.counter != meeting) {
    set(jumping);
    return;
  }
  set(paths.back());
  paths.pop_back();
}

Mask Warp::leading(Mask lanes) const {
  Mask lowest = lanes & -lanes;
  return (block.launch.options.seed & 1) != 0 ? lowest : lanes & ~lowest;
}

Mask Warp::part(Mask mask) {
  if (!starvesLanes() || mask != live || leading(live) == 0)
    return mask;
  Mask first = leading(live);
  if (first == live)
    return mask;
  paths.push_back({counter, reconverge, live & ~first});
  active = first;
  return first;
}

bool Warp::join() {
  if (block.launch.options.split || counter != reconverge || paths.empty())
    return false;
  set(paths.back());
  paths.pop_back();
  // Lanes may have exited on the way.
  active &= live;
  if (!active)
    resumeAnother();
  return true;
}

void Warp::set(const Path &path) {
  counter = path.counter;
  reconverge = path.reconverge;
  active = path.active;
}

void Warp::resumeAnother() {
  while (!active && !paths.empty()) {
    set(paths.back());
    waiting = paths.back().waiting;
    paths.pop_back();
    active &= live;
  }
}

void Warp::exit(Mask mask) {
  live &= ~mask;
  active &= ~mask;
  if (!active)
    resumeAnother();
  else
    ++counter;
}

bool Warp::gather(Mask mask) {
  if ((mask & live & ~active) == 0 || !block.launch.options.split)
    return false;
  for (size_t i = 0; i < paths.size();) {
    paths[i].active &= live;
    if (paths[i].counter == counter || !paths[i].active) {
      active |= paths[i].active;
      paths.erase(paths.begin() + std::ptrdiff_t(i));
    } else {
      ++i;
    }
  }
  if ((mask & live & ~active) == 0)
    return true;
  // Lanes that need not wait come here first; then those that wait.
  auto comes = [&](const Path &path) { return (path.active & mask) && !path.parked; };
  auto other = std::find_if(paths.begin(), paths.end(),
                            [&](const Path &path) { return comes(path) && path.waiting.isNone(); });
  if (other == paths.end())
    other = std::find_if(paths.begin(), paths.end(), comes);
  // All others wait at another such place for lanes that are here: they never meet.
  if (other == paths.end())
    return false;
  exchange(*other, true);
  if (starvesLanes() && waiting.isNone())
    waiting.kind = WaitKey::Kind::Rest;
  return true;
}

void Warp::exchange(Path &other, bool parked) {
  Path mine{counter, reconverge, active, parked, waiting};
  set(other);
  waiting = other.waiting;
  other = mine;
}

bool Warp::starvesLanes() const {
  const Options &options = block.launch.options;
  return options.split && options.schedule == Schedule::StarveOne;
}

bool Warp::runOthers() {
  if (!waits() || !block.launch.options.split)
    return false;
  for (Path &path : paths)
    if (!path.parked && path.waiting.isNone()) {
      exchange(path, false);
      return true;
    }
  return false;
}

bool Warp::endRest() {
  if (waiting.kind != WaitKey::Kind::Rest)
    return runOthers();
  waiting = {};
  return true;
}

void Warp::wake(const WaitKey &key) {
  if (waiting == key) {
    waiting = {};
    woken = true;
  }
  for (Path &path : paths)
    if (path.waiting == key)
      path.waiting = {};
  if (waits() && !starvesLanes())
    runOthers();
}

Party Warp::party(const Instruction &instruction, Mask lanes) const {
  return {instruction.line, block.index, int(index), lanes};
}

void Warp::report(FindingKind kind, const Instruction &instruction, Mask lanes,
                  const std::string &message, std::optional<uint64_t> address, Severity severity,
                  Party other) {
  Finding finding;
  finding.kind = kind;
  finding.severity = severity;
  finding.party = party(instruction, lanes);
  finding.other = other;
  finding.hasAddress = address.has_value();
  finding.address = address.value_or(0);
  finding.message = message;
  block.launch.findings.add(std::move(finding));
}

LineCounters &Warp::counters(const Instruction &instruction) {
  return block.cluster.counters.lines[size_t(&instruction - block.launch.program.code.data())];
}

} // namespace attune::sim
