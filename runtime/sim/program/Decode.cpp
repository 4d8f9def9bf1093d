// SPDX-License-Identifier: Apache-2.0
// Decodes a function statement by statement, one instruction each.
#include "runtime/sim/ops/Ops.h"
#include "runtime/sim/program/ControlFlow.h"
#include "runtime/sim/program/Decoder.h"

#include <algorithm>

namespace attune::sim {

static void copyFrame(Program &program, const ptx::Module &module, const ptx::Function &function) {
  program.name = function.name;
  program.target = module.target;
  program.targetSuffix = module.targetSuffix;
  program.parameters = function.parameters;
  program.parameterBytes = function.parameterBytes;
  std::copy_n(function.requiredThreads, 3, program.requiredThreads);
  std::copy_n(function.maximumThreads, 3, program.maximumThreads);
  std::copy_n(function.requiredCluster, 3, program.requiredCluster);
  program.registers = registersAtStart(function);
}

/// Each brx.idx has a copy of its list: one long list that many name would take all memory.
static void checkBranchTables(const ptx::Function &function) {
  constexpr uint64_t most = 1 << 20;
  uint64_t total = 0;
  for (const ptx::Statement &statement : function.statements)
    for (const ptx::Operand &operand : statement.operands)
      if (operand.kind == ptx::Operand::Kind::TargetList) {
        total += function.branchTargets[operand.index].size();
        if (total > most)
          throw LoadError(statement.line, "the lists of targets of all branches have more than " +
                                              std::to_string(most) + " labels");
      }
}

std::unique_ptr<Program> decode(const ptx::Module &module, const ptx::Function &function) {
  auto program = std::make_unique<Program>();
  copyFrame(*program, module, function);
  checkBranchTables(function);
  program->code.reserve(function.statements.size());
  program->uses.reserve(function.statements.size());
  Decoder decoder(*program, module, function);
  const InstructionSet &known = instructionSet();
  for (const ptx::Statement &statement : function.statements) {
    decoder.begin(statement);
    auto found = known.find(statement.opcode.front());
    if (found == known.end())
      decoder.fail("the simulator does not know this instruction");
    found->second(decoder);
    decoder.endModifiers();
  }
  markMeetings(*program, function);
  markBranchTargets(*program, function);
  markTensorRegisters(*program);
  return program;
}

} // namespace attune::sim
