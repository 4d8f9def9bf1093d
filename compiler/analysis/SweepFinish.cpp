// SPDX-License-Identifier: Apache-2.0
// How do finished sums become row values and results? Through row numbers, guarded for rows without a
// visible pair.
#include "compiler/analysis/SweepPlanner.h"
#include <cmath>

namespace attune {

using attn::ReduceKind;

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
llvm::SmallVector<std::pair<RowNumber, unsigned>> SweepPlanner::accumulatorValue(unsigned index) {
  const DraftAccumulator &draft = accumulators[index];
  if (draft.frame < 0)
    return {{arithmetic.constant(1), index}};
  llvm::SmallVector<std::pair<RowNumber, unsigned>> result;
  const Node *origin = frameRef(draft.frame);
  RowNumber scale = arithmetic.multiply(arithmetic.exponential({{origin, draft.rate}}),
                                        arithmetic.constant(draft.scale));
  for (unsigned l = 0; l <= draft.centredPower; ++l) {
    RowNumber shift = arithmetic.power(arithmetic.atom(origin), draft.centredPower - l);
    RowNumber factor =
        arithmetic.multiply(arithmetic.constant(binomial(draft.centredPower, l)), shift);
    unsigned member = l == draft.centredPower ? index : draft.family[l];
    result.push_back({arithmetic.multiply(scale, factor), member});
  }
  return result;
}

static double identityOf(ReduceKind kind) {
  return kind == ReduceKind::Max ? -INFINITY : kind == ReduceKind::Min ? INFINITY : 0;
}

RowNumber SweepPlanner::reductionValue(unsigned index) {
  const ReductionPlan &own = reductions[index];
  const GraphReduction &reduction = graph.reductions()[index];
  if (isEmpty(reduction.domain))
    return reduction.identity ? arithmetic.evaluate(reduction.identity)
                              : arithmetic.constant(identityOf(reduction.kind));
  // A maximum that is read anyway had better be the origin itself, which then cancels against it.
  if (own.extremum)
    return arithmetic.evaluate(overEmpty(own.readLater ? aliased(own.extremum) : own.extremum));
  RowNumber sum;
  for (const ReductionPlan::Carried &carried : own.carried) {
    std::optional<RowNumber> factor = rowFactor(carried.factor);
    if (!factor)
      continue;
    for (auto &[scale, member] : accumulatorValue(carried.accumulator)) {
      if (isSilent(accumulators[member].frame))
        continue;
      RowNumber value = arithmetic.multiply(scale, arithmetic.atom(accumulatorRef(member)));
      sum = arithmetic.add(std::move(sum), arithmetic.multiply(*factor, std::move(value)));
    }
  }
  return sum;
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

/// Is it right on an empty row, since it has no quotient, no exponential, and no infinite origin or extremum
/// but alone?
bool SweepPlanner::isSafeOnEmptyRows(const Node *node) const {
  auto isInfinite = [&](const Node *part) {
    return part->kind == NodeKind::FrameRef || (part->kind == NodeKind::AccumulatorRef &&
                                                accumulators[part->index].kind != ReduceKind::Sum);
  };
  bool safe = true;
  forEachNode(node, [&](const Node *part) {
    safe &= part->kind != NodeKind::Div && part->kind != NodeKind::Exp && !isInfinite(part);
  });
  bool scaled = node->kind == NodeKind::Mul && node->operands[0]->kind == NodeKind::Constant;
  return safe || isInfinite(scaled ? node->operands[1] : node);
}

/// The frame that an origin or a sum belongs to; -1: none.
int SweepPlanner::frameOf(const Node *node) const {
  return node->kind == NodeKind::FrameRef         ? int(node->index)
         : node->kind == NodeKind::AccumulatorRef ? accumulators[node->index].frame
                                                  : -1;
}

/// May its origin be -inf in a row that has visible pairs? Where none is chosen, since a pair that is not
/// chosen has the exponent -inf (Separation::gate). The sums of the frame are 0 there, others are not.
bool SweepPlanner::isGated(int frame) const {
  bool gated = false;
  if (frame >= 0)
    forEachNode(frames[frame].exponent, [&](const Node *part) {
      gated |= part->kind == NodeKind::Constant && part->number == -INFINITY;
    });
  return gated;
}

/// Conditions under which a row surely has a visible pair of `domain`, from what `finished` reads: an origin
/// that has moved, an extremum, else a divisor that is not 0.
llvm::SmallVector<const Node *> SweepPlanner::nonEmpty(const Node *finished, const Domain &domain) {
  llvm::SmallVector<const Node *> origins, extrema, divisors;
  auto differs = [&](const Node *node, double number) {
    return graph.make(NodeKind::NotEqual, {node, graph.constant(number)});
  };
  auto isSum = [&](const Node *part) {
    return part->kind == NodeKind::AccumulatorRef && accumulators[part->index].domain == domain;
  };
  forEachNode(finished, [&](const Node *part) {
    if (isGated(frameOf(part)))
      return;
    if (part->kind == NodeKind::FrameRef && frames[part->index].domain == domain)
      origins.push_back(differs(part, -INFINITY));
    if (isSum(part) && accumulators[part->index].frame >= 0)
      origins.push_back(differs(frameRef(accumulators[part->index].frame), -INFINITY));
    if (isSum(part) && accumulators[part->index].kind != ReduceKind::Sum)
      extrema.push_back(
          differs(part, accumulators[part->index].kind == ReduceKind::Max ? -INFINITY : INFINITY));
    if (part->kind == NodeKind::Div) {
      bool carried = false;
      forEachNode(part->operands[1],
                  [&](const Node *below) { carried |= isSum(below) && !isGated(frameOf(below)); });
      if (carried)
        divisors.push_back(differs(part->operands[1], 0));
    }
  });
  auto &chosen = !origins.empty() ? origins : !extrema.empty() ? extrema : divisors;
  llvm::sort(chosen, [](const Node *a, const Node *b) { return a->id < b->id; });
  chosen.erase(llvm::unique(chosen), chosen.end());
  return chosen;
}

bool SweepPlanner::isEmpty(const Domain &domain) const {
  return llvm::is_contained(emptyDomains, domain);
}

/// A leaf over an empty domain is its identity.
const Node *SweepPlanner::emptyLeaf(const Node *leaf) {
  auto constant = [&](double number) { return graph.constant(number, leaf->type); };
  const Node *ofFold = leaf->kind == NodeKind::Reduction ? graph.reductions()[leaf->index].identity
                       : leaf->kind == NodeKind::AccumulatorRef ? accumulators[leaf->index].identity
                                                                : nullptr;
  if (leaf->kind == NodeKind::Reduction && isEmpty(graph.reductions()[leaf->index].domain))
    return ofFold ? ofFold : constant(identityOf(graph.reductions()[leaf->index].kind));
  if (ofFold)
    return leaf->kind == NodeKind::AccumulatorRef && isEmpty(accumulators[leaf->index].domain)
               ? ofFold
               : leaf;
  if (leaf->kind == NodeKind::AccumulatorRef &&
      (isEmpty(accumulators[leaf->index].domain) || isSilent(frameOf(leaf))))
    return constant(identityOf(accumulators[leaf->index].kind));
  if (leaf->kind == NodeKind::FrameRef &&
      (isEmpty(frames[leaf->index].domain) || isSilent(frameOf(leaf))))
    return constant(-INFINITY);
  return leaf;
}

/// `node` with every reduction, sum and origin over an empty domain at its identity; the mean of no pair is 0.
const Node *SweepPlanner::overEmpty(const Node *node) {
  if (emptyDomains.empty() && silentFrames.empty())
    return node;
  llvm::DenseMap<const Node *, const Node *> done;
  std::function<const Node *(const Node *)> rewrite = [&](const Node *part) {
    if (part->operands.empty())
      return emptyLeaf(part);
    if (const Node *known = done.lookup(part))
      return known;
    const Node *divisor = part->kind == NodeKind::Div ? part->operands[1] : nullptr;
    bool isMean = divisor && divisor->kind == NodeKind::Reduction &&
                  graph.reductions()[divisor->index].body->kind == NodeKind::Constant;
    if (isMean && isEmpty(graph.reductions()[divisor->index].domain))
      return done[part] = graph.constant(0, part->type);
    llvm::SmallVector<const Node *, 3> operands;
    for (const Node *operand : part->operands)
      operands.push_back(rewrite(operand));
    return done[part] = graph.withOperands(part, operands);
  };
  return rewrite(node);
}

/// Has it no value, whatever the row: does it divide by 0 or read an infinite number?
static bool isUndefined(const Node *node) {
  bool undefined = false;
  forEachNode(node, [&](const Node *part) {
    bool constant = part->kind == NodeKind::Constant;
    undefined |= constant && !std::isfinite(part->number);
    undefined |= part->kind == NodeKind::Div && part->operands[1]->kind == NodeKind::Constant &&
                 part->operands[1]->number == 0;
  });
  return undefined;
}

/// A factor of a sum under the assumption that some domains are empty; none if it has no value then, which only
/// matters when the sum is over pairs of theirs, and so 0.
std::optional<RowNumber> SweepPlanner::rowFactor(const Node *factor) {
  RowNumber number = arithmetic.evaluate(overEmpty(factor));
  if (!(emptyDomains.empty() && silentFrames.empty()) && isUndefined(arithmetic.toNode(number)))
    return std::nullopt;
  return number;
}

/// A condition under which a row has a visible pair of `domain` from state that is carried anyway, else from
/// a count.
const Node *SweepPlanner::anySignOf(const Domain &domain) {
  auto differs = [&](const Node *node, double number) {
    return graph.make(NodeKind::NotEqual, {node, graph.constant(number)});
  };
  for (auto [index, frame] : llvm::enumerate(frames))
    if (frame.domain == domain && !isGated(index))
      return differs(frameRef(index), -INFINITY);
  std::optional<unsigned> stage;
  for (auto [index, draft] : llvm::enumerate(accumulators)) {
    if (draft.domain != domain)
      continue;
    if (draft.kind != ReduceKind::Sum)
      return differs(accumulatorRef(index), identityOf(draft.kind));
    stage = std::min(stage.value_or(draft.stage), draft.stage);
  }
  DraftAccumulator count;
  count.domain = domain;
  count.stage = stage.value_or(0);
  count.whole = graph.constant(1);
  return differs(accumulatorRef(findOrAdd(std::move(count))), 0);
}

/// `value`, or what it is where a gated frame that it reads is silent.
const Node *SweepPlanner::guardGated(llvm::function_ref<const Node *()> value, const Node *read) {
  const Node *finished = value();
  int gated = -1;
  forEachNode(graph.make(NodeKind::Mul, {finished, read}), [&](const Node *part) {
    if (int frame = frameOf(part); isGated(frame) && !llvm::is_contained(decidedFrames, frame))
      gated = frame;
  });
  if (gated < 0)
    return finished;
  decidedFrames.push_back(gated);
  const Node *result = guardGated(value, read);
  silentFrames.push_back(gated);
  const Node *silent = guardGated(value, read);
  silentFrames.pop_back();
  decidedFrames.pop_back();
  if (result == silent)
    return result;
  const Node *moved = graph.make(NodeKind::NotEqual, {frameRef(gated), graph.constant(-INFINITY)});
  return graph.make(NodeKind::Select, {moved, result, silent});
}

/// `value` where the gated frames over the first domain are silent, guarded for the others.
const Node *SweepPlanner::whileSilent(llvm::function_ref<const Node *()> value, const Node *read,
                                      llvm::ArrayRef<Domain> domains) {
  size_t before = silentFrames.size();
  for (size_t index = 0; index < frames.size(); ++index)
    if (frames[index].domain == domains.front() && isGated(index))
      silentFrames.push_back(index);
  const Node *result = guard(value, read, domains.drop_front());
  silentFrames.truncate(before);
  return result;
}

/// `value`, or what it is over no pair where one of `domains` leaves the row empty. `read` is what its reader
/// multiplies it with.
const Node *SweepPlanner::guard(llvm::function_ref<const Node *()> value, const Node *read,
                                llvm::ArrayRef<Domain> domains) {
  const Node *finished = value();
  if (domains.empty())
    return guardGated(value, read);
  const Node *result = guard(value, read, domains.drop_front());
  emptyDomains.push_back(domains.front());
  const Node *empty = guard(value, read, domains.drop_front());
  // What the unguarded finish comes to on an empty row.
  auto overNoPair = [&](const Node *factor) {
    const Node *whole = graph.make(NodeKind::Mul, {factor, read});
    return arithmetic.toNode(arithmetic.evaluate(overEmpty(whole)));
  };
  bool agrees = overNoPair(result) == overNoPair(empty);
  emptyDomains.pop_back();

  const Node *whole = graph.make(NodeKind::Mul, {finished, read});
  if (agrees && isSafeOnEmptyRows(whole))
    return result;
  llvm::SmallVector<const Node *> conditions = nonEmpty(whole, domains.front());
  // Where no pair is visible, none is chosen.
  if (conditions.empty() && !agrees && whileSilent(value, read, domains) == empty)
    return result;
  if (conditions.empty() && !agrees)
    conditions.push_back(anySignOf(domains.front()));
  for (const Node *condition : conditions)
    result = graph.make(NodeKind::Select, {condition, result, empty});
  return result;
}

const Node *SweepPlanner::guarded(const Node *rowExpression) {
  llvm::SmallVector<Domain> domains;
  collectDomains(rowExpression, domains);
  return guard([&] { return arithmetic.toNode(arithmetic.evaluate(overEmpty(rowExpression))); },
               graph.constant(1), domains);
}

/// The domains of all that `node` reads, also through the finishes of reductions.
void SweepPlanner::collectDomains(const Node *node, llvm::SmallVector<Domain> &domains) {
  auto include = [&](const Domain &domain) {
    if (!llvm::is_contained(domains, domain))
      domains.push_back(domain);
  };
  forEachNode(node, [&](const Node *part) {
    if (part->kind == NodeKind::AccumulatorRef)
      return include(accumulators[part->index].domain);
    if (part->kind == NodeKind::FrameRef)
      return include(frames[part->index].domain);
    if (part->kind != NodeKind::Reduction)
      return;
    include(graph.reductions()[part->index].domain);
    if (reductions[part->index].extremum)
      collectDomains(reductions[part->index].extremum, domains);
    for (const ReductionPlan::Carried &carried : reductions[part->index].carried)
      collectDomains(carried.factor, domains);
  });
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

/// The factors of nested products and quotients, not more than a program writes.
static void collectFactors(const Node *node, double power, double &number, Factors &factors) {
  constexpr size_t maxFactors = 64;
  if (factors.size() >= maxFactors) {
    factors.push_back({node, power});
    return;
  }
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
    if (!factor.node->onKey && factor.node->hasReduction)
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
    if (!factor.node->onKey && factor.node->hasReduction)
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
  if (!node || !node->hasReduction)
    return node;
  if (const Node *known = resolved.lookup(node))
    return known;
  const Node *made = resolveOnce(node);
  return resolved[node] = made;
}

const Node *SweepPlanner::resolveOnce(const Node *node) {
  if (!node->onKey)
    return rowValue(guarded(node), node);
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

/// The factors of a vector result's accumulators. Equal accumulators of several terms are added as numbers.
llvm::MapVector<unsigned, RowNumber> SweepPlanner::vectorFactors(const GraphResult &result) {
  llvm::MapVector<unsigned, RowNumber> factors;
  for (const GraphResult::Term &term : result.terms) {
    std::optional<RowNumber> outer = rowFactor(term.factor ? term.factor : graph.constant(1));
    if (!outer || isEmpty(graph.reductions()[term.contraction].domain))
      continue;
    for (const ReductionPlan::Carried &carried : reductions[term.contraction].carried) {
      std::optional<RowNumber> factor = rowFactor(carried.factor);
      if (!factor)
        continue;
      for (auto &[scale, member] : accumulatorValue(carried.accumulator)) {
        if (isSilent(accumulators[member].frame))
          continue;
        RowNumber whole = arithmetic.multiply(arithmetic.multiply(*outer, *factor), scale);
        factors[member] = arithmetic.add(factors[member], std::move(whole));
      }
    }
  }
  return factors;
}

ResultPlan SweepPlanner::makeVectorResult(const GraphResult &result) {
  ResultPlan made;
  llvm::SmallVector<Domain> domains;
  for (const GraphResult::Term &term : result.terms) {
    if (term.factor)
      collectDomains(term.factor, domains);
    collectDomains(graph.leaf(NodeKind::Reduction, graph.floatType(), {}, term.contraction),
                   domains);
  }
  for (const auto &[accumulator, number] : vectorFactors(result)) {
    auto value = [&, index = accumulator] {
      return arithmetic.toNode(vectorFactors(result).lookup(index));
    };
    const Node *factor = guard(value, accumulatorRef(accumulator), domains);
    bool one = factor->kind == NodeKind::Constant && factor->number == 1;
    made.terms.push_back({one ? nullptr : factor, accumulator});
  }
  for (const EpilogueStep &step : result.epilogue) {
    EpilogueStep finished{step.map, {}};
    for (const Node *input : step.inputs)
      finished.inputs.push_back(input ? guarded(input) : nullptr);
    made.epilogue.push_back(std::move(finished));
  }
  return made;
}

void SweepPlanner::makeResults() {
  for (const GraphResult &result : graph.results()) {
    if (result.listing) {
      ResultPlan made;
      made.listing = reductions[*result.listing].carried.front().accumulator;
      plan.results.push_back(std::move(made));
    } else if (result.scalar) {
      ResultPlan made;
      made.scalar = guarded(result.scalar);
      plan.results.push_back(std::move(made));
    } else {
      plan.results.push_back(makeVectorResult(result));
    }
  }
}

} // namespace attune
