// SPDX-License-Identifier: Apache-2.0
// Which SASS instruction is this? Only what the report counts; established with kernels of a few
// instructions, which CubinReportTest assembles anew.
#include "test/compiler/target/nvptx/CubinReport.h"

#include "llvm/Support/MathExtras.h"

using namespace attune::test;

/// Bits 0 to 8 name the operation, bits 9 to 11 the form of its operands.
static unsigned operation(const Instruction &instruction) { return instruction.low & 0x1ff; }

static constexpr unsigned kWarpgroup = 0x1c5, kHgmma = 0x1f0, kBranch = 0x147, kExit = 0x14d,
                          kReturn = 0x150;

/// What needs more than the operation: the form of A, and which warpgroup instruction it is.
static Kind split(const Instruction &instruction) {
  if (operation(instruction) == kWarpgroup)
    return instruction.low >> 47 & 1 ? Kind::wait : Kind::fence;
  constexpr unsigned registerForm = 6;
  return (instruction.low >> 9 & 7) == registerForm ? Kind::productRegister : Kind::productShared;
}

Kind Instruction::kind() const {
  switch (operation(*this)) {
  case kHgmma:
  case kWarpgroup: return split(*this);
  case 0x108: return Kind::special;
  case 0x0ca: return Kind::toUniform;
  case 0x183: return Kind::loadLocal;
  case 0x187: return Kind::storeLocal;
  case 0x11d: return Kind::barrier;
  case 0x1a7: // arrive and try_wait
  case 0x1b1: // invalidate
  case 0x1b2: // initialise
    return Kind::mbarrier;
  case 0x189: return Kind::shuffle;
  case 0x03e: return Kind::pack;
  case 0x009: return Kind::maximum;
  case 0x008: return Kind::select;
  case 0x021: return Kind::add;
  case 0x020: return Kind::multiply;
  case 0x023: return Kind::multiplyAdd;
  case 0x00c: return Kind::compare;
  case 0x004: return Kind::toPredicates;
  case 0x044: return Kind::storeMatrix;
  case kBranch: return Kind::branch;
  case 0x149:
  case 0x158: return Kind::unfollowed;
  default: return Kind::other;
  }
}

llvm::StringRef attune::test::name(Kind kind) {
  static constexpr llvm::StringLiteral names[kKinds] = {
      "HGMMA.SS",
      "HGMMA.RS",
      "WARPGROUP.ARRIVE",
      "WARPGROUP.DEPBAR",
      "MUFU",
      "R2UR",
      "LDL",
      "STL",
      "BAR",
      "SYNCS",
      "SHFL",
      "F2FP",
      "FMNMX",
      "FSEL",
      "FADD",
      "FMUL",
      "FFMA",
      "ISETP",
      "R2P",
      "STSM",
      "BRA",
      "BRX",
      "other",
  };
  return names[unsigned(kind)];
}

unsigned Instruction::groupsLeft() const { return high >> 8 & 0x3f; }

/// The guard of bits 12 to 15, and a branch's own predicate, are PT (7, not negated).
bool Instruction::isUnconditional() const {
  bool guarded = (low >> 12 & 15) != 7;
  if (kind() != Kind::branch)
    return !guarded;
  bool uniformForm = (low >> 9 & 7) != 4;
  return !guarded && !uniformForm && (high >> 23 & 15) == 7;
}

/// Bits 34 to 81 are the upper part of the signed distance in words of four bytes from the next
/// instruction, bits 16 to 23 its lowest eight.
int64_t Instruction::target(int64_t at) const {
  uint64_t upper = low >> 34 | high << 30;
  int64_t words = llvm::SignExtend64<56>(upper << 8 | (low >> 16 & 0xff));
  return at + 1 + words / 4;
}

bool Instruction::ends() const {
  return isUnconditional() && (operation(*this) == kExit || operation(*this) == kReturn);
}
