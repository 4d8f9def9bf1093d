// SPDX-License-Identifier: Apache-2.0
// What does each sweep carry? Accumulators, shared where they are equal, and the frames that keep their
// exponentials in range.
#include "compiler/analysis/SweepPlanner.h"
#include <cmath>

namespace attune {

using attn::ReduceKind;

//===--- Sharing -------------------------------------------------------------------------------===//

static bool sameExponent(const Node *a, const Node *b) {
  if (!a || !b)
    return a == b;
  std::optional<double> ratio = Expansion(a).ratioTo(Expansion(b));
  return a == b || (ratio && *ratio == 1);
}

DraftAccumulator SweepPlanner::draftOf(unsigned reduction) const {
  const GraphReduction &of = graph.reductions()[reduction];
  DraftAccumulator draft;
  draft.kind = of.kind;
  draft.values = of.values;
  draft.domain = of.domain;
  draft.stage = reductions[reduction].stage;
  draft.divides = reductions[reduction].divides;
  draft.identity = of.identity;
  return draft;
}

/// An accumulator with the same value, of this sweep or an earlier one.
std::optional<unsigned> SweepPlanner::find(const DraftAccumulator &draft) const {
  for (auto [index, other] : llvm::enumerate(accumulators))
    if (other.stage <= draft.stage && other.kind == draft.kind && other.values == draft.values &&
        other.domain == draft.domain && other.whole == draft.whole &&
        other.listed == draft.listed && other.identity == draft.identity &&
        other.weight == draft.weight && other.centredPower == draft.centredPower &&
        sameExponent(other.exponent, draft.exponent))
      return index;
  return std::nullopt;
}

unsigned SweepPlanner::findOrAdd(DraftAccumulator draft) {
  if (std::optional<unsigned> known = find(draft)) {
    accumulators[*known].divides |= draft.divides;
    return *known;
  }
  accumulators.push_back(std::move(draft));
  return accumulators.size() - 1;
}

//===--- Sums ----------------------------------------------------------------------------------===//

/// Finished factors of the row that have a scale of their own bound the exponent: they are put into it, so
/// that neither is ever rounded alone.
void SweepPlanner::boundByRowFactors(Term &term) {
  Separation separation(graph, [](unsigned) { return false; });
  const Node *factor = separation.product(term.closedRow);
  if (!term.exponent || !factor->hasReduction)
    return;
  RowNumber number = arithmetic.evaluate(factor);
  if (number.exponent.empty())
    return;
  const Node *scale = rowValue(arithmetic.exponentToNode(number), nullptr);
  term.exponent = graph.make(NodeKind::Add, {term.exponent, scale});
  term.closedRow = {{arithmetic.sumToNode(number), 1}};
}

/// coefficient * closedRow * openRow.
static const Node *rowPart(ExpressionGraph &graph, const Term &term) {
  Separation separation(graph, [](unsigned) { return false; });
  const Node *row = graph.make(
      NodeKind::Mul, {separation.product(term.closedRow), separation.product(term.openRow)});
  return graph.make(NodeKind::Mul, {graph.constant(term.coefficient), row});
}

/// The sum over `terms` of coefficient * closedRow * pair, times the exponential if `exponentials`.
static const Node *pairSum(ExpressionGraph &graph, llvm::ArrayRef<Term> terms, bool exponentials) {
  Separation separation(graph, [](unsigned) { return false; });
  const Node *sum = nullptr;
  for (const Term &term : terms) {
    const Node *node = separation.product(term.pair);
    if (exponentials && term.exponent) {
      // exp(E) / g rather than exp(E) * (1 / g): the quotient is what the program says.
      const Node *power = graph.make(NodeKind::Exp, {term.exponent});
      if (node->kind == NodeKind::Div)
        node = graph.make(NodeKind::Div, {graph.make(NodeKind::Mul, {power, node->operands[0]}),
                                          node->operands[1]});
      else
        node = graph.make(NodeKind::Mul, {power, node});
    }
    const Node *row = graph.make(NodeKind::Mul, {graph.constant(std::fabs(term.coefficient)),
                                                 separation.product(term.closedRow)});
    node = graph.make(NodeKind::Mul, {row, node});
    bool minus = term.coefficient < 0;
    if (!sum)
      sum = minus ? graph.make(NodeKind::Neg, {node}) : node;
    else
      sum = graph.make(minus ? NodeKind::Sub : NodeKind::Add, {sum, node});
  }
  return sum;
}

/// Several terms of one row factor are one accumulator. A single one gives up its own factors of the row.
void SweepPlanner::makePlain(unsigned reduction, llvm::ArrayRef<Term> group) {
  DraftAccumulator draft = draftOf(reduction);
  Term hoisted;
  if (group.size() == 1) {
    hoisted = group[0];
    Term kept = hoisted;
    kept.coefficient = 1;
    kept.closedRow.clear();
    draft.whole = pairSum(graph, kept, true);
  } else {
    hoisted.openRow = group[0].openRow;
    draft.whole = pairSum(graph, group, true);
  }
  reductions[reduction].carried.push_back({rowPart(graph, hoisted), findOrAdd(std::move(draft))});
}

void SweepPlanner::makeFramed(unsigned reduction, llvm::ArrayRef<Term> group) {
  DraftAccumulator draft = draftOf(reduction);
  draft.exponent = group[0].exponent;
  Term hoisted;
  if (group.size() == 1) {
    hoisted = group[0];
    draft.weight = hoisted.pair;
  } else {
    hoisted.openRow = group[0].openRow;
    draft.weight = {{pairSum(graph, group, false), 1}};
  }
  reductions[reduction].carried.push_back({rowPart(graph, hoisted), findOrAdd(std::move(draft))});
}

/// Is the weight a power of the exponent itself? Such a sum is carried about the frame's origin.
static bool isMoment(const Term &term) {
  return llvm::any_of(term.pair, [&](const Factor &factor) {
    return Expansion(factor.node).ratioTo(Expansion(term.exponent)).has_value();
  });
}

/// Terms with one row factor: those that need a frame by their exponents, all others together.
void SweepPlanner::makeGroup(unsigned reduction, llvm::ArrayRef<Term> group) {
  llvm::SmallVector<Term> plain;
  llvm::SmallVector<llvm::SmallVector<Term>> framed;
  for (const Term &term : group) {
    bool needsFrame = term.exponent && reductions[reduction].relative;
    if (term.exponent && !needsFrame) {
      // A frame that somebody else carries serves as well.
      DraftAccumulator draft = draftOf(reduction);
      draft.exponent = term.exponent;
      draft.weight = term.pair;
      needsFrame = find(draft).has_value();
    }
    if (!needsFrame) {
      plain.push_back(term);
      continue;
    }
    auto same = llvm::find_if(framed, [&](const auto &terms) {
      return sameExponent(terms.front().exponent, term.exponent) && !isMoment(term) &&
             !isMoment(terms.front());
    });
    if (same == framed.end())
      framed.push_back({term});
    else
      same->push_back(term);
  }
  for (llvm::ArrayRef<Term> terms : framed)
    makeFramed(reduction, terms);
  if (!plain.empty())
    makePlain(reduction, plain);
}

/// The last of the running values, as it is.
void SweepPlanner::makeFold(unsigned reduction) {
  DraftAccumulator draft = draftOf(reduction);
  draft.whole = graph.reductions()[reduction].body;
  reductions[reduction].carried.push_back({graph.constant(1), findOrAdd(std::move(draft))});
}

void SweepPlanner::makeSum(unsigned reduction) {
  if (graph.reductions()[reduction].identity)
    return makeFold(reduction);
  llvm::SmallVector<llvm::SmallVector<Term>> groups;
  for (Term term : reductions[reduction].terms) {
    boundByRowFactors(term);
    auto same = llvm::find_if(
        groups, [&](const auto &terms) { return terms.front().openRow == term.openRow; });
    if (same == groups.end())
      groups.push_back({term});
    else
      same->push_back(term);
  }
  for (llvm::ArrayRef<Term> group : groups)
    makeGroup(reduction, group);
}

void SweepPlanner::makeExtremum(unsigned reduction) {
  const GraphReduction &of = graph.reductions()[reduction];
  unsigned stage = reductions[reduction].stage;
  Separation separation(graph, [&](unsigned other) { return reductions[other].finished >= stage; });
  reductions[reduction].extremum =
      separation.extremum(of.kind, of.body, [&](ReduceKind kind, const Node *body) {
        DraftAccumulator draft = draftOf(reduction);
        draft.kind = kind;
        draft.whole = body;
        return accumulatorRef(findOrAdd(std::move(draft)));
      });
}

void SweepPlanner::makeList(unsigned reduction) {
  DraftAccumulator draft = draftOf(reduction);
  draft.whole = graph.reductions()[reduction].body;
  draft.listed = graph.reductions()[reduction].listed;
  reductions[reduction].carried.push_back({graph.constant(1), findOrAdd(std::move(draft))});
}

//===--- Frames --------------------------------------------------------------------------------===//

/// E and 2E have one frame, E and -E do not.
bool SweepPlanner::joinFrame(unsigned index) {
  DraftAccumulator &draft = accumulators[index];
  for (auto [frame, other] : llvm::enumerate(frames)) {
    if (other.stage != draft.stage || other.domain != draft.domain)
      continue;
    std::optional<double> ratio = Expansion(draft.exponent).ratioTo(Expansion(other.exponent));
    if (!ratio || *ratio <= 0)
      continue;
    draft.frame = frame;
    draft.rate = *ratio;
    return true;
  }
  return false;
}

/// E = X + Y with Y <= 0 and X framed: exp(Y) is a weight in X's frame. Not for what somebody divides by.
bool SweepPlanner::joinDominatingFrame(unsigned index) {
  const Node *exponent = accumulators[index].exponent;
  if (accumulators[index].divides ||
      (exponent->kind != NodeKind::Add && exponent->kind != NodeKind::Sub))
    return false;
  for (unsigned side : {0u, 1u}) {
    const Node *main = exponent->operands[side], *rest = exponent->operands[1 - side];
    if (exponent->kind == NodeKind::Sub) {
      if (side == 1)
        continue;
      rest = graph.make(NodeKind::Neg, {rest});
    }
    if (!signOf(graph, rest).nonPositive)
      continue;
    accumulators[index].exponent = main;
    if (joinFrame(index)) {
      accumulators[index].weight.push_back({graph.make(NodeKind::Exp, {rest}), 1});
      return true;
    }
    accumulators[index].exponent = exponent;
  }
  return false;
}

/// A new frame of the exponent as written, but for a leading number, which becomes the rate: a score that is
/// a scaled product has the product as origin.
void SweepPlanner::openFrame(unsigned index) {
  const Node *exponent = accumulators[index].exponent;
  double rate = 1;
  while (true) {
    const Node *x = exponent->operands.empty() ? nullptr : exponent->operands[0];
    if (exponent->kind == NodeKind::Neg)
      rate = -rate;
    else if (exponent->kind == NodeKind::Mul && x->kind == NodeKind::Constant)
      rate *= x->number, x = exponent->operands[1];
    else if (exponent->kind == NodeKind::Mul && exponent->operands[1]->kind == NodeKind::Constant)
      rate *= exponent->operands[1]->number;
    else if (exponent->kind == NodeKind::Div && exponent->operands[1]->kind == NodeKind::Constant)
      rate /= exponent->operands[1]->number;
    else
      break;
    exponent = x;
  }
  // A rate of 0 or of no finite size says nothing of the exponent's range.
  if (rate == 0 || !std::isfinite(rate)) {
    exponent = accumulators[index].exponent;
    rate = 1;
  }
  if (rate < 0)
    exponent = graph.make(NodeKind::Neg, {exponent});
  accumulators[index].frame = frames.size();
  accumulators[index].rate = std::fabs(rate);
  frames.push_back({exponent, accumulators[index].domain, accumulators[index].stage});
}

/// Weights that are powers of the frame's own exponent are carried about the origin: sums of (P - m)^k.
void SweepPlanner::centre(unsigned index) {
  DraftAccumulator draft = accumulators[index];
  Expansion origin(frames[draft.frame].exponent);
  for (const Factor &factor : llvm::to_vector(draft.weight)) {
    std::optional<double> ratio = Expansion(factor.node).ratioTo(origin);
    bool small = factor.power >= 1 && factor.power <= 4 && factor.power == std::round(factor.power);
    if (!ratio || !small)
      continue;
    draft.centredPower += factor.power;
    draft.scale *= std::pow(*ratio, factor.power);
    llvm::erase(draft.weight, factor);
  }
  if (draft.centredPower == 0)
    return;
  for (unsigned power = 0; power < draft.centredPower; ++power) {
    DraftAccumulator lower = draft;
    lower.centredPower = power;
    lower.scale = 1;
    lower.family.clear();
    for (unsigned below = 0; below < power; ++below)
      lower.family.push_back(draft.family[below]);
    draft.family.push_back(findOrAdd(std::move(lower)));
  }
  accumulators[index] = std::move(draft);
}

/// The maximum of a frame's exponent is its origin, when the frame is exact.
void SweepPlanner::aliasExtrema(unsigned stage) {
  for (DraftAccumulator &draft : accumulators) {
    if (draft.stage != stage || draft.kind == ReduceKind::Sum)
      continue;
    for (auto [index, frame] : llvm::enumerate(frames)) {
      if (frame.stage != stage || frame.domain != draft.domain || draft.alias >= 0)
        continue;
      std::optional<double> ratio = Expansion(draft.whole).ratioTo(Expansion(frame.exponent));
      if (!ratio || (*ratio > 0) != (draft.kind == ReduceKind::Max))
        continue;
      draft.alias = index;
      draft.aliasRatio = *ratio;
    }
  }
}

void SweepPlanner::makeState(unsigned stage) {
  llvm::ArrayRef<GraphReduction> all = graph.reductions();
  for (bool relative : {true, false})
    for (unsigned index = 0; index < all.size(); ++index)
      if (reductions[index].stage == stage && all[index].kind == ReduceKind::Sum &&
          reductions[index].relative == relative)
        all[index].listed ? makeList(index) : makeSum(index);
  for (unsigned index = 0; index < all.size(); ++index)
    if (reductions[index].stage == stage && all[index].kind != ReduceKind::Sum)
      makeExtremum(index);

  auto needsFrame = [&](unsigned index) {
    return accumulators[index].stage == stage && accumulators[index].exponent &&
           accumulators[index].frame < 0;
  };
  // What is divided by has its own frame; others may live in one that dominates theirs.
  for (bool divides : {true, false})
    for (unsigned index = 0; index < accumulators.size(); ++index)
      if (needsFrame(index) && accumulators[index].divides == divides && !joinFrame(index) &&
          !joinDominatingFrame(index))
        openFrame(index);
  for (unsigned index = 0, count = accumulators.size(); index < count; ++index)
    if (accumulators[index].stage == stage && accumulators[index].frame >= 0)
      centre(index);
  aliasExtrema(stage);
}

} // namespace attune
