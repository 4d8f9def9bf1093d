// SPDX-License-Identifier: Apache-2.0
// What do the four warps of a warpgroup have under way on the tensor core? Products in the order of
// their issue, groups of them, and the registers that they use.
//
// A warp issues its share of a product and goes on; the product is under way when all four have. So
// warps need not meet, but each has to execute the same instructions in the same order, and a wait
// for a group waits for the others' shares.
#pragma once

#include "runtime/sim/machine/Block.h"
#include "runtime/sim/numerics/MatrixLayouts.h"
#include "runtime/sim/ops/TensorTypes.h"

#include <array>
#include <deque>
#include <memory>
#include <vector>

namespace attune::sim {

constexpr unsigned warpgroupWarps = 4;

/// wgmma.mma_async.
struct WgmmaDetail : Detail {
  TensorRule rule;
  unsigned n = 0;
  std::vector<Row> accumulators;
  /// A in registers, or its descriptor.
  std::vector<Row> a;
  Row descriptorA = noOperand, descriptorB = noOperand;
  bool kMajorA = true, kMajorB = true;
  PredicateOperand accumulate;

  /// Products of one shape may follow each other on the same accumulators without a fence.
  bool sameShape(const WgmmaDetail &other) const {
    return n == other.n && rule.terms == other.rule.terms && rule.result == other.rule.result;
  }
};

class Warpgroup;

/// A product from its first share until it has taken effect.
class WgmmaProduct : public AsyncWork {
public:
  WgmmaProduct(Warpgroup &warpgroup, const Instruction &instruction, uint64_t number, Epoch epoch)
      : warpgroup(warpgroup), instruction(instruction),
        detail(static_cast<const WgmmaDetail &>(*instruction.detail)), number(number),
        epoch(epoch) {}

  void complete() override;
  /// Products of a warpgroup take effect in order.
  bool ready() const override;
  bool completesUnasked() const override { return false; }

  /// Notes what a warp's share reads in shared memory, and checks that it may. `place` is that of
  /// the warp in the warpgroup.
  void noteReads(Warp &warp, unsigned place);

  Warpgroup &warpgroup;
  const Instruction &instruction;
  const WgmmaDetail &detail;
  /// Counts the warpgroup's products from 1.
  const uint64_t number;
  /// What a wait has to cover.
  const Epoch epoch;
  uint64_t bitsA = 0, bitsB = 0;
  bool accumulate = false, done = false;
  /// Shares that have been issued.
  unsigned shares = 0;

private:
  struct Range {
    uint32_t address, bytes;
  };
  static void addPiece(std::vector<Range> &ranges, uint32_t address);
  void addMatrix(std::vector<Range> &ranges, uint64_t bits, bool kMajor, unsigned first,
                 unsigned count) const;
  uint64_t read(Warp &warp, const std::vector<Range> &ranges) const;
  bool knowsAsMuch(const Warp &warp) const;
  /// The bytes of a row of 16 at an address within a descriptor's 256 KB; null out of bounds.
  const uint8_t *at(uint32_t address) const;
  uint32_t base() const;
  void gatherA(const MatrixDescriptor &descriptor, unsigned place, uint32_t registers[4][32]) const;
  void gatherB(const MatrixDescriptor &descriptor, unsigned tile, uint32_t registers[2][32]) const;
  void multiplyTile(Warp &warp, unsigned tile, const TensorRule &rule, const TensorA &a,
                    const TensorB &b) const;
  void multiplyIntegerTile(Warp &warp, unsigned tile, const uint32_t *const a[4],
                           const uint32_t *const b[2]) const;

  std::vector<Range> rangesB;
  /// The warp for which the reads of B were checked, and what it knew.
  const Warp *reader = nullptr;
  Knowledge known;
};

/// What one warp of a warpgroup has done.
struct WarpgroupMember {
  /// The place in the warpgroup's sequence of instructions that it has reached.
  uint64_t step = 0;
  /// The last product that it has a share in, and that it has committed.
  uint64_t last = 0, committed = 0;
  Epoch lastEpoch = 0;
  /// Committed groups that no wait has covered: their last product.
  struct Group {
    uint64_t last;
    Epoch epoch;
  };
  std::deque<Group> groups;
  /// Products that no wait has covered.
  std::deque<std::shared_ptr<WgmmaProduct>> products;
  bool fenced = false;
  /// For each row: the last product that uses it.
  std::vector<const WgmmaProduct *> users;
};

class Warpgroup {
public:
  Warpgroup(Block &block, unsigned number);

  /// The next instruction of `warp`, the same for all four. False when it is not what the others
  /// executed, which is reported; then nothing of wgmma works for this warpgroup any more.
  bool follows(Warp &warp, const Instruction &instruction, Mask mask);
  /// The warp is done with the instruction that it was asked for last.
  void advance(Warp &warp);

  void fence(Warp &warp);
  void issue(Warp &warp, const Instruction &instruction);
  void commit(Warp &warp);
  /// False when the other warps have to go on first.
  bool wait(Warp &warp, unsigned remaining);

  /// Checks what an ordinary instruction touches.
  void touch(Warp &warp, const Instruction &instruction, const RegisterUse &use, Mask mask);

  void atExit();
  std::string describe() const;

  Block &block;
  const unsigned number;
  /// Of products that have taken effect.
  uint64_t completed = 0;
  Warp &warp(unsigned place) { return block.warps[number * warpgroupWarps + place]; }
  /// Room for the operands of a product.
  struct Scratch {
    TensorA a[warpgroupWarps];
    TensorB b;
  };
  Scratch &scratch();

private:
  WarpgroupMember &member(const Warp &warp) { return members[warp.index % warpgroupWarps]; }
  bool isWhole(Warp &warp, const Instruction &instruction, Mask mask);
  std::shared_ptr<WgmmaProduct> join(Warp &warp, const Instruction &instruction);
  uint64_t uniform(Warp &warp, const Instruction &instruction, Row row);
  void claimRegisters(Warp &warp, const WgmmaProduct &product);
  void reportBusy(Warp &warp, const Instruction &instruction, Mask mask, Row row, const char *what);
  void release(Warp &warp, uint64_t upTo);
  WaitKey key() const;

  struct Step {
    const Instruction *instruction;
    std::shared_ptr<WgmmaProduct> product;
  };
  Agent agent;
  /// Instructions that not all warps have executed; the first has this number.
  std::deque<Step> steps;
  uint64_t firstStep = 0;
  std::array<WarpgroupMember, warpgroupWarps> members;
  /// Products that were begun, and those that all four have a share in.
  uint64_t begun = 0, underWay = 0;
  bool broken = false;
  std::unique_ptr<Scratch> room;
};

/// The warpgroups of a block.
class Warpgroups : public Unit {
public:
  explicit Warpgroups(Block &block);
  void atExit(Block &block) override;
  std::string describe() const override;
  Warpgroup &of(const Warp &warp) { return groups[warp.index / warpgroupWarps]; }

private:
  std::deque<Warpgroup> groups;
};

} // namespace attune::sim
