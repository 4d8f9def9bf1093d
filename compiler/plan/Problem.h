// SPDX-License-Identifier: Apache-2.0
// How much work is a kernel at given lengths and scalars? What predictions, pictures and benchmarks
// count with.
#ifndef ATTUNE_COMPILER_PLAN_PROBLEM_H
#define ATTUNE_COMPILER_PLAN_PROBLEM_H

#include "compiler/analysis/MaskBounds.h"
#include "compiler/analysis/Sweeps.h"
#include <map>
#include <string>

namespace attune {

/// The sizes of one launch.
struct ProblemSizes {
  /// Token lengths by axis; 1024 where absent.
  std::map<std::string, double> axes;
  /// Values of scalar operands by name.
  std::map<std::string, double> scalars;
};

/// Numbers of the block: lengths, scalar operands, and integer arithmetic on them. Nothing for what a
/// problem's sizes do not say (tables). Refers to `sizes`.
class ProblemNumbers {
public:
  ProblemNumbers(attn::KernelOp kernel, const ProblemSizes &sizes) : kernel(kernel), sizes(sizes) {}

  int64_t length(llvm::StringRef axis) const;
  std::optional<int64_t> operator()(const Node *node) const;

private:
  std::optional<int64_t> scalar(mlir::Value value) const;
  std::optional<int64_t> compute(const Node *node) const;

  mutable attn::KernelOp kernel; // op accessors are not const
  const ProblemSizes &sizes;
};

/// The pairs that some accumulator or frame of the plan looks at.
Formula buildMask(const SweepPlan &plan, MaskFormulas &formulas);

/// The row and column axis of the kernel's first matrix.
std::pair<llvm::StringRef, llvm::StringRef> getScoreAxes(attn::KernelOp kernel);

/// Visible pairs of one head of `kernel` (of primitives); nothing when the mask is not understood.
std::optional<int64_t> countVisiblePairs(attn::KernelOp kernel, const ProblemSizes &sizes);

} // namespace attune

#endif // ATTUNE_COMPILER_PLAN_PROBLEM_H
