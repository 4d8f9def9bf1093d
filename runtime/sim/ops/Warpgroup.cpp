// SPDX-License-Identifier: Apache-2.0
// The order of a warpgroup's instructions, groups of products and waits for them, and who uses
// which registers (PTX ISA, "Asynchronous Warpgroup Level Matrix Multiply-Accumulate").
#include "runtime/sim/ops/Warpgroup.h"

#include "runtime/sim/ops/Wgmma.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

/// States of Warp::tensorRows; bits.
enum TensorRowState : uint8_t {
  /// A product under way writes it.
  Accumulating = 1,
  /// A product under way reads it as operand A.
  Reading = 2,
  /// An ordinary instruction has read or written it since the last wgmma.fence.
  Touched = 4,
};

Warpgroup::Warpgroup(Block &block, unsigned number)
    : block(block), number(number), agent(block.cluster.clocks.add()) {
  for (WarpgroupMember &member : members)
    member.users.assign(block.launch.program.rows, nullptr);
}

Warpgroup::Scratch &Warpgroup::scratch() {
  if (!room)
    room = std::unique_ptr<Scratch>(new Scratch);
  return *room;
}

WaitKey Warpgroup::key() const { return {WaitKey::Kind::Warpgroup, block.rank, number}; }

//===-- The sequence of instructions ---===//

bool Warpgroup::isWhole(Warp &warp, const Instruction &instruction, Mask mask) {
  if (block.warps.size() < (number + 1) * warpgroupWarps) {
    warp.report(FindingKind::WarpgroupMisuse, instruction, mask,
                "wgmma needs four whole warps, and the block has " +
                    std::to_string(block.warps.size() - number * warpgroupWarps) +
                    " in its last warpgroup; launch a multiple of 128 threads");
    return false;
  }
  if (mask != allLanes) {
    warp.report(FindingKind::WarpgroupMisuse, instruction, mask,
                "wgmma was executed by " + std::to_string(std::popcount(mask)) +
                    " lanes of a warp, expected all 32 of all four warps");
    return false;
  }
  return true;
}

bool Warpgroup::follows(Warp &warp, const Instruction &instruction, Mask mask) {
  if (broken)
    return false;
  broken = !isWhole(warp, instruction, mask);
  if (broken) {
    block.cluster.wake(key());
    return false;
  }
  WarpgroupMember &own = member(warp);
  if (own.step == firstStep + steps.size())
    steps.push_back({&instruction, nullptr});
  const Instruction *expected = steps[own.step - firstStep].instruction;
  if (expected == &instruction)
    return true;
  Party other;
  for (unsigned place = 0; place < warpgroupWarps; ++place)
    if (members[place].step > own.step)
      other = this->warp(place).party(*expected, allLanes);
  warp.report(FindingKind::WarpgroupMisuse, instruction, mask,
              "the warps of a warpgroup execute different wgmma instructions: another one "
              "executed that of line " +
                  std::to_string(expected->line) +
                  " here\nfix: keep the four warps on the same path; the warp index has to be "
                  "divided by 4 before roles are chosen",
              {}, Severity::Error, other);
  broken = true;
  block.cluster.wake(key());
  return false;
}

void Warpgroup::advance(Warp &warp) {
  ++member(warp).step;
  uint64_t slowest = member(warp).step;
  for (const WarpgroupMember &each : members)
    slowest = std::min(slowest, each.step);
  for (; firstStep < slowest; ++firstStep)
    steps.pop_front();
}

//===-- Products and groups ---===//

void Warpgroup::fence(Warp &warp) {
  member(warp).fenced = true;
  for (uint8_t &state : warp.tensorRows)
    state &= uint8_t(~Touched);
}

/// A value that has to be the same in all lanes.
uint64_t Warpgroup::uniform(Warp &warp, const Instruction &instruction, Row row) {
  if (row == noOperand)
    return 0;
  const uint64_t *lanes = warp.lanes64(row);
  Mask different = 0;
  for (unsigned lane = 1; lane < warpSize; ++lane)
    different |= Mask(lanes[lane] != lanes[0]) << lane;
  if (different)
    warp.report(FindingKind::WarpgroupMisuse, instruction, different,
                "a matrix descriptor differs between the lanes of a warp");
  return lanes[0];
}

/// Bits that no field of a matrix descriptor uses.
static constexpr uint64_t reservedBits = 0x3ff1c000c000c000;

