// SPDX-License-Identifier: Apache-2.0
// How are row values finished without overflow? As numbers exp(exponent) * sum, in which the origins of
// frames cancel symbolically before anything is rounded.
#ifndef ATTUNE_COMPILER_ANALYSIS_ROWNUMBER_H
#define ATTUNE_COMPILER_ANALYSIS_ROWNUMBER_H

#include "compiler/analysis/RowAlgebra.h"

namespace attune {

/// exp(sum of power * node over `exponent`) * sum of number * product over `addends`.
struct RowNumber {
  struct Addend {
    double number;
    Factors factors;
  };
  Factors exponent;
  llvm::SmallVector<Addend, 1> addends; // none: 0
  bool isZero() const { return addends.empty(); }
};

/// Arithmetic on row numbers. Products of powers and origins of frames are taken apart, so that they cancel;
/// other sums stay as they are written.
class RowArithmetic {
public:
  /// The value of a finished scalar reduction.
  using ReductionValue = std::function<RowNumber(unsigned reduction)>;

  RowArithmetic(ExpressionGraph &graph, ReductionValue reductionValue)
      : graph(graph), reductionValue(std::move(reductionValue)) {}

  /// A row expression over reductions, captured values and finished state.
  RowNumber evaluate(const Node *node);
  /// The expression to compute; `exponent` and `sum` are its two parts.
  const Node *toNode(const RowNumber &number);
  const Node *exponentToNode(const RowNumber &number) { return linearForm(number.exponent); }
  const Node *sumToNode(const RowNumber &number);

  RowNumber constant(double number);
  RowNumber atom(const Node *node);
  RowNumber exponential(Factors exponent);
  RowNumber add(RowNumber a, RowNumber b);
  RowNumber multiply(RowNumber a, RowNumber b);
  RowNumber power(const RowNumber &base, double exponent);
  RowNumber negate(RowNumber a);

private:
  RowNumber compute(const Node *node);
  RowNumber settled(RowNumber number);
  RowNumber evaluateBranching(const Node *node);
  RowNumber logarithm(const RowNumber &a);
  RowNumber exponentialOf(const RowNumber &a);
  RowNumber extremum(NodeKind kind, const RowNumber &a, const RowNumber &b);
  RowNumber align(const RowNumber &a, const RowNumber &b);
  void collapse(RowNumber &a);
  const Node *linearForm(const Factors &form);
  const Node *addendToNode(const RowNumber::Addend &addend);

  ExpressionGraph &graph;
  ReductionValue reductionValue;
  /// Shared parts of the expression that is being evaluated, which may ask for others meanwhile.
  llvm::DenseMap<const Node *, RowNumber> known;
  unsigned depth = 0;
};

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_ROWNUMBER_H
