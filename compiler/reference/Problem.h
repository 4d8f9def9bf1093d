// SPDX-License-Identifier: Apache-2.0
// Do the arguments of a kernel fit it, and what are then the lengths, heads and tokens?
#ifndef ATTUNE_COMPILER_REFERENCE_PROBLEM_H
#define ATTUNE_COMPILER_REFERENCE_PROBLEM_H

#include "compiler/reference/Region.h"
#include "dialects/attn/AttnOps.h"

namespace attune::bundle {
struct KernelInfo;
}

namespace attune::reference {

/// Rows or cols with every value at hand: number `lane` of token n of head h of sequence b is at
/// ((b * heads + h) * length + n) * width + lane.
struct Tokens {
  int64_t batch = 1, heads = 1, length = 0;
  Lanes values;

  int64_t place(int64_t b, int64_t h, int64_t n) const { return (b * heads + h) * length + n; }
};

/// A kernel with arguments: what stays the same while it is evaluated.
struct Problem {
  attn::KernelOp kernel;
  Environment environment;
  /// The operands that are rows or cols.
  llvm::DenseMap<mlir::Value, Tokens> tokens;
  std::vector<std::unique_ptr<Table>> tables;

  /// The length of an axis, blocks (`k/64`) included. The axis is bound.
  int64_t length(llvm::StringRef axis) const { return environment.lengths.lookup(axis); }
};

/// Binds arguments to operands. Fails with a sentence that names the operand where an argument does
/// not fit: kind, dtype, rank, static sizes, lengths on one axis, batch and head counts, facts.
llvm::Expected<std::unique_ptr<Problem>> bind(attn::KernelOp kernel,
                                              llvm::ArrayRef<Argument> arguments, Mode mode);

/// The sizes of T: of a vector its shape, of a scalar none.
llvm::SmallVector<int64_t> placeShape(mlir::Type type);

/// The numbers of rows or cols in a tensor of (batch, heads, tokens, the shape of `element`).
Tokens readTokens(const Tensor &tensor, mlir::Type element);

/// "operand 'q'".
std::string operandName(attn::KernelOp kernel, unsigned index);

/// Are the facts that the kernel states of an integer operand true of it? (Facts.cpp)
llvm::Error checkFacts(attn::KernelOp kernel, unsigned index, const Tensor &tensor);

/// attn.range = [lo, hi], as an array of integers of either kind.
std::optional<std::pair<int64_t, int64_t>> rangeOf(mlir::Attribute attribute);

/// What a launch demands of the scalar arguments, read from the kernel once. (Conditions.cpp)
class ScalarConditions {
public:
  explicit ScalarConditions(attn::KernelOp kernel);
  /// Does a problem of that kernel meet them?
  llvm::Error check(const Problem &problem) const;

private:
  std::shared_ptr<const bundle::KernelInfo> info;
};

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_PROBLEM_H