std::shared_ptr<WgmmaProduct> Warpgroup::join(Warp &warp, const Instruction &instruction) {
  const auto &detail = static_cast<const WgmmaDetail &>(*instruction.detail);
  uint64_t a = uniform(warp, instruction, detail.descriptorA);
  uint64_t b = uniform(warp, instruction, detail.descriptorB);
  Mask accumulate = warp.predicate(detail.accumulate.index);
  if (detail.accumulate.negated)
    accumulate = ~accumulate;
  if (accumulate != 0 && accumulate != allLanes)
    warp.report(FindingKind::WarpgroupMisuse, instruction, accumulate,
                "scale-d differs between the lanes of a warp");
  std::shared_ptr<WgmmaProduct> &product = steps[member(warp).step - firstStep].product;
  if (!product) {
    product = std::make_shared<WgmmaProduct>(*this, instruction, ++begun,
                                             block.cluster.clocks.tick(agent));
    product->bitsA = a;
    product->bitsB = b;
    product->accumulate = accumulate != 0;
    for (uint64_t bits : {a, b})
      if (bits & reservedBits)
        warp.report(FindingKind::BadDescriptor, instruction, allLanes,
                    "a matrix descriptor has bits outside of its fields; an address may have "
                    "run over its 14 bits");
  } else if (product->bitsA != a || product->bitsB != b ||
             product->accumulate != (accumulate != 0)) {
    warp.report(FindingKind::WarpgroupMisuse, instruction, allLanes,
                "the warps of a warpgroup have different descriptors or scale-d for one product");
  }
  return product;
}

void Warpgroup::issue(Warp &warp, const Instruction &instruction) {
  std::shared_ptr<WgmmaProduct> product = join(warp, instruction);
  WarpgroupMember &own = member(warp);
  if (block.launch.options.checks)
    claimRegisters(warp, *product);
  product->noteReads(warp, warp.index % warpgroupWarps);
  own.last = product->number;
  own.lastEpoch = product->epoch;
  own.products.push_back(product);
  if (block.launch.options.counters)
    warp.counters(instruction).tensorFlops +=
        uint64_t(2) * 16 * product->detail.n * product->detail.rule.terms;
  if (++product->shares < warpgroupWarps)
    return;
  underWay = product->number;
  block.cluster.queue.issue(product);
  block.cluster.wake(key());
}

void Warpgroup::commit(Warp &warp) {
  WarpgroupMember &own = member(warp);
  own.groups.push_back({own.last, own.lastEpoch});
  own.committed = own.last;
}

bool Warpgroup::wait(Warp &warp, unsigned remaining) {
  WarpgroupMember &own = member(warp);
  if (own.groups.size() <= remaining)
    return true;
  size_t covered = own.groups.size() - remaining;
  WarpgroupMember::Group group = own.groups[covered - 1];
  if (group.last > underWay) {
    warp.waitFor(key());
    return false;
  }
  release(warp, group.last);
  if (group.epoch)
    block.cluster.clocks.acquire(warp.agent, group.epoch);
  own.groups.erase(own.groups.begin(), own.groups.begin() + std::ptrdiff_t(covered));
  return true;
}

/// Products up to this one are done for this warp.
void Warpgroup::release(Warp &warp, uint64_t upTo) {
  WarpgroupMember &own = member(warp);
  for (; !own.products.empty() && own.products.front()->number <= upTo; own.products.pop_front()) {
    std::shared_ptr<WgmmaProduct> product = own.products.front();
    if (!product->done)
      block.cluster.queue.finish(product);
    auto free = [&](const std::vector<Row> &rows) {
      for (Row row : rows)
        if (own.users[row] == product.get()) {
          own.users[row] = nullptr;
          warp.tensorRows[row] &= uint8_t(~(Accumulating | Reading));
        }
    };
    free(product->detail.accumulators);
    free(product->detail.a);
  }
}

//===-- Registers ---===//

void Warpgroup::reportBusy(Warp &warp, const Instruction &instruction, Mask mask, Row row,
                           const char *what) {
  const WgmmaProduct *user = member(warp).users[row];
  Party other;
  std::string text = what;
  if (user) {
    other = warp.party(user->instruction, allLanes);
    text += " that the wgmma of line " + std::to_string(user->instruction.line) +
            " may still use\nfix: wgmma.wait_group before it, for the group of that wgmma";
  }
  warp.report(FindingKind::BusyRegister, instruction, mask, text, {}, Severity::Error, other);
}

