// SPDX-License-Identifier: Apache-2.0
// Can a reduction be carried while a row value that it uses is not finished? Yes if its body separates into
// terms: a part of the pair times a part of the row, which then leaves the reduction.
#ifndef ATTUNE_COMPILER_ANALYSIS_ROWALGEBRA_H
#define ATTUNE_COMPILER_ANALYSIS_ROWALGEBRA_H

#include "compiler/analysis/Expression.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>
#include <optional>
#include <string>

namespace attune {

/// node ^ power.
struct Factor {
  const Node *node;
  double power = 1;
  bool operator==(const Factor &other) const { return node == other.node && power == other.power; }
};
/// A product, sorted by node, without powers 0.
using Factors = llvm::SmallVector<Factor, 2>;

/// coefficient * pair * exp(exponent) * closedRow * openRow. Only openRow contains unfinished values.
struct Term {
  double coefficient = 1;
  Factors pair;                   // functions of the key
  Factors closedRow;              // functions of the row, finished
  const Node *exponent = nullptr; // a finished function of the key, as written; null = 0
  Factors openRow;                // functions of the row, unfinished
};

/// Separates expressions by exact identities only. A value that `isOpen` is unfinished.
class Separation {
public:
  using IsOpen = std::function<bool(unsigned reduction)>;
  /// Gives the leaf for the largest (smallest) value of a finished body over the row's visible pairs.
  using Extremum = std::function<const Node *(attn::ReduceKind kind, const Node *body)>;

  Separation(ExpressionGraph &graph, IsOpen isOpen) : graph(graph), isOpen(std::move(isOpen)) {}

  /// The terms whose sum is `body`; none, with `failure` set, if the rules do not separate it.
  std::optional<llvm::SmallVector<Term>> terms(const Node *body);
  /// The maximum or minimum of `body` over the keys as a row expression of finished extrema.
  const Node *extremum(attn::ReduceKind kind, const Node *body, const Extremum &leaf);
  /// Why the last question had no answer: which expression needs which unfinished row value.
  const std::string &failure() const { return failureText; }

  /// The product of `factors`, as a quotient when powers are negative; 1 for none.
  const Node *product(llvm::ArrayRef<Factor> factors);

private:
  using Terms = std::optional<llvm::SmallVector<Term>>;
  struct Split;
  const Node *openIn(const Node *node) const;
  std::nullopt_t failBeforeFinished(const Node *node, const char *what);
  std::nullopt_t fail(const Node *node);
  std::nullopt_t failRank(const Node *node);
  std::nullopt_t failCancellation(const Node *node);
  bool spend(const Node *node);

  Terms separate(const Node *node);
  Terms separateOnce(const Node *node);
  Terms rowTerm(const Node *node);
  Terms pairAtom(const Node *node);
  Terms unite(const Node *node, Terms left, Terms right);
  Terms multiply(const Node *node, Terms left, Terms right);
  Terms separateSum(const Node *node);
  Terms separatePower(const Node *node, const Node *base, double power);
  Terms separateExp(const Node *node);
  Terms separateLog(const Node *node);
  Terms separateAbs(const Node *node);
  Terms separateRelu(const Node *node, const Node *argument);
  Terms separateWave(const Node *node);
  Terms separateSelect(const Node *node);
  bool raise(Term &term, double power);
  Term gate(Term term, const Node *condition, bool whenTrue);
  bool split(const Node *node, Split &parts);
  bool splitScaled(const Node *node, Split &parts);
  const Node *reluOf(const Node *node);
  const Node *minus(const Node *node) { return graph.make(NodeKind::Neg, {node}); }

  const Node *extremumOfProduct(attn::ReduceKind kind, const Node *node, const Extremum &leaf);
  const Node *extremumOfUnary(attn::ReduceKind kind, const Node *node, const Extremum &leaf);

  ExpressionGraph &graph;
  IsOpen isOpen;
  std::string failureText;
  /// What is known of shared expressions.
  llvm::DenseMap<const Node *, Terms> known;
  /// How many more steps may be taken to split exponents and extrema.
  unsigned budget = 100000;
};

/// `max over keys of 0.125 q.k`.
std::string describeReduction(const ExpressionGraph &graph, unsigned reduction);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_ROWALGEBRA_H
