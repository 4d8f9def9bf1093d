// SPDX-License-Identifier: Apache-2.0
// Which numbers does a mask see in one launch? Lengths, scalars and tables, given or made up: what
// predictions, pictures, benchmarks and verification count with.
#ifndef ATTUNE_COMPILER_PROBLEM_PROBLEM_H
#define ATTUNE_COMPILER_PROBLEM_PROBLEM_H

#include "compiler/analysis/Sweeps.h"
#include "compiler/mask/Formula.h"
#include "compiler/problem/NodeValues.h"
#include <map>
#include <string>

namespace attune {

/// What is said of one launch.
struct ProblemSizes {
  /// Token lengths by axis; where absent what the kernel's axes tell, else 1024.
  std::map<std::string, double> axes;
  /// Values of scalar operands by name.
  std::map<std::string, double> scalars;
  /// Tables, rows and cols by name; those that a mask reads and that are absent are made up.
  std::map<std::string, reference::Tensor> tensors;
  int64_t batch = 1, heads = 1;
  /// Which numbers are made up.
  uint64_t seed = 0;
};

/// The numbers of one sequence and head, as the mask analysis asks for them.
class MaskNumbers final : public mask::Environment {
public:
  MaskNumbers(const reference::Problem &problem, const ScorePlane &plane)
      : problem(problem), nodes(problem, plane) {}

  std::optional<int64_t> uniform(const Node *node) const override { return nodes.uniform(node); }
  std::optional<int64_t> at(const Node *node, mask::Side side, int64_t token) const override;
  std::optional<int64_t> entry(const Node *node, int64_t index) const override;
  std::optional<int64_t> entries(const Node *node) const override;

  NodeValues &values() const { return nodes; }
  /// Are all predicates true at `query` and each key? `unknown` stands for one that has no value.
  std::vector<bool> visible(const Domain &domain, int64_t query, bool unknown) const;

private:
  /// The last dimension of the table that `node` reads, at its other indices; null: not known.
  const std::vector<int64_t> *lastDimension(const Node *node) const;
  std::optional<std::vector<int64_t>> readLastDimension(const Node *node) const;

  const reference::Problem &problem;
  mutable NodeValues nodes;
  mutable llvm::DenseMap<const Node *, std::unique_ptr<std::vector<int64_t>>> dimensions;
};

/// One launch of a kernel of primitives, as far as its masks see it.
class MaskProblem {
public:
  /// `plan` has to live as long. Fails with a sentence where what is given does not fit the kernel. A
  /// scalar that nobody gave is unknown; declared facts are not demanded (see brokenFacts).
  static llvm::Expected<std::unique_ptr<MaskProblem>> make(const SweepPlan &plan,
                                                           const ProblemSizes &sizes);

  int64_t queries() const { return problem.length(rowAxis); }
  int64_t keys() const { return problem.length(columnAxis); }
  int64_t batch() const { return batches; }
  int64_t heads() const { return headCount; }
  llvm::StringRef queryAxis() const { return rowAxis; }
  llvm::StringRef keyAxis() const { return columnAxis; }
  /// The sizes of the grid that tokens of an axis stand on; empty: none, or not known.
  llvm::SmallVector<int64_t, 3> grid(llvm::StringRef axis) const;

  const MaskNumbers &numbers(int64_t sequence, int64_t head) const;
  /// A sentence for each declared fact that is not true of a tensor that was given.
  llvm::ArrayRef<std::string> brokenFacts() const { return broken; }
  /// Names of tables that were made up.
  llvm::ArrayRef<std::string> madeUp() const { return invented; }
  /// Do the scalars, all of them known, meet the conditions of a launch?
  llvm::Error check(const reference::ScalarConditions &conditions) const {
    return conditions.check(problem);
  }

private:
  MaskProblem(const SweepPlan &plan, const ProblemSizes &sizes);

  llvm::Error bindGiven();
  llvm::Error bindTensor(unsigned index, const reference::Tensor &tensor);
  llvm::Error bindLengths();
  llvm::Error bindTables();
  void bindScalars();
  int64_t lengthOf(llvm::StringRef axis, unsigned depth);
  llvm::Error checkGrid(attn::AxisOp op) const;
  std::optional<int64_t> scalarValue(mlir::Value value) const;
  /// The shape of a tensor to make up; nothing while an index of it depends on an unknown table.
  std::optional<std::vector<int64_t>> shapeOf(unsigned index);
  std::optional<int64_t> sizeOf(const Node *index) const;
  ScorePlane plane(int64_t sequence, int64_t head) const;
  attn::AxisOp axisOp(llvm::StringRef axis) const;

  const SweepPlan &plan;
  const ProblemSizes &sizes;
  mutable attn::KernelOp kernel; // op accessors are not const
  reference::Problem problem;
  std::string rowAxis, columnAxis;
  int64_t batches = 1, headCount = 1;
  std::vector<std::string> broken, invented;
  mutable std::map<std::pair<int64_t, int64_t>, std::unique_ptr<MaskNumbers>> planes;
};

/// The row and column axis of the kernel's first matrix.
std::pair<llvm::StringRef, llvm::StringRef> getScoreAxes(attn::KernelOp kernel);

/// The masks of a plan: the domains of its frames and accumulators, each once.
std::vector<Domain> getDomains(const SweepPlan &plan);

/// The grid that the kernel declares of an axis, as nodes of the plan's graph.
mask::TokenGrid getGrid(const SweepPlan &plan, llvm::StringRef axis);
/// The keys of an axis, in coordinates of its grid where tiles are boxes.
mask::TokenGrid getKeys(const SweepPlan &plan, llvm::StringRef axis, bool inBoxes);
/// The operands that are those sizes, by number; nothing where one of them is computed.
std::optional<llvm::SmallVector<int64_t, 3>> getGridOperands(attn::KernelOp kernel,
                                                             llvm::StringRef axis);

/// The mask of a loop over keys that serves all masks of the plan: where some pair is visible in any,
/// and hidden in any.
mask::MaskFormula buildMask(const SweepPlan &plan, mask::FormulaBuilder &formulas);

} // namespace attune

#endif // ATTUNE_COMPILER_PROBLEM_PROBLEM_H
