// SPDX-License-Identifier: Apache-2.0
// What is the value of a node at one pair? By definition, in double; integers are small whole numbers.
#ifndef ATTUNE_TEST_COMPILER_ANALYSIS_NODEEVALUATOR_H
#define ATTUNE_TEST_COMPILER_ANALYSIS_NODEEVALUATOR_H

#include "compiler/analysis/Expression.h"
#include "test/compiler/reference/Cases.h"
#include <gtest/gtest.h>

namespace attune::test {

struct Place {
  int64_t b = 0, h = 0, i = 0, j = 0;
};

class NodeEvaluator {
public:
  /// The value of a leaf that stands for state: AccumulatorRef, FrameRef, RowRef, Reduction, Scan.
  using State = std::function<double(const Node *)>;

  NodeEvaluator(attn::KernelOp kernel, llvm::ArrayRef<Argument> arguments)
      : kernel(kernel), arguments(arguments) {}

  double operator()(const Node *node, const Place &place, const State &state) const;

  const Tensor &tensor(mlir::Value operand) const;
  /// The element of rows or cols at a token: heads are shared as the language says.
  double element(const Tensor &tokens, const Place &place, int64_t token, int64_t lane) const;
  int64_t heads() const;
  int64_t batches() const;
  int64_t length(llvm::StringRef axis) const;

private:
  double opaque(const Node *node, llvm::ArrayRef<double> x) const;
  double load(const Node *node, llvm::ArrayRef<double> x) const;
  double dot(mlir::Value result, const Place &place) const;

  attn::KernelOp kernel;
  llvm::ArrayRef<Argument> arguments;
};

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_ANALYSIS_NODEEVALUATOR_H
