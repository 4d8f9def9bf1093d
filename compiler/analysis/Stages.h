// SPDX-License-Identifier: Apache-2.0
// Which kernels does a program need, and what does each leave in memory for those after it?
#ifndef ATTUNE_COMPILER_ANALYSIS_STAGES_H
#define ATTUNE_COMPILER_ANALYSIS_STAGES_H

#include "dialects/attn/AttnOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

// What passes say to each other by attributes. Before the split `attn.store` on an op: a kernel ends with its
// result, and who uses it reads it from memory; "threshold" as its value: -inf stands for a row without a pair.
// `attn.most` on a map of truths: it is true at so many keys of a row at most, an integer or the name of an operand.
// After the split, on kernels: `attn.stage`, one of a program; `attn.tokens`, without sweeps; `attn.gathered`, see
// GatheredKeys.h.

namespace attune {

/// A value that some kernel writes to memory: a result of the program, a workspace, or both.
struct StoredValue {
  /// A kernel of tokens computes it, without sweeps.
  bool isTokens = false;
  /// Others read it: it has a workspace.
  bool isRead = false;
  /// The results of the program that it is.
  llvm::SmallVector<unsigned, 1> results;
  /// 1 more than the highest level of what it is computed from; 0 of operands alone.
  unsigned level = 0;
  /// The axis that its kernel has blocks of.
  mlir::StringAttr axis = {};
};

/// One kernel: all values of a level on one axis, or one value of tokens.
struct ProgramStage {
  llvm::SmallVector<mlir::Value, 2> values;
  bool isTokens = false;
};

struct StagePlan {
  llvm::MapVector<mlir::Value, StoredValue> stored;
  /// In the order in which they run.
  llvm::SmallVector<ProgramStage> stages;

  /// A kernel has one side alone: what is transposed is the other's value.
  bool transposes = false;

  /// Is the kernel as it stands not the only stage?
  bool isSplit() const;
  /// Does a stage read the value from memory rather than compute it?
  bool isRead(mlir::Value value) const {
    auto place = stored.find(value);
    return place != stored.end() && place->second.isRead;
  }
};

/// Cuts a kernel of primitives where a value has to be whole before it is used: tokens that are computed
/// and multiplied, vectors of a row that are mapped as a whole, what is reduced over queries and used by
/// pairs. Never fails: what no kernel can compute is refused by the planner of sweeps.
StagePlan planStages(attn::KernelOp kernel);

/// Does a kernel that computes `user` read the operand `value` of it from memory, if somebody stores it?
/// `flip`: the kernel's rows are the program's keys.
bool isReadFromMemory(mlir::Operation *user, mlir::Value value, bool flip);

/// Is the map of rows of vectors computed where the vectors are made, component by component?
bool isEpilogue(attn::MapOp map);

/// In a kernel of a program a tensor that is on both sides is two operands; the second has this behind its name.
inline constexpr llvm::StringLiteral otherSide = ".other";
/// The tensor of a launch, or the workspace, that an operand of a kernel of a program is.
inline llvm::StringRef getTensorName(llvm::StringRef operand) {
  operand.consume_back(otherSide);
  return operand;
}

/// Of the kernels that a program was split into, the last that sweeps over keys; null if there is none.
attn::KernelOp findSweepingStage(mlir::ModuleOp stages);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_STAGES_H
