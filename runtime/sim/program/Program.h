// SPDX-License-Identifier: Apache-2.0
// What does the machine execute? One entry function, decoded: every instruction is a record with
// the function that carries it out and the rows of the register file that it works on.
#pragma once

#include "runtime/sim/ptx/Syntax.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace attune::sim {

class Warp;
struct Instruction;

/// Bit l is lane l.
using Mask = uint32_t;
inline constexpr unsigned warpSize = 32;
inline constexpr Mask allLanes = ~Mask(0);

/// A row of a warp's register file: 32 lanes of 4 bytes. A 64-bit register is 32 lanes of 8 bytes in
/// two rows that follow each other, a 128-bit one 32 lanes of 16 bytes in four. A 16-bit register is
/// the low half of a row's lanes, the high half 0. Constants, special registers that do not change
/// and addresses of variables are rows too, so that no operand needs a branch.
using Row = uint32_t;
/// Predicates are kept apart, one Mask each.
using PredicateIndex = uint32_t;
inline constexpr uint32_t noOperand = ~0u;

enum class Outcome : uint8_t {
  /// Go on behind this instruction.
  Next,
  /// The handler has set the program counter and the lanes.
  Jumped,
  /// Cannot go on now; execute this instruction again when the warp is woken.
  Blocked,
  /// Like Next, but another warp should run first.
  Yield,
};

/// Carries out an instruction for the lanes of `mask`, which is not 0 unless the instruction has
/// the flag RunsEmpty.
using Handler = Outcome (*)(Warp &warp, const Instruction &instruction, Mask mask);

/// For counters.
enum class InstructionClass : uint8_t {
  Alu,
  Fma,
  Special,
  Tensor,
  Convert,
  Shared,
  Global,
  Local,
  Param,
  Async,
  Synchronize,
  Control,
};
inline constexpr unsigned instructionClassCount = 12;

enum InstructionFlag : uint16_t {
  /// Every lane of the warp that has not exited has to execute it together (.aligned, wgmma, ...).
  Aligned = 1,
  /// Lanes that diverged may meet here again: the immediate post-dominator of some branch.
  Joins = 2,
  /// Is executed even when no lane is on.
  RunsEmpty = 4,
  /// Reads or writes a register that a wgmma of this kernel reads or writes: see Warp::tensorRows.
  TouchesTensorRegisters = 8,
  /// A synchronising instruction of the warp (.sync): where split lanes meet.
  WarpSync = 16,
  /// mul, and add or sub, without rounding modifiers: may be fused when Options::contract is set.
  MayContract = 32,
  /// Some branch may lead here.
  BranchTarget = 64,
};

/// What does not fit into an instruction's record.
struct Detail {
  virtual ~Detail() = default;
};

struct Instruction {
  Handler run = nullptr;
  Row dst = noOperand;
  Row a = noOperand, b = noOperand, c = noOperand;
  int64_t immediate = 0;
  const Detail *detail = nullptr;
  /// Of a branch: the instruction that it goes to; for divergent ones `reconverge` is where lanes
  /// meet again (Program::code.size(): at the exit).
  uint32_t target = 0, reconverge = 0;
  uint32_t line = 0;
  static constexpr uint16_t unguarded = 0xffff;
  uint16_t guard = unguarded;
  bool guardNegated = false;
  InstructionClass kind = InstructionClass::Alu;
  uint16_t flags = 0;
};

/// A row that is filled when a warp starts.
struct Preset {
  enum class Kind : uint8_t { Constant, Special, Shared, Local, Global, Param } kind;
  Row row;
  bool wide;
  /// The constant; an offset into shared, local or parameter memory; for Special a ptx::Special; for
  /// Global the variable's index in Program::globals, with `offset` added.
  uint64_t value;
  int64_t offset = 0;
};

/// Registers (rows) that an instruction reads and writes, for analyses at load time.
struct RegisterUse {
  std::vector<Row> reads, writes;
};

struct Program {
  std::string name;
  /// sm_90a: 90 and 'a'.
  uint32_t target = 0;
  char targetSuffix = 0;
  std::vector<Instruction> code;
  /// In the order of code.
  std::vector<RegisterUse> uses;
  uint32_t rows = 0, predicates = 0;
  std::vector<Preset> presets;
  /// Shared with copies of the program.
  std::vector<std::shared_ptr<const Detail>> details;
  /// Parameters, as the driver would pass them.
  std::vector<ptx::Variable> parameters;
  uint64_t parameterBytes = 0;
  /// .global and .const variables that the function names.
  std::vector<ptx::Variable> globals;
  /// Bytes of static shared memory, up to where dynamic memory begins: a multiple of
  /// `sharedAlignment` when the program has dynamic memory.
  uint64_t staticSharedBytes = 0;
  uint32_t sharedAlignment = 16;
  uint64_t localBytes = 0;
  uint32_t requiredThreads[3] = {0, 0, 0};
  uint32_t maximumThreads[3] = {0, 0, 0};
  uint32_t requiredCluster[3] = {0, 0, 0};
  /// Of a thread, when a block starts; 0: the directives leave that to ptxas. See setmaxnreg.
  uint32_t registers = 0;
  /// Rows that some wgmma reads or writes; empty when there is none. Indexed by row.
  std::vector<bool> tensorRows;
};

} // namespace attune::sim
