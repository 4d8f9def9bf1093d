// SPDX-License-Identifier: Apache-2.0
// The rules of finish arithmetic: what happens to exponents when row numbers are joined.
#include "compiler/analysis/RowNumber.h"
#include "compiler/analysis/Factors.h"
#include <cmath>

namespace attune {

//===--- Parts ---------------------------------------------------------------------------------===//

static void includeAddend(RowNumber &sum, RowNumber::Addend addend) {
  for (RowNumber::Addend &other : sum.addends)
    if (other.factors == addend.factors) {
      other.number += addend.number;
      if (other.number == 0)
        llvm::erase_if(sum.addends, [](const RowNumber::Addend &a) { return a.number == 0; });
      return;
    }
  if (addend.number != 0)
    sum.addends.push_back(std::move(addend));
}

RowNumber RowArithmetic::constant(double number) {
  RowNumber result;
  includeAddend(result, {number, {}});
  return result;
}

RowNumber RowArithmetic::atom(const Node *node) {
  RowNumber result;
  result.addends.push_back({1, {{node, 1}}});
  return result;
}

RowNumber RowArithmetic::exponential(Factors exponent) {
  RowNumber result = constant(1);
  includeFactors(result.exponent, exponent);
  return result;
}

RowNumber RowArithmetic::negate(RowNumber a) {
  for (RowNumber::Addend &addend : a.addends)
    addend.number = -addend.number;
  return a;
}

//===--- To expressions ------------------------------------------------------------------------===//

const Node *RowArithmetic::linearForm(const Factors &form) {
  const Node *sum = nullptr;
  // Positive addends first, so that the others are subtracted.
  for (bool positive : {true, false})
    for (const Factor &addend : form) {
      if ((addend.power > 0) != positive)
        continue;
      const Node *scaled = graph.make(
          NodeKind::Mul, {graph.constant(std::fabs(addend.power), addend.node->type), addend.node});
      if (!sum)
        sum = positive ? scaled : graph.make(NodeKind::Neg, {scaled});
      else
        sum = graph.make(positive ? NodeKind::Add : NodeKind::Sub, {sum, scaled});
    }
  return sum ? sum : graph.constant(0);
}

/// |number| * product, as a quotient when powers are negative.
const Node *RowArithmetic::addendToNode(const RowNumber::Addend &addend) {
  const Node *over = graph.constant(std::fabs(addend.number)), *under = graph.constant(1);
  for (const Factor &factor : addend.factors) {
    const Node *&side = factor.power > 0 ? over : under;
    const Node *power = graph.constant(std::fabs(factor.power), factor.node->type);
    side = graph.make(NodeKind::Mul, {side, graph.make(NodeKind::Pow, {factor.node, power})});
  }
  return graph.make(NodeKind::Div, {over, under});
}

const Node *RowArithmetic::sumToNode(const RowNumber &number) {
  const Node *sum = nullptr;
  for (bool positive : {true, false})
    for (const RowNumber::Addend &addend : number.addends) {
      if ((addend.number > 0) != positive && !std::isnan(addend.number))
        continue;
      const Node *node = addendToNode(addend);
      if (!sum)
        sum = positive ? node : graph.make(NodeKind::Neg, {node});
      else
        sum = graph.make(positive ? NodeKind::Add : NodeKind::Sub, {sum, node});
    }
  return sum ? sum : graph.constant(0);
}

const Node *RowArithmetic::toNode(const RowNumber &number) {
  if (number.isZero())
    return graph.constant(0);
  const Node *sum = sumToNode(number);
  if (number.exponent.empty())
    return sum;
  const Node *scale = graph.make(NodeKind::Exp, {linearForm(number.exponent)});
  if (sum->kind == NodeKind::Div)
    return graph.make(NodeKind::Div,
                      {graph.make(NodeKind::Mul, {scale, sum->operands[0]}), sum->operands[1]});
  return graph.make(NodeKind::Mul, {scale, sum});
}

//===--- Sums and products ---------------------------------------------------------------------===//

/// Two scales of unknown order: both are brought to the larger one.
RowNumber RowArithmetic::align(const RowNumber &a, const RowNumber &b) {
  Factors common, ofA = a.exponent, ofB = b.exponent;
  for (const Factor &factor : a.exponent)
    if (llvm::is_contained(b.exponent, factor)) {
      common.push_back(factor);
      includeFactor(ofA, factor.node, -factor.power);
      includeFactor(ofB, factor.node, -factor.power);
    }
  const Node *larger = graph.make(NodeKind::Max, {linearForm(ofA), linearForm(ofB)});
  auto scaled = [&](RowNumber number, const Factors &own) {
    const Node *below = graph.make(NodeKind::Sub, {linearForm(own), larger});
    number.exponent.clear();
    return multiply(std::move(number), atom(graph.make(NodeKind::Exp, {below})));
  };
  RowNumber result = add(scaled(a, ofA), scaled(b, ofB));
  includeFactors(result.exponent, common);
  includeFactor(result.exponent, larger, 1);
  return result;
}

RowNumber RowArithmetic::add(RowNumber a, RowNumber b) {
  if (a.isZero() || b.isZero())
    return a.isZero() ? b : a;
  if (a.exponent != b.exponent)
    return align(a, b);
  for (RowNumber::Addend &addend : b.addends)
    includeAddend(a, std::move(addend));
  return a;
}

/// A sum of several addends becomes one atom, unless the origin of a frame is in it: that may cancel.
void RowArithmetic::collapse(RowNumber &a) {
  if (a.addends.size() < 2)
    return;
  for (const RowNumber::Addend &addend : a.addends)
    for (const Factor &factor : addend.factors)
      if (factor.node->kind == NodeKind::FrameRef && a.addends.size() <= 8)
        return;
  RowNumber::Addend whole{1, {{sumToNode(a), 1}}};
  a.addends = {std::move(whole)};
}

RowNumber RowArithmetic::multiply(RowNumber a, RowNumber b) {
  if (a.isZero() || b.isZero())
    return {};
  auto isNumber = [](const RowNumber &x) {
    return x.addends.size() == 1 && x.addends[0].factors.empty();
  };
  if (!isNumber(a) && !isNumber(b)) {
    collapse(a);
    collapse(b);
  }
  RowNumber result;
  result.exponent = a.exponent;
  includeFactors(result.exponent, b.exponent);
  for (const RowNumber::Addend &x : a.addends)
    for (const RowNumber::Addend &y : b.addends) {
      RowNumber::Addend product{x.number * y.number, x.factors};
      includeFactors(product.factors, y.factors);
      includeAddend(result, std::move(product));
    }
  return result;
}

RowNumber RowArithmetic::power(const RowNumber &base, double exponent) {
  RowNumber result;
  includeFactors(result.exponent, base.exponent, exponent);
  bool whole = exponent == std::round(exponent);
  bool single = base.addends.size() == 1;
  if (single && !whole) {
    const RowNumber::Addend &addend = base.addends[0];
    // A product under a root need not have roots of its factors.
    single = addend.number > 0 && (addend.factors.empty() ||
                                   (addend.factors.size() == 1 && addend.factors[0].power == 1));
  }
  if (single) {
    RowNumber::Addend addend{std::pow(base.addends[0].number, exponent), {}};
    includeFactors(addend.factors, base.addends[0].factors, exponent);
    result.addends = {std::move(addend)};
  } else {
    result.addends = {{1, {{sumToNode(base), exponent}}}};
  }
  return result;
}

//===--- Functions -----------------------------------------------------------------------------===//

RowNumber RowArithmetic::logarithm(const RowNumber &a) {
  RowNumber result;
  for (const Factor &addend : a.exponent)
    includeAddend(result, {addend.power, {{addend.node, 1}}});
  const Node *log = graph.make(NodeKind::Log, {sumToNode(a)});
  if (log->kind == NodeKind::Constant)
    includeAddend(result, {log->number, {}});
  else
    includeAddend(result, {1, {{log, 1}}});
  return result;
}

RowNumber RowArithmetic::exponentialOf(const RowNumber &a) {
  if (!a.exponent.empty())
    return exponential({{toNode(a), 1}});
  RowNumber result = constant(1);
  for (const RowNumber::Addend &addend : a.addends) {
    if (addend.factors.empty() && std::isinf(addend.number))
      return addend.number < 0 ? RowNumber() : constant(addend.number);
    const Factor *only = addend.factors.size() == 1 ? &addend.factors[0] : nullptr;
    if (only && only->power == 1 && only->node->kind == NodeKind::Log) {
      // exp(c log y) = y ^ c
      result = multiply(result, power(atom(only->node->operands[0]), addend.number));
      continue;
    }
    RowNumber::Addend product{1, addend.factors};
    includeFactor(result.exponent, addendToNode(product), addend.number);
  }
  return result;
}

RowNumber RowArithmetic::extremum(NodeKind kind, const RowNumber &a, const RowNumber &b) {
  if (a.exponent != b.exponent)
    return atom(graph.make(kind, {toNode(a), toNode(b)}));
  RowNumber result = atom(graph.make(kind, {sumToNode(a), sumToNode(b)}));
  result.exponent = a.exponent;
  return result;
}

//===--- Expressions ---------------------------------------------------------------------------===//

/// Folding may have made an atom a number.
RowNumber RowArithmetic::settled(RowNumber result) {
  if (result.addends.size() != 1 || result.addends[0].factors.size() != 1)
    return result;
  Factor factor = result.addends[0].factors[0];
  if (factor.node->kind != NodeKind::Constant || factor.power != 1)
    return result;
  double number = result.addends[0].number * factor.node->number;
  result.addends.clear();
  includeAddend(result, {number, {}});
  return result;
}

RowNumber RowArithmetic::evaluate(const Node *node) {
  if (depth == 0)
    known.clear();
  if (auto place = known.find(node); place != known.end())
    return place->second;
  ++depth;
  RowNumber result = settled(compute(node));
  --depth;
  known[node] = result;
  return result;
}

RowNumber RowArithmetic::evaluateBranching(const Node *node) {
  if (node->kind == NodeKind::Abs) {
    RowNumber a = evaluate(node->operands[0]);
    RowNumber result = atom(graph.make(NodeKind::Abs, {sumToNode(a)}));
    result.exponent = a.exponent;
    return result;
  }
  llvm::SmallVector<const Node *, 3> operands;
  for (const Node *operand : node->operands)
    operands.push_back(toNode(evaluate(operand)));
  return atom(graph.withOperands(node, operands));
}

RowNumber RowArithmetic::compute(const Node *node) {
  auto operand = [&](unsigned i) { return evaluate(node->operands[i]); };
  switch (node->kind) {
  case NodeKind::Constant: return constant(node->number);
  case NodeKind::Reduction: return reductionValue(node->index);
  case NodeKind::Add: return add(operand(0), operand(1));
  case NodeKind::Sub: return add(operand(0), negate(operand(1)));
  case NodeKind::Neg: return negate(operand(0));
  case NodeKind::Mul: return multiply(operand(0), operand(1));
  case NodeKind::Div: return multiply(operand(0), power(operand(1), -1));
  case NodeKind::Sqrt: return power(operand(0), 0.5);
  case NodeKind::Pow:
    if (node->operands[1]->kind == NodeKind::Constant)
      return power(operand(0), node->operands[1]->number);
    break;
  case NodeKind::Exp: return exponentialOf(operand(0));
  case NodeKind::Log: return logarithm(operand(0));
  case NodeKind::Max:
  case NodeKind::Min: return extremum(node->kind, operand(0), operand(1));
  default: break;
  }
  return node->operands.empty() ? atom(node) : evaluateBranching(node);
}

} // namespace attune
