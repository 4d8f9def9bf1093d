// SPDX-License-Identifier: Apache-2.0
// How do finished sums become row values and results? Through row numbers, guarded for rows without a
// visible pair.
#include "compiler/analysis/SweepPlanner.h"
#include <cmath>

namespace attune {

using attn::ReduceKind;

static bool anyReduction(unsigned) { return true; }

SweepPlanner::SweepPlanner(ExpressionGraph &graph, SweepPlan &plan)
    : graph(graph), plan(plan),
      arithmetic(graph, [this](unsigned reduction) { return reductionValue(reduction); }) {}

//===--- Values of the state -------------------------------------------------------------------===//

static double binomial(unsigned n, unsigned k) {
  double result = 1;
  for (unsigned i = 0; i < k; ++i)
    result = result * (n - i) / (i + 1);
  return result;
}

/// e^(rate m) sum over l of C(k, l) m^(k - l) T_l, without the T_l.
llvm::SmallVector<std::pair<RowNumber, unsigned>>
SweepPlanner::accumulatorValue(unsigned index) {
  const DraftAccumulator &draft = accumulators[index];
  if (draft.frame < 0)
    return {{arithmetic.constant(1), index}};
  llvm::SmallVector<std::pair<RowNumber, unsigned>> result;
  const Node *origin = frameRef(draft.frame);
  RowNumber scale = arithmetic.multiply(arithmetic.exponential({{origin, draft.rate}}),
                                        arithmetic.constant(draft.scale));
  for (unsigned l = 0; l <= draft.centredPower; ++l) {
    RowNumber shift = arithmetic.power(arithmetic.atom(origin), draft.centredPower - l);
    RowNumber factor = arithmetic.multiply(
        arithmetic.constant(binomial(draft.centredPower, l)), shift);
    unsigned member = l == draft.centredPower ? index : draft.family[l];
    result.push_back({arithmetic.multiply(scale, factor), member});
  }
  return result;
}

RowNumber SweepPlanner::reductionValue(unsigned index) {
  const ReductionPlan &own = reductions[index];
  // A maximum that is read anyway had better be the origin itself, which then cancels against it.
  if (own.extremum)
    return arithmetic.evaluate(own.readLater ? aliased(own.extremum) : own.extremum);
  RowNumber sum;
  for (const ReductionPlan::Carried &carried : own.carried) {
    RowNumber factor = arithmetic.evaluate(carried.factor);
    for (auto &[scale, member] : accumulatorValue(carried.accumulator)) {
      RowNumber value = arithmetic.multiply(scale, arithmetic.atom(accumulatorRef(member)));
      sum = arithmetic.add(std::move(sum), arithmetic.multiply(factor, std::move(value)));
    }
  }
  return sum;
}

const Node *SweepPlanner::finish(const Node *rowExpression) {
  return arithmetic.toNode(arithmetic.evaluate(rowExpression));
}

//===--- Rows without a visible pair -----------------------------------------------------------===//

static void collect(const Node *node, llvm::function_ref<void(const Node *)> visit,
                    llvm::DenseSet<const Node *> &seen) {
  if (!seen.insert(node).second)
    return;
  visit(node);
  for (const Node *operand : node->operands)
    collect(operand, visit, seen);
}

static void forEachNode(const Node *node, llvm::function_ref<void(const Node *)> visit) {
  llvm::DenseSet<const Node *> seen;
  collect(node, visit, seen);
}

/// Can it only be wrong on an empty row by a quotient, an exponential, or an origin in a product?
static bool isSafeOnEmptyRows(const Node *node) {
  bool safe = true;
  forEachNode(node, [&](const Node *part) {
    safe &= part->kind != NodeKind::Div && part->kind != NodeKind::Exp &&
            part->kind != NodeKind::FrameRef;
  });
  bool scaled = node->kind == NodeKind::Mul && node->operands[0]->kind == NodeKind::Constant;
  return safe || (scaled ? node->operands[1] : node)->kind == NodeKind::FrameRef;
}

/// Conditions under which a row surely has a visible pair of `domain` (null: of any that is read), from what
/// `finished` reads: an origin that has moved, an extremum, else a divisor that is not 0.
llvm::SmallVector<const Node *> SweepPlanner::nonEmpty(const Node *finished, const Domain *domain) {
  llvm::SmallVector<const Node *> origins, extrema, divisors;
  auto differs = [&](const Node *node, double number) {
    return graph.make(NodeKind::NotEqual, {node, graph.constant(number)});
  };
  auto isOver = [&](const Domain &other) { return !domain || other == *domain; };
  auto isSum = [&](const Node *part) {
    return part->kind == NodeKind::AccumulatorRef && isOver(accumulators[part->index].domain);
  };
  forEachNode(finished, [&](const Node *part) {
    if (part->kind == NodeKind::FrameRef && isOver(frames[part->index].domain))
      origins.push_back(differs(part, -INFINITY));
    if (isSum(part) && accumulators[part->index].frame >= 0)
      origins.push_back(differs(frameRef(accumulators[part->index].frame), -INFINITY));
    if (isSum(part) && accumulators[part->index].kind != ReduceKind::Sum)
      extrema.push_back(differs(
          part, accumulators[part->index].kind == ReduceKind::Max ? -INFINITY : INFINITY));
    if (part->kind == NodeKind::Div) {
      bool carried = false;
      forEachNode(part->operands[1], [&](const Node *below) { carried |= isSum(below); });
      if (carried)
        divisors.push_back(differs(part->operands[1], 0));
    }
  });
  auto &chosen = !origins.empty() ? origins : !extrema.empty() ? extrema : divisors;
  llvm::sort(chosen, [](const Node *a, const Node *b) { return a->id < b->id; });
  chosen.erase(llvm::unique(chosen), chosen.end());
  return chosen;
}

static double identityOf(ReduceKind kind) {
  return kind == ReduceKind::Max ? -INFINITY : kind == ReduceKind::Min ? INFINITY : 0;
}

/// `node` with every reduction over `domain` at its identity; the mean of no pair is 0.
const Node *SweepPlanner::overEmpty(const Node *node, const Domain &domain) {
  auto isEmpty = [&](unsigned index) { return graph.reductions()[index].domain == domain; };
  if (node->kind == NodeKind::Reduction)
    return isEmpty(node->index)
               ? graph.constant(identityOf(graph.reductions()[node->index].kind), node->type)
               : node;
  if (!findReduction(node, isEmpty))
    return node;
  if (node->kind == NodeKind::Div && node->operands[1]->kind == NodeKind::Reduction &&
      graph.reductions()[node->operands[1]->index].body->kind == NodeKind::Constant)
    return graph.constant(0, node->type);
  llvm::SmallVector<const Node *, 3> operands;
  for (const Node *operand : node->operands)
    operands.push_back(overEmpty(operand, domain));
  return graph.withOperands(node, operands);
}

/// A sum over `domain` without a sign of its own that it is empty may be multiplied by a row factor that is
/// not a number when another domain leaves the row empty: then that decides.
llvm::SmallVector<const Node *> SweepPlanner::factorConditions(const Node *rowExpression,
                                                               const Domain &domain) {
  llvm::SmallVector<const Node *> conditions;
  findReduction(rowExpression, [&](unsigned index) {
    if (graph.reductions()[index].domain != domain)
      return false;
    const Node *own = arithmetic.toNode(reductionValue(index));
    if (!isSafeOnEmptyRows(own))
      conditions.append(nonEmpty(own, nullptr));
    return false;
  });
  return conditions;
}

/// The finish of `rowExpression`, or its value over no pair where one of `domains` leaves the row empty.
const Node *SweepPlanner::guarded(const Node *rowExpression, llvm::ArrayRef<Domain> domains) {
  const Node *finished = finish(rowExpression);
  if (isSafeOnEmptyRows(finished) || domains.empty())
    return finished;
  llvm::SmallVector<const Node *> conditions = nonEmpty(finished, &domains.front());
  if (conditions.empty())
    conditions = factorConditions(rowExpression, domains.front());
  const Node *result = guarded(rowExpression, domains.drop_front());
  if (conditions.empty())
    return result;
  const Node *empty =
      guarded(overEmpty(rowExpression, domains.front()), domains.drop_front());
  for (const Node *condition : conditions)
    result = graph.make(NodeKind::Select, {condition, result, empty});
  return result;
}

static llvm::SmallVector<Domain> domainsIn(const ExpressionGraph &graph, const Node *node) {
  llvm::SmallVector<Domain> domains;
  findReduction(node, [&](unsigned index) {
    if (!llvm::is_contained(domains, graph.reductions()[index].domain))
      domains.push_back(graph.reductions()[index].domain);
    return false;
  });
  return domains;
}

//===--- Row values that later sweeps read -----------------------------------------------------===//

/// `finished` as a leaf of later sweeps; itself if it reads no state.
const Node *SweepPlanner::rowValue(const Node *finished, const Node *meaning) {
  unsigned sweep = 0;
  bool readsState = false;
  forEachNode(finished, [&](const Node *part) {
    if (part->kind == NodeKind::AccumulatorRef)
      sweep = std::max(sweep, accumulators[part->index].stage);
    else if (part->kind == NodeKind::FrameRef)
      sweep = std::max(sweep, frames[part->index].stage);
    else if (part->kind == NodeKind::RowRef)
      sweep = std::max(sweep, plan.rowValues[part->index].sweep);
    else
      return;
    readsState = true;
  });
  if (!readsState || finished->kind == NodeKind::RowRef)
    return finished;
  for (auto [index, known] : llvm::enumerate(plan.rowValues))
    if (known.finish == finished)
      return graph.leaf(NodeKind::RowRef, finished->type, {}, index);
  plan.rowValues.push_back({finished, sweep, meaning ? toString(meaning) : "scale"});
  return graph.leaf(NodeKind::RowRef, finished->type, {}, plan.rowValues.size() - 1);
}

/// The factors of nested products and quotients.
static void collectFactors(const Node *node, double power, double &number, Factors &factors) {
  if (node->kind == NodeKind::Mul || node->kind == NodeKind::Div) {
    collectFactors(node->operands[0], power, number, factors);
    return collectFactors(node->operands[1], node->kind == NodeKind::Div ? -power : power, number,
                          factors);
  }
  if (node->kind == NodeKind::Neg) {
    number = -number;
    return collectFactors(node->operands[0], power, number, factors);
  }
  factors.push_back({node, power});
}

/// A product of an exponential of the pair and finished row values that have a scale: exp(E) / D becomes
/// exp(E - m) / (D e^-m), both in range.
const Node *SweepPlanner::resolveProduct(const Node *node) {
  double number = 1;
  Factors factors;
  collectFactors(node, 1, number, factors);
  RowNumber row = arithmetic.constant(number);
  Factor *exponential = nullptr;
  for (Factor &factor : factors) {
    if (!factor.node->onKey && findReduction(factor.node, anyReduction))
      row = arithmetic.multiply(row,
                                arithmetic.power(arithmetic.evaluate(factor.node), factor.power));
    else if (factor.node->kind == NodeKind::Exp && factor.power == 1)
      exponential = &factor;
  }
  if (!exponential || row.exponent.empty())
    return nullptr;
  const Node *scale = rowValue(arithmetic.exponentToNode(row), nullptr);
  const Node *result = rowValue(arithmetic.sumToNode(row), nullptr);
  for (const Factor &factor : factors) {
    if (!factor.node->onKey && findReduction(factor.node, anyReduction))
      continue;
    const Node *part = resolve(factor.node);
    if (&factor == exponential)
      part = graph.make(NodeKind::Exp, {graph.make(NodeKind::Add, {part->operands[0], scale})});
    result = graph.make(factor.power > 0 ? NodeKind::Mul : NodeKind::Div, {result, part});
  }
  return result;
}

/// A finished expression of the pair as later sweeps evaluate it: row values in place of reductions.
const Node *SweepPlanner::resolve(const Node *node) {
  if (!node || !findReduction(node, anyReduction))
    return node;
  if (!node->onKey)
    return rowValue(guarded(node, domainsIn(graph, node)), node);
  if (node->kind == NodeKind::Mul || node->kind == NodeKind::Div)
    if (const Node *product = resolveProduct(node))
      return product;
  llvm::SmallVector<const Node *, 3> operands;
  for (const Node *operand : node->operands)
    operands.push_back(resolve(operand));
  return graph.withOperands(node, operands);
}

Domain SweepPlanner::resolve(const Domain &domain) {
  Domain result;
  for (const Node *predicate : domain)
    result.push_back(resolve(predicate));
  llvm::sort(result, [](const Node *a, const Node *b) { return a->id < b->id; });
  return result;
}

//===--- Results -------------------------------------------------------------------------------===//

ResultPlan SweepPlanner::makeVectorResult(const GraphResult &result) {
  ResultPlan made;
  // One factor an accumulator and domain: equal accumulators of several terms are added as numbers.
  struct Sum {
    unsigned accumulator;
    Domain domain;
    RowNumber factor;
  };
  llvm::SmallVector<Sum> sums;
  for (const GraphResult::Term &term : result.terms) {
    RowNumber outer =
        term.factor ? arithmetic.evaluate(term.factor) : arithmetic.constant(1);
    for (const ReductionPlan::Carried &carried : reductions[term.contraction].carried) {
      RowNumber factor = arithmetic.multiply(outer, arithmetic.evaluate(carried.factor));
      for (auto &[scale, member] : accumulatorValue(carried.accumulator)) {
        RowNumber whole = arithmetic.multiply(factor, scale);
        auto same = llvm::find_if(sums, [&](const Sum &s) { return s.accumulator == member; });
        if (same == sums.end())
          sums.push_back({member, graph.reductions()[term.contraction].domain, whole});
        else
          same->factor = arithmetic.add(same->factor, whole);
      }
    }
  }
  for (const Sum &sum : sums) {
    const Node *factor = arithmetic.toNode(sum.factor);
    if (!isSafeOnEmptyRows(factor) || factor->kind == NodeKind::FrameRef) {
      const Node *read = graph.make(NodeKind::Mul, {factor, accumulatorRef(sum.accumulator)});
      llvm::SmallVector<const Node *> conditions = nonEmpty(read, &sum.domain);
      for (const Node *condition : conditions.empty() ? nonEmpty(read, nullptr) : conditions)
        factor = graph.make(NodeKind::Select, {condition, factor, graph.constant(0)});
    }
    bool one = factor->kind == NodeKind::Constant && factor->number == 1;
    made.terms.push_back({one ? nullptr : factor, sum.accumulator});
  }
  for (const EpilogueStep &step : result.epilogue) {
    EpilogueStep finished{step.map, {}};
    for (const Node *input : step.inputs)
      finished.inputs.push_back(input ? guarded(input, domainsIn(graph, input)) : nullptr);
    made.epilogue.push_back(std::move(finished));
  }
  return made;
}

void SweepPlanner::makeResults() {
  for (const GraphResult &result : graph.results()) {
    if (result.scalar) {
      ResultPlan made;
      made.scalar = guarded(result.scalar, domainsIn(graph, result.scalar));
      plan.results.push_back(std::move(made));
    } else {
      plan.results.push_back(makeVectorResult(result));
    }
  }
}

} // namespace attune
