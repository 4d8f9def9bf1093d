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
}

std::unique_ptr<Program> decode(const ptx::Module &module, const ptx::Function &function) {
  auto program = std::make_unique<Program>();
  copyFrame(*program, module, function);
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
