// SPDX-License-Identifier: Apache-2.0
// The rules by which the body of a sum separates, one function a rule; each is an identity given its sign facts.
#include "compiler/analysis/Facts.h"
#include "compiler/analysis/RowAlgebra.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <cmath>

namespace attune {

static constexpr size_t maxRank = 24;

//===--- Terms ---------------------------------------------------------------------------------===//

static void include(Factors &factors, const Node *node, double power) {
  auto place = llvm::lower_bound(
      factors, node, [](const Factor &f, const Node *n) { return f.node->id < n->id; });
  if (place == factors.end() || place->node != node) {
    factors.insert(place, {node, power});
    return;
  }
  place->power += power;
  if (place->power == 0)
    factors.erase(place);
}

static void includeAll(Factors &factors, const Factors &more) {
  for (const Factor &factor : more)
    include(factors, factor.node, factor.power);
}

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

std::nullopt_t Separation::fail(const Node *node) {
  const Node *open = openIn(node);
  failureText = "`" + toString(node) + "` cannot be taken apart while r" +
                std::to_string(open->index) + ", the " + describeReduction(graph, open->index) +
                ", is unfinished";
  return std::nullopt;
}

std::nullopt_t Separation::failRank(const Node *node) {
  failureText = "`" + toString(node) + "` needs more than " + std::to_string(maxRank) + " terms";
  return std::nullopt;
}

/// Shared parts of an exponent are visited once a use: a limit keeps hostile programs from hanging.
bool Separation::spend(const Node *node) {
  if (budget == 0) {
    failureText = "an expression of " + std::to_string(node->id) + " parts is too large to take apart";
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

Separation::Terms Separation::multiply(const Node *node, Terms left, Terms right) {
  if (!left || !right)
    return std::nullopt;
  if (left->size() * right->size() > maxRank)
    return failRank(node);
  llvm::SmallVector<Term> result;
  for (const Term &a : *left)
    for (const Term &b : *right) {
      Term term = a;
      term.coefficient *= b.coefficient;
      includeAll(term.pair, b.pair);
      includeAll(term.closedRow, b.closedRow);
      includeAll(term.openRow, b.openRow);
      if (a.exponent && b.exponent)
        term.exponent = graph.make(NodeKind::Add, {a.exponent, b.exponent});
      else
        term.exponent = a.exponent ? a.exponent : b.exponent;
      result.push_back(std::move(term));
    }
  combineLikeTerms(result);
  return result;
}

/// Is a sum of exponentials to be found by taking apart only + - * / and select?
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
    return hasExponentialAddend(node->operands[0], seen) || hasExponentialAddend(node->operands[1], seen);
  case NodeKind::Select:
    return hasExponentialAddend(node->operands[1], seen) || hasExponentialAddend(node->operands[2], seen);
  default: return false;
  }
}

static bool hasExponentialAddend(const Node *node) {
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
    return include(term.closedRow, node, power);
  if (steps == 0)
    return include(term.openRow, node, power);
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
  default: return include(term.openRow, node, power);
  }
}

Separation::Terms Separation::rowTerm(const Node *node) {
  Term term;
  unsigned steps = 256;
  collectRow(
      node, 1, term, [this](const Node *part) { return openIn(part) != nullptr; }, steps);
  return llvm::SmallVector<Term>{term};
}

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
    term.exponent = graph.make(
        NodeKind::Mul, {graph.constant(power, term.exponent->type), term.exponent});
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
  bool open = openIn(base);
  if (open && (power == 2 || power == 3 || power == 4)) {
    Terms result = terms;
    for (int i = 1; i < power; ++i)
      result = multiply(node, std::move(result), terms);
    return result;
  }
  if (open)
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
    include(term.closedRow, graph.make(NodeKind::Exp, {parts.closed}), 1);
  }
  for (const Node *open : parts.open)
    include(term.openRow, graph.make(NodeKind::Exp, {open}), 1);
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
      include(*factors, known ? factor.node : graph.make(NodeKind::Abs, {factor.node}),
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
  const Node *pair = graph.make(
      NodeKind::Mul, {graph.constant(term.coefficient), product(term.pair)});
  const Node *row =
      graph.make(NodeKind::Mul, {product(term.closedRow), product(term.openRow)});
  auto made = [&](const Node *g, const Node *h) {
    Term part = rowTerm(h)->front();
    part.exponent = term.exponent;
    include(part.pair, g, 1);
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
    include(result.pair, graph.make(ofPair, {parts.closed}), 1);
    include(result.openRow, graph.make(ofRow, {row}), 1);
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
    include(term.openRow, choose(graph.constant(1), 0), 1);
  } else if (term.exponent) {
    term.exponent = choose(term.exponent, -INFINITY);
  } else {
    const Node *chosen = choose(product(term.pair), 0);
    term.pair.clear();
    include(chosen->onKey ? term.pair : term.closedRow, chosen, 1);
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
  combineLikeTerms(result);
  return result.size() > maxRank ? failRank(node) : Terms(result);
}

} // namespace attune
