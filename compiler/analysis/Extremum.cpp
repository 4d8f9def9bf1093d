// SPDX-License-Identifier: Apache-2.0
// The rules by which a maximum or minimum separates: whatever is monotone in the part of the pair commutes.
#include "compiler/analysis/Facts.h"
#include "compiler/analysis/RowAlgebra.h"
#include "llvm/ADT/StringSwitch.h"

namespace attune {

using attn::ReduceKind;

static ReduceKind opposite(ReduceKind kind) {
  return kind == ReduceKind::Max ? ReduceKind::Min : ReduceKind::Max;
}

static bool isIncreasing(const Node *node) {
  if (node->kind == NodeKind::Exp || node->kind == NodeKind::Log || node->kind == NodeKind::Sqrt)
    return true;
  if (node->kind != NodeKind::Opaque || node->operands.size() != 1)
    return false;
  return llvm::StringSwitch<bool>(node->operation->getName().getStringRef())
      .Cases({"math.tanh", "math.erf", "math.atan", "math.sinh", "math.cbrt"}, true)
      .Cases({"math.log1p", "math.expm1", "math.floor", "math.ceil"}, true)
      .Default(false);
}

/// x * r and x / r: the extremum scaled, of the other kind where r < 0.
const Node *Separation::extremumOfProduct(ReduceKind kind, const Node *node, const Extremum &leaf) {
  const Node *x = node->operands[0], *r = node->operands[1];
  if (node->kind == NodeKind::Mul && !x->onKey)
    std::swap(x, r);
  if (r->onKey) {
    fail(node);
    return nullptr;
  }
  const Node *same = extremum(kind, x, leaf);
  if (!same)
    return nullptr;
  Sign sign = signOf(graph, r);
  if (sign.nonNegative)
    return graph.make(node->kind, {same, r});
  const Node *other = extremum(opposite(kind), x, leaf);
  if (!other)
    return nullptr;
  if (sign.nonPositive)
    return graph.make(node->kind, {other, r});
  NodeKind better = kind == ReduceKind::Max ? NodeKind::Max : NodeKind::Min;
  return graph.make(better,
                    {graph.make(node->kind, {same, r}), graph.make(node->kind, {other, r})});
}

const Node *Separation::extremumOfUnary(ReduceKind kind, const Node *node, const Extremum &leaf) {
  bool negates = node->kind == NodeKind::Neg;
  const Node *inner = extremum(negates ? opposite(kind) : kind, node->operands[0], leaf);
  return inner ? graph.withOperands(node, {inner}) : nullptr;
}

const Node *Separation::extremum(ReduceKind kind, const Node *node, const Extremum &leaf) {
  if (!spend(node))
    return nullptr;
  // All pairs of a row agree.
  if (!node->onKey)
    return node;
  // The maximum of an exponential overflows where its exponent does not.
  if (!openIn(node) && node->kind != NodeKind::Exp)
    return leaf(kind, node);
  const Node *x = node->operands.empty() ? nullptr : node->operands[0];
  const Node *y = node->operands.size() > 1 ? node->operands[1] : nullptr;
  if (node->kind == NodeKind::Neg || isIncreasing(node))
    return extremumOfUnary(kind, node, leaf);
  switch (node->kind) {
  case NodeKind::Add:
  case NodeKind::Sub: {
    if (x->onKey && y->onKey)
      break;
    ReduceKind right = node->kind == NodeKind::Sub ? opposite(kind) : kind;
    const Node *a = extremum(kind, x, leaf), *b = a ? extremum(right, y, leaf) : nullptr;
    return b ? graph.make(node->kind, {a, b}) : nullptr;
  }
  case NodeKind::Mul:
  case NodeKind::Div: return extremumOfProduct(kind, node, leaf);
  case NodeKind::Max:
  case NodeKind::Min: {
    // max commutes with a maximum; with a minimum it does only if one side is of the row.
    bool commutes = (node->kind == NodeKind::Max) == (kind == ReduceKind::Max);
    if (!commutes && x->onKey && y->onKey)
      break;
    const Node *a = extremum(kind, x, leaf), *b = a ? extremum(kind, y, leaf) : nullptr;
    return b ? graph.make(node->kind, {a, b}) : nullptr;
  }
  case NodeKind::Select: {
    if (x->onKey)
      break;
    const Node *a = extremum(kind, y, leaf);
    const Node *b = a ? extremum(kind, node->operands[2], leaf) : nullptr;
    return b ? graph.make(NodeKind::Select, {x, a, b}) : nullptr;
  }
  default: break;
  }
  fail(node);
  return nullptr;
}

} // namespace attune