void Warpgroup::claimRegisters(Warp &warp, const WgmmaProduct &product) {
  WarpgroupMember &own = member(warp);
  const Instruction &instruction = product.instruction;
  bool touched = !own.fenced;
  for (Row row : product.detail.accumulators) {
    uint8_t &state = warp.tensorRows[row];
    touched |= (state & Touched) != 0;
    if (state & Reading)
      reportBusy(warp, instruction, allLanes, row, "accumulates in a register of A");
    else if (state & Accumulating && !product.detail.sameShape(own.users[row]->detail))
      reportBusy(warp, instruction, allLanes, row,
                 "a product of another shape is accumulated in a register");
    state = uint8_t((state & ~Touched) | Accumulating);
    own.users[row] = &product;
  }
  for (Row row : product.detail.a) {
    uint8_t &state = warp.tensorRows[row];
    touched |= (state & Touched) != 0;
    if (state & Accumulating)
      reportBusy(warp, instruction, allLanes, row, "reads A from an accumulator");
    state = uint8_t((state & ~Touched) | Reading);
    own.users[row] = &product;
  }
  if (touched)
    warp.report(FindingKind::BusyRegister, instruction, allLanes,
                own.fenced ? "uses registers that ordinary instructions have read or written since "
                             "the last wgmma.fence\nfix: wgmma.fence.sync.aligned before it"
                           : "no wgmma.fence came before the first wgmma\nfix: "
                             "wgmma.fence.sync.aligned before it");
}

void Warpgroup::touch(Warp &warp, const Instruction &instruction, const RegisterUse &use,
                      Mask mask) {
  if (broken)
    return;
  const std::vector<bool> &isTensor = block.launch.program.tensorRows;
  auto each = [&](const std::vector<Row> &rows, uint8_t forbidden, const char *what) {
    for (Row row : rows) {
      if (row >= isTensor.size() || !isTensor[row])
        continue;
      uint8_t &state = warp.tensorRows[row];
      if (state & forbidden)
        reportBusy(warp, instruction, mask, row, what);
      state |= Touched;
    }
  };
  each(use.reads, Accumulating, "reads a register");
  each(use.writes, Accumulating | Reading, "writes a register");
}

void checkTensorRegisters(Warp &warp, const Instruction &instruction, const RegisterUse &use,
                          Mask mask) {
  // wgmma itself checks what it uses.
  if (instruction.kind == InstructionClass::Tensor &&
      dynamic_cast<const WgmmaDetail *>(instruction.detail))
    return;
  warp.block.unit<Warpgroups>().of(warp).touch(warp, instruction, use, mask);
}

//===-- At the end ---===//

void Warpgroup::atExit() {
  if (broken)
    return;
  for (unsigned place = 0; place < warpgroupWarps; ++place) {
    WarpgroupMember &each = members[place];
    if (each.products.empty())
      continue;
    const std::shared_ptr<WgmmaProduct> &first = each.products.front();
    Warp &warp = this->warp(place);
    if (first->shares < warpgroupWarps)
      warp.report(FindingKind::WarpgroupMisuse, first->instruction, allLanes,
                  "only " + std::to_string(first->shares) +
                      " of the four warps of the warpgroup executed this wgmma");
    else if (first->number > each.committed)
      warp.report(FindingKind::WarpgroupMisuse, first->instruction, allLanes,
                  "a wgmma was never committed when its warp ended; add wgmma.commit_group and "
                  "wgmma.wait_group",
                  {}, Severity::Warning);
    else
      warp.report(FindingKind::WarpgroupMisuse, first->instruction, allLanes,
                  "nothing waited for a wgmma before its warp ended; add wgmma.wait_group", {},
                  Severity::Warning);
    return;
  }
}

std::string Warpgroup::describe() const {
  if (underWay == begun)
    return "";
  std::string text = "warpgroup " + std::to_string(number) + ": warps ";
  uint64_t furthest = 0;
  for (const WarpgroupMember &each : members)
    furthest = std::max(furthest, each.last);
  std::string late;
  for (unsigned place = 0; place < warpgroupWarps; ++place)
    if (members[place].last < furthest)
      late += (late.empty() ? "" : ", ") + std::to_string(number * warpgroupWarps + place);
  return text + late + " have not executed a wgmma that the others have";
}

Warpgroups::Warpgroups(Block &block) {
  for (unsigned first = 0; first < block.warps.size(); first += warpgroupWarps)
    groups.emplace_back(block, first / warpgroupWarps);
}

void Warpgroups::atExit(Block &block) {
  for (Warpgroup &group : groups)
    group.atExit();
}

std::string Warpgroups::describe() const {
  std::string text;
  for (const Warpgroup &group : groups) {
    std::string one = group.describe();
    if (!one.empty())
      text += (text.empty() ? "" : "; ") + one;
  }
  return text;
}

} // namespace attune::sim
