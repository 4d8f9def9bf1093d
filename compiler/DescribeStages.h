// SPDX-License-Identifier: Apache-2.0
// What does the manifest say of a program of several kernels: who writes which workspace, how large is it?
#ifndef ATTUNE_COMPILER_DESCRIBESTAGES_H
#define ATTUNE_COMPILER_DESCRIBESTAGES_H

#include "compiler/Describe.h"
#include "llvm/ADT/StringMap.h"

namespace attune {

/// The kernels of a program after `attn-split-stages`, each as if it were a program of its own.
class StageDescriptions {
public:
  /// `program` describes the kernel before it was split, `stages` holds what it was split into.
  static mlir::FailureOr<StageDescriptions> make(mlir::ModuleOp stages,
                                                 const bundle::KernelInfo &program);

  /// The operands and results of the kernel that `program`, or its summaries, was lowered from.
  const bundle::KernelInfo &infoOf(tile::KernelOp program) const;

  /// Joins what the kernels of a program say of themselves, in the order in which they run: the last is
  /// launched, the others run before it; all sizes are those of the program's operands and results.
  mlir::FailureOr<bundle::Variant> join(llvm::MutableArrayRef<bundle::Variant> variants) const;

private:
  using Sizes = llvm::SmallVector<bundle::Expression>;
  mlir::LogicalResult addStage(attn::KernelOp stage, const bundle::KernelInfo &program);
  mlir::FailureOr<bundle::Workspace> describeWorkspace(attn::KernelOp stage, unsigned result);
  Sizes countsOf(const bundle::OperandInfo &operand, int64_t dimension) const;
  Sizes sizesOf(attn::KernelOp stage, unsigned result, int64_t dimension) const;
  bundle::Expression inProgram(const bundle::Expression &expression) const;

  std::optional<mlir::Location> location;
  llvm::StringMap<bundle::KernelInfo> infos;
  std::vector<bundle::Workspace> workspaces;
  /// Of each workspace, what its batch and its heads are the greatest of.
  llvm::StringMap<std::array<Sizes, 2>> counts;
};

} // namespace attune

#endif // ATTUNE_COMPILER_DESCRIBESTAGES_H
