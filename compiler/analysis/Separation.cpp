// SPDX-License-Identifier: Apache-2.0
// How are the terms of a sum found, united and multiplied? The rules for + - * / and for row values.
#include "compiler/analysis/Factors.h"
#include "compiler/analysis/Facts.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <cmath>

namespace attune {

static constexpr size_t maxRank = 24;

//===--- Terms ---------------------------------------------------------------------------------===//

static bool sameParts(const Term &a, const Term &b) {
  return a.pair == b.pair && a.closedRow == b.closedRow && a.exponent == b.exponent &&
         a.openRow == b.openRow;
}

static void combineLikeTerms(llvm::SmallVector<Term> &terms) {
  llvm::SmallVector<Term> result;
  for (Term &term : terms) {
    auto same = llvm::find_if(result, [&](const Term &t) { return sameParts(t, term); });
    if (same == result.end())
      result.push_back(std::move(term));
    else
      same->coefficient += term.coefficient;
  }
  terms = std::move(result);
}

const Node *Separation::product(llvm::ArrayRef<Factor> factors) {
  const Node *one = graph.constant(1), *over = one, *under = one;
  for (const Factor &factor : factors) {
    const Node *&side = factor.power > 0 ? over : under;
    const Node *power = graph.constant(std::fabs(factor.power), factor.node->type);
    side = graph.make(NodeKind::Mul, {side, graph.make(NodeKind::Pow, {factor.node, power})});
  }
  return graph.make(NodeKind::Div, {over, under});
}

std::string describeReduction(const ExpressionGraph &graph, unsigned reduction) {
  const GraphReduction &r = graph.reductions()[reduction];
  return (attn::stringifyReduceKind(r.kind) + " over keys of " + toString(r.body)).str();
}

//===--- Failures ------------------------------------------------------------------------------===//

const Node *Separation::openIn(const Node *node) const { return findReduction(node, isOpen); }

std::nullopt_t Separation::failBeforeFinished(const Node *node, const char *what) {
  const Node *open = openIn(node);
  failureText = "`" + toString(node) + "` " + what + " while r" + std::to_string(open->index) +
                ", the " + describeReduction(graph, open->index) + ", is unfinished";
  return std::nullopt;
}

std::nullopt_t Separation::fail(const Node *node) {
  return failBeforeFinished(node, "cannot be taken apart");
}

std::nullopt_t Separation::failRank(const Node *node) {
  failureText = "`" + toString(node) + "` needs more than " + std::to_string(maxRank) + " terms";
  return std::nullopt;
}

/// (x - r)^2 as sums of x^2, x and 1 loses all digits where r is large: r is worth another sweep.
std::nullopt_t Separation::failCancellation(const Node *node) {
  return failBeforeFinished(node, "would be a difference of large sums");
}

/// Shared parts of an exponent are visited once a use: a limit keeps hostile programs from hanging.
bool Separation::spend(const Node *node) {
  if (budget == 0) {
    failureText =
        "an expression of " + std::to_string(node->id) + " parts is too large to take apart";
    return false;
  }
  --budget;
  return true;
}

//===--- Sums ----------------------------------------------------------------------------------===//

std::optional<llvm::SmallVector<Term>> Separation::terms(const Node *body) {
  failureText.clear();
  known.clear();
  return separate(body);
}

Separation::Terms Separation::pairAtom(const Node *node) {
  Term term;
  term.pair.push_back({node, 1});
  return llvm::SmallVector<Term>{term};
}

Separation::Terms Separation::unite(const Node *node, Terms left, Terms right) {
  if (!left || !right)
    return std::nullopt;
  left->append(right->begin(), right->end());
  combineLikeTerms(*left);
  return left->size() > maxRank ? failRank(node) : std::move(left);
}

/// Does it add parts with different unfinished row values?
static bool isUnfinishedSum(llvm::ArrayRef<Term> terms) {
  return llvm::any_of(llvm::drop_begin(terms),
                      [&](const Term &term) { return term.openRow != terms.front().openRow; });
}

Separation::Terms Separation::multiply(const Node *node, Terms left, Terms right) {
  if (!left || !right)
    return std::nullopt;
  if (isUnfinishedSum(*left) && isUnfinishedSum(*right))
    return failCancellation(node);
  if (left->size() * right->size() > maxRank)
    return failRank(node);
  llvm::SmallVector<Term> result;
  for (const Term &a : *left)
    for (const Term &b : *right) {
      Term term = a;
      term.coefficient *= b.coefficient;
      includeFactors(term.pair, b.pair);
      includeFactors(term.closedRow, b.closedRow);
      includeFactors(term.openRow, b.openRow);
      if (a.exponent && b.exponent)
        term.exponent = graph.make(NodeKind::Add, {a.exponent, b.exponent});
      else
        term.exponent = a.exponent ? a.exponent : b.exponent;
      result.push_back(std::move(term));
    }
  combineLikeTerms(result);
  return result;
}

static bool hasExponentialAddend(const Node *node, llvm::SmallPtrSetImpl<const Node *> &seen) {
  if (!seen.insert(node).second)
    return false;
  switch (node->kind) {
  case NodeKind::Exp: return node->onKey;
  case NodeKind::Neg:
  case NodeKind::Div: return hasExponentialAddend(node->operands[0], seen);
  case NodeKind::Add:
  case NodeKind::Sub:
  case NodeKind::Mul:
    return hasExponentialAddend(node->operands[0], seen) ||
           hasExponentialAddend(node->operands[1], seen);
  case NodeKind::Select:
    return hasExponentialAddend(node->operands[1], seen) ||
           hasExponentialAddend(node->operands[2], seen);
  default: return false;
  }
}

bool hasExponentialAddend(const Node *node) {
  llvm::SmallPtrSet<const Node *, 16> seen;
  return hasExponentialAddend(node, seen);
}

Separation::Terms Separation::separateSum(const Node *node) {
  if (!openIn(node) && !hasExponentialAddend(node))
    return pairAtom(node);
  Terms right = separate(node->operands[1]);
  if (right && node->kind == NodeKind::Sub)
    for (Term &term : *right)
      term.coefficient = -term.coefficient;
  return unite(node, separate(node->operands[0]), std::move(right));
}

Separation::Terms Separation::separate(const Node *node) {
  if (auto place = known.find(node); place != known.end())
    return place->second;
  Terms made = separateOnce(node);
  known[node] = made;
  return made;
}

Separation::Terms Separation::separateOnce(const Node *node) {
  if (!node->onKey)
    return rowTerm(node);
  switch (node->kind) {
  case NodeKind::Neg: {
    Terms terms = separate(node->operands[0]);
    if (terms)
      for (Term &term : *terms)
        term.coefficient = -term.coefficient;
    return terms;
  }
  case NodeKind::Add:
  case NodeKind::Sub: return separateSum(node);
  case NodeKind::Mul:
    return multiply(node, separate(node->operands[0]), separate(node->operands[1]));
  case NodeKind::Div:
    return multiply(node, separate(node->operands[0]),
                    separatePower(node->operands[1], node->operands[1], -1));
  case NodeKind::Sqrt: return separatePower(node, node->operands[0], 0.5);
  case NodeKind::Pow:
    if (node->operands[1]->kind == NodeKind::Constant)
      return separatePower(node, node->operands[0], node->operands[1]->number);
    break;
  case NodeKind::Exp: return separateExp(node);
  case NodeKind::Log: return separateLog(node);
  case NodeKind::Abs: return separateAbs(node);
  case NodeKind::Sin:
  case NodeKind::Cos: return separateWave(node);
  case NodeKind::Select: return separateSelect(node);
  case NodeKind::Max:
    for (unsigned i : {0u, 1u})
      if (node->operands[i]->kind == NodeKind::Constant && node->operands[i]->number == 0)
        return separateRelu(node, node->operands[1 - i]);
    break;
  default: break;
  }
  return openIn(node) ? fail(node) : pairAtom(node);
}

//===--- Row values ----------------------------------------------------------------------------===//

/// Takes a function of the row apart into factors of `term`, in not more than `steps` steps.
static void collectRow(const Node *node, double power, Term &term,
                       llvm::function_ref<bool(const Node *)> isOpen, unsigned &steps) {
  if (node->kind == NodeKind::Constant && (node->number > 0 || power == std::round(power))) {
    term.coefficient *= std::pow(node->number, power);
    return;
  }
  if (!isOpen(node))
    return includeFactor(term.closedRow, node, power);
  if (steps == 0)
    return includeFactor(term.openRow, node, power);
  --steps;
  switch (node->kind) {
  case NodeKind::Mul:
    collectRow(node->operands[0], power, term, isOpen, steps);
    return collectRow(node->operands[1], power, term, isOpen, steps);
  case NodeKind::Div:
    collectRow(node->operands[0], power, term, isOpen, steps);
    return collectRow(node->operands[1], -power, term, isOpen, steps);
  case NodeKind::Neg:
    term.coefficient = -term.coefficient;
    return collectRow(node->operands[0], power, term, isOpen, steps);
  default: return includeFactor(term.openRow, node, power);
  }
}

Separation::Terms Separation::rowTerm(const Node *node) {
  Term term;
  unsigned steps = 256;
  collectRow(node, 1, term, [this](const Node *part) { return openIn(part) != nullptr; }, steps);
  return llvm::SmallVector<Term>{term};
}

} // namespace attune
