// SPDX-License-Identifier: Apache-2.0
// The rules by which functions separate, one function a rule; each is an identity given its sign facts.
#include "compiler/analysis/Factors.h"
#include "compiler/analysis/Facts.h"
#include <cmath>

namespace attune {

//===--- Powers --------------------------------------------------------------------------------===//

/// term ^ power; false if a factor may be negative under a power that is not whole.
bool Separation::raise(Term &term, double power) {
  bool whole = power == std::round(power);
  if (!whole && term.coefficient < 0)
    return false;
  for (Factors *factors : {&term.pair, &term.closedRow, &term.openRow})
    for (Factor &factor : *factors) {
      if (!whole && !signOf(graph, factor.node).nonNegative)
        return false;
      factor.power *= power;
    }
  term.coefficient = std::pow(term.coefficient, power);
  if (term.exponent)
    term.exponent =
        graph.make(NodeKind::Mul, {graph.constant(power, term.exponent->type), term.exponent});
  return true;
}

Separation::Terms Separation::separatePower(const Node *node, const Node *base, double power) {
  Terms terms = separate(base);
  if (!terms)
    return std::nullopt;
  if (terms->size() == 1) {
    Term term = terms->front();
    if (raise(term, power))
      return llvm::SmallVector<Term>{term};
  }
  if (openIn(base))
    return fail(node);
  Term term;
  term.pair.push_back({base, power});
  return llvm::SmallVector<Term>{term};
}

//===--- Exponentials and logarithms -----------------------------------------------------------===//

/// An exponent as a finished part, as written, and unfinished addends of the row.
struct Separation::Split {
  const Node *closed = nullptr;
  llvm::SmallVector<const Node *> open;
};

/// k * x or x / k with k a finished value of the row: every part is multiplied.
bool Separation::splitScaled(const Node *node, Split &parts) {
  const Node *x = node->operands[0], *k = node->operands[1];
  if (node->kind == NodeKind::Mul && !openIn(x))
    std::swap(x, k);
  if (openIn(k) || k->onKey || !split(x, parts)) {
    if (failureText.empty())
      fail(node);
    return false;
  }
  if (parts.closed)
    parts.closed = graph.make(node->kind, {parts.closed, k});
  for (const Node *&open : parts.open)
    open = graph.make(node->kind, {open, k});
  return true;
}

bool Separation::split(const Node *node, Split &parts) {
  if (!spend(node))
    return false;
  if (!openIn(node)) {
    parts.closed = node;
    return true;
  }
  if (!node->onKey) {
    parts.open.push_back(node);
    return true;
  }
  if (node->kind == NodeKind::Mul || node->kind == NodeKind::Div)
    return splitScaled(node, parts);
  if (node->kind != NodeKind::Add && node->kind != NodeKind::Sub && node->kind != NodeKind::Neg) {
    fail(node);
    return false;
  }
  Split left, right;
  if (node->kind == NodeKind::Neg) {
    if (!split(node->operands[0], right))
      return false;
  } else if (!split(node->operands[0], left) || !split(node->operands[1], right)) {
    return false;
  }
  bool negate = node->kind != NodeKind::Add;
  parts.open = left.open;
  for (const Node *open : right.open)
    parts.open.push_back(negate ? minus(open) : open);
  if (left.closed && right.closed)
    parts.closed = graph.make(node->kind, {left.closed, right.closed});
  else if (right.closed)
    parts.closed = negate ? minus(right.closed) : right.closed;
  else
    parts.closed = left.closed;
  return true;
}

Separation::Terms Separation::separateExp(const Node *node) {
  Split parts;
  if (!split(node->operands[0], parts))
    return std::nullopt;
  Term term;
  term.exponent = parts.closed;
  if (parts.closed && !parts.closed->onKey) {
    term.exponent = nullptr;
    includeFactor(term.closedRow, graph.make(NodeKind::Exp, {parts.closed}), 1);
  }
  for (const Node *open : parts.open)
    includeFactor(term.openRow, graph.make(NodeKind::Exp, {open}), 1);
  return llvm::SmallVector<Term>{term};
}

Separation::Terms Separation::separateLog(const Node *node) {
  if (!openIn(node))
    return pairAtom(node);
  const Node *argument = node->operands[0];
  // The logarithm of a product as the program writes it, so that each exponent comes back alone.
  if ((argument->kind == NodeKind::Mul || argument->kind == NodeKind::Div) &&
      llvm::all_of(argument->operands,
                   [&](const Node *part) { return signOf(graph, part).nonNegative; })) {
    const Node *left = graph.make(NodeKind::Log, {argument->operands[0]});
    const Node *right = graph.make(NodeKind::Log, {argument->operands[1]});
    NodeKind join = argument->kind == NodeKind::Mul ? NodeKind::Add : NodeKind::Sub;
    return separate(graph.make(join, {left, right}));
  }
  Terms inner = separate(argument);
  if (!inner)
    return std::nullopt;
  const Term &term = inner->front();
  bool positive = inner->size() == 1 && term.coefficient > 0;
  for (const Factors *factors : {&term.pair, &term.closedRow, &term.openRow})
    for (const Factor &factor : *factors)
      positive &= signOf(graph, factor.node).nonNegative;
  if (!positive)
    return fail(node);
  // Each logarithm is a term of its own: an exponent that comes back may be centred on its frame.
  Terms result = rowTerm(graph.constant(std::log(term.coefficient)));
  if (term.coefficient == 1)
    result->clear();
  if (term.exponent)
    result->append(*pairAtom(term.exponent));
  for (const Factors *factors : {&term.pair, &term.closedRow, &term.openRow})
    for (const Factor &factor : *factors) {
      const Node *log = factor.node->kind == NodeKind::Exp
                            ? factor.node->operands[0]
                            : graph.make(NodeKind::Log, {factor.node});
      Terms own = log->onKey ? pairAtom(log) : rowTerm(log);
      own->front().coefficient *= factor.power;
      result->append(*own);
    }
  return result;
}

//===--- Signs, waves, choices -----------------------------------------------------------------===//

Separation::Terms Separation::separateAbs(const Node *node) {
  Terms inner = separate(node->operands[0]);
  if (!inner)
    return std::nullopt;
  if (inner->size() != 1)
    return openIn(node) ? fail(node) : pairAtom(node);
  Term term = inner->front();
  term.coefficient = std::fabs(term.coefficient);
  for (Factors *factors : {&term.pair, &term.closedRow, &term.openRow}) {
    Factors old;
    std::swap(old, *factors);
    for (const Factor &factor : old) {
      bool known = signOf(graph, factor.node).nonNegative;
      includeFactor(*factors, known ? factor.node : graph.make(NodeKind::Abs, {factor.node}),
                    factor.power);
    }
  }
  return llvm::SmallVector<Term>{term};
}

const Node *Separation::reluOf(const Node *node) {
  return graph.make(NodeKind::Max, {node, graph.constant(0, node->type)});
}

/// max(g h, 0) with h of the row: max(g, 0) h if h >= 0, else max(g, 0) max(h, 0) + max(-g, 0) max(-h, 0).
Separation::Terms Separation::separateRelu(const Node *node, const Node *argument) {
  if (!openIn(node))
    return pairAtom(node);
  Terms inner = separate(argument);
  if (!inner)
    return std::nullopt;
  if (inner->size() != 1)
    return fail(node);
  Term term = inner->front();
  const Node *pair =
      graph.make(NodeKind::Mul, {graph.constant(term.coefficient), product(term.pair)});
  const Node *row = graph.make(NodeKind::Mul, {product(term.closedRow), product(term.openRow)});
  auto made = [&](const Node *g, const Node *h) {
    Term part = rowTerm(h)->front();
    part.exponent = term.exponent;
    includeFactor(part.pair, g, 1);
    return part;
  };
  if (signOf(graph, row).nonNegative)
    return llvm::SmallVector<Term>{made(reluOf(pair), row)};
  return llvm::SmallVector<Term>{made(reluOf(pair), reluOf(row)),
                                 made(reluOf(minus(pair)), reluOf(minus(row)))};
}

/// sin(A + B) and cos(A + B) by the addition theorems, A of the pair, B of the row.
Separation::Terms Separation::separateWave(const Node *node) {
  if (!openIn(node))
    return pairAtom(node);
  Split parts;
  if (!split(node->operands[0], parts))
    return std::nullopt;
  const Node *row = parts.open.front();
  for (const Node *open : llvm::drop_begin(parts.open))
    row = graph.make(NodeKind::Add, {row, open});
  auto term = [&](NodeKind ofPair, NodeKind ofRow, double sign) {
    Term result;
    result.coefficient = sign;
    includeFactor(result.pair, graph.make(ofPair, {parts.closed}), 1);
    includeFactor(result.openRow, graph.make(ofRow, {row}), 1);
    return result;
  };
  if (node->kind == NodeKind::Sin)
    return llvm::SmallVector<Term>{term(NodeKind::Sin, NodeKind::Cos, 1),
                                   term(NodeKind::Cos, NodeKind::Sin, 1)};
  return llvm::SmallVector<Term>{term(NodeKind::Cos, NodeKind::Cos, 1),
                                 term(NodeKind::Sin, NodeKind::Sin, -1)};
}

/// `term` where the condition is `whenTrue`, 0 elsewhere. A hidden exponential is exp(-inf), so that its
/// frame does not see the exponents that are not chosen.
Term Separation::gate(Term term, const Node *condition, bool whenTrue) {
  auto choose = [&](const Node *node, double otherwise) {
    const Node *other = graph.constant(otherwise, node->type);
    return whenTrue ? graph.make(NodeKind::Select, {condition, node, other})
                    : graph.make(NodeKind::Select, {condition, other, node});
  };
  if (openIn(condition)) {
    includeFactor(term.openRow, choose(graph.constant(1), 0), 1);
  } else if (term.exponent) {
    term.exponent = choose(term.exponent, -INFINITY);
  } else {
    const Node *chosen = choose(product(term.pair), 0);
    term.pair.clear();
    includeFactor(chosen->onKey ? term.pair : term.closedRow, chosen, 1);
  }
  return term;
}

Separation::Terms Separation::separateSelect(const Node *node) {
  bool open = openIn(node);
  if (!open && !hasExponentialAddend(node))
    return pairAtom(node);
  const Node *condition = node->operands[0];
  if (condition->onKey && openIn(condition))
    return fail(condition);
  Terms left = separate(node->operands[1]), right = separate(node->operands[2]);
  if (!left || !right)
    return std::nullopt;
  llvm::SmallVector<Term> result;
  for (const Term &term : *left)
    if (term.coefficient != 0)
      result.push_back(gate(term, condition, true));
  for (const Term &term : *right)
    if (term.coefficient != 0)
      result.push_back(gate(term, condition, false));
  return unite(node, std::move(result), llvm::SmallVector<Term>());
}

} // namespace attune
