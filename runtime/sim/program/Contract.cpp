// SPDX-License-Identifier: Apache-2.0
// Walks each basic block and remembers which product a row holds, as long as neither it nor the
// factors have changed.
#include "runtime/sim/program/Contract.h"

#include "runtime/sim/ops/Arithmetic.h"

namespace attune::sim {
namespace {

/// Kernels that belong together.
struct Family {
  LaneKernel mul, add, sub, fma, fms, fnma;
};

class Contractor {
public:
  explicit Contractor(Program &program)
      : program(program), products(program.rows, never), written(program.rows, never) {
    const LaneKernels &best = laneKernels();
    families[0] = {best.mulF32, best.addF32, best.subF32, best.fmaF32, best.fmsF32, best.fnmaF32};
    families[1] = {best.mulF32Ftz, best.addF32Ftz, best.subF32Ftz,
                   best.fmaF32Ftz, best.fmsF32Ftz, best.fnmaF32Ftz};
  }

  void run() {
    for (int64_t i = 0; i < int64_t(program.code.size()); ++i) {
      const Instruction &instruction = program.code[i];
      if (instruction.flags & (BranchTarget | Joins))
        blockBegin = i;
      if (instruction.flags & MayContract)
        fuse(i);
      for (Row row : program.uses[i].writes)
        written[row] = i;
      // Lanes for which it was off hold something else.
      bool isProduct = instruction.flags & MayContract && familyOf(instruction, &Family::mul) &&
                       instruction.guard == Instruction::unguarded;
      if (isProduct)
        products[instruction.dst] = i;
      // Behind a branch other lanes may be on; wgmma changes registers later than it says.
      if (instruction.kind == InstructionClass::Control || instruction.flags & Aligned)
        blockBegin = i + 1;
    }
  }

private:
  static constexpr int64_t never = -1;

  const Family *familyOf(const Instruction &instruction, LaneKernel Family::*member) const {
    LaneKernel kernel = kernelOf(instruction);
    for (const Family &family : families)
      if (kernel && family.*member == kernel)
        return &family;
    return nullptr;
  }

  /// The mul whose product the row still holds and whose factors are still there; null if none.
  const Instruction *productIn(Row row, const Family &family) const {
    int64_t at = products[row];
    if (at < blockBegin || written[row] != at)
      return nullptr;
    const Instruction &mul = program.code[at];
    bool holds = written[mul.a] < at && written[mul.b] < at;
    return holds && kernelOf(mul) == family.mul ? &mul : nullptr;
  }

  void fuse(int64_t at) {
    Instruction &instruction = program.code[at];
    const Family *adds = familyOf(instruction, &Family::add);
    const Family *subtracts = familyOf(instruction, &Family::sub);
    const Family *family = adds ? adds : subtracts;
    if (!family)
      return;
    Row other = instruction.b;
    LaneKernel kernel = adds ? family->fma : family->fms;
    const Instruction *mul = productIn(instruction.a, *family);
    if (!mul) {
      mul = productIn(instruction.b, *family);
      other = instruction.a;
      kernel = adds ? family->fma : family->fnma;
    }
    if (!mul)
      return;
    instruction.a = mul->a;
    instruction.b = mul->b;
    instruction.c = other;
    useKernel(instruction, kernel, InstructionClass::Fma);
    program.uses[at].reads = {mul->a, mul->b, other};
  }

  Program &program;
  Family families[2];
  /// By row: the mul that has written a product there, and the last instruction that wrote it.
  std::vector<int64_t> products, written;
  int64_t blockBegin = 0;
};

} // namespace

std::unique_ptr<Program> contracted(const Program &program) {
  auto copy = std::make_unique<Program>(program);
  Contractor(*copy).run();
  return copy;
}

} // namespace attune::sim
