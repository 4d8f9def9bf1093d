// SPDX-License-Identifier: Apache-2.0
// Signs by a conservative walk, and exponents by expansion: both only ever match, they evaluate nothing.
#include "compiler/analysis/Facts.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <cmath>

namespace attune {

//===--- Signs ---------------------------------------------------------------------------------===//

static Sign product(Sign a, Sign b) {
  return {(a.nonNegative && b.nonNegative) || (a.nonPositive && b.nonPositive),
          (a.nonNegative && b.nonPositive) || (a.nonPositive && b.nonNegative)};
}

static Sign negated(Sign a) { return {a.nonPositive, a.nonNegative}; }
static Sign both(Sign a, Sign b) {
  return {a.nonNegative && b.nonNegative, a.nonPositive && b.nonPositive};
}

static Sign powerSign(Sign base, const Node *exponent) {
  if (base.nonNegative)
    return {true, false};
  bool even = exponent->kind == NodeKind::Constant && std::fmod(exponent->number, 2) == 0;
  return {even, false};
}

namespace {

/// Signs of shared expressions, each found once.
class SignFinder {
public:
  explicit SignFinder(const ExpressionGraph &graph) : graph(graph) {}
  Sign find(const Node *node) {
    auto [place, isNew] = known.try_emplace(node);
    if (!isNew)
      return place->second;
    Sign sign = compute(node);
    known[node] = sign;
    return sign;
  }

private:
  Sign compute(const Node *node);
  Sign ofOpaque(const Node *node);

  const ExpressionGraph &graph;
  llvm::DenseMap<const Node *, Sign> known;
};

} // namespace

Sign SignFinder::ofOpaque(const Node *node) {
  llvm::StringRef name = node->operation->getName().getStringRef();
  if (name == "arith.uitofp" || name == "math.absf")
    return {true, false};
  // Odd and increasing through 0, or exact in the sign.
  if (name == "math.tanh" || name == "math.erf" || name == "math.log1p" || name == "math.expm1" ||
      name == "arith.extf" || name == "arith.truncf")
    return find(node->operands[0]);
  return {};
}

Sign SignFinder::compute(const Node *node) {
  auto sign = [&](unsigned i) { return find(node->operands[i]); };
  switch (node->kind) {
  case NodeKind::Constant: return {node->number >= 0, node->number <= 0};
  case NodeKind::Exp:
  case NodeKind::Abs:
  case NodeKind::Sqrt: return {true, false};
  case NodeKind::Neg: return negated(sign(0));
  case NodeKind::Add: return both(sign(0), sign(1));
  case NodeKind::Sub: return both(sign(0), negated(sign(1)));
  case NodeKind::Mul:
    return node->operands[0] == node->operands[1] ? Sign{true, false} : product(sign(0), sign(1));
  case NodeKind::Div: return product(sign(0), sign(1));
  case NodeKind::Pow: return powerSign(sign(0), node->operands[1]);
  case NodeKind::Max: {
    Sign a = sign(0), b = sign(1);
    return {a.nonNegative || b.nonNegative, a.nonPositive && b.nonPositive};
  }
  case NodeKind::Min: {
    Sign a = sign(0), b = sign(1);
    return {a.nonNegative && b.nonNegative, a.nonPositive || b.nonPositive};
  }
  case NodeKind::Select: return both(sign(1), sign(2));
  case NodeKind::Reduction: return find(graph.reductions()[node->index].body);
  case NodeKind::Opaque: return ofOpaque(node);
  default: return {};
  }
}

Sign signOf(const ExpressionGraph &graph, const Node *node) { return SignFinder(graph).find(node); }

static const Node *findReduction(const Node *node, llvm::function_ref<bool(unsigned)> wanted,
                                 llvm::SmallPtrSetImpl<const Node *> &seen) {
  if (!node->hasReduction || !seen.insert(node).second)
    return nullptr;
  if (node->kind == NodeKind::Reduction)
    return wanted(node->index) ? node : nullptr;
  for (const Node *operand : node->operands)
    if (const Node *found = findReduction(operand, wanted, seen))
      return found;
  return nullptr;
}

const Node *findReduction(const Node *node, llvm::function_ref<bool(unsigned)> wanted) {
  llvm::SmallPtrSet<const Node *, 16> seen;
  return findReduction(node, wanted, seen);
}

//===--- Expansion -----------------------------------------------------------------------------===//

bool Expansion::ById::operator()(const std::vector<const Node *> &a,
                                 const std::vector<const Node *> &b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](const Node *x, const Node *y) { return x->id < y->id; });
}

Expansion::Expansion(const Node *node) {
  Known known;
  addends = expand(node, known);
  std::erase_if(addends, [](const auto &addend) { return addend.second == 0; });
}

Expansion::Addends Expansion::multiply(const Addends &a, const Addends &b) {
  Addends result;
  for (const auto &[left, x] : a)
    for (const auto &[right, y] : b) {
      std::vector<const Node *> atoms(left);
      atoms.insert(atoms.end(), right.begin(), right.end());
      llvm::sort(atoms, [](const Node *p, const Node *q) { return p->id < q->id; });
      result[atoms] += x * y;
    }
  return result;
}

const Expansion::Addends &Expansion::expand(const Node *node, Known &known) {
  if (auto place = known.find(node); place != known.end())
    return place->second;
  Addends made = expandOnce(node, known);
  // Numbers of no finite size do not cancel: a literal infinity, or a division by 0, is an atom.
  if (llvm::any_of(made, [](const auto &addend) { return !std::isfinite(addend.second); }))
    made = {{{node}, 1.0}};
  return known[node] = std::move(made);
}

/// The greatest number of atoms in a product.
static size_t degreeOf(const auto &addends) {
  size_t degree = 0;
  for (const auto &[atoms, number] : addends)
    degree = std::max(degree, atoms.size());
  return degree;
}

Expansion::Addends Expansion::expandOnce(const Node *node, Known &known) {
  // Products of long sums and of high degree stay atoms: no exponent that anyone writes is longer.
  constexpr size_t maxAddends = 64, maxDegree = 8;
  auto operand = [&](unsigned i) -> Addends { return expand(node->operands[i], known); };
  switch (node->kind) {
  case NodeKind::Constant: return {{{}, node->number}};
  case NodeKind::Neg: return multiply(operand(0), {{{}, -1.0}});
  case NodeKind::Add:
  case NodeKind::Sub: {
    Addends result = operand(0);
    double sign = node->kind == NodeKind::Sub ? -1 : 1;
    for (const auto &[atoms, number] : operand(1))
      result[atoms] += sign * number;
    return result;
  }
  case NodeKind::Mul: {
    Addends left = operand(0), right = operand(1);
    if (left.size() * right.size() <= maxAddends && degreeOf(left) + degreeOf(right) <= maxDegree)
      return multiply(left, right);
    break;
  }
  case NodeKind::Div:
    if (node->operands[1]->kind == NodeKind::Constant)
      return multiply(operand(0), {{{}, 1 / node->operands[1]->number}});
    break;
  default: break;
  }
  return {{{node}, 1.0}};
}

std::optional<double> Expansion::ratioTo(const Expansion &other) const {
  if (addends.size() != other.addends.size() || addends.empty())
    return std::nullopt;
  double ratio = addends.begin()->second / other.addends.begin()->second;
  for (auto a = addends.begin(), b = other.addends.begin(); a != addends.end(); ++a, ++b)
    if (a->first != b->first ||
        std::fabs(a->second - ratio * b->second) > 1e-12 * std::fabs(a->second))
      return std::nullopt;
  return ratio;
}

bool Expansion::isProvablyAtMost(const Expansion &other, const ExpressionGraph &graph) const {
  Addends rest = addends;
  for (const auto &[atoms, number] : other.addends)
    rest[atoms] -= number;
  for (const auto &[atoms, number] : rest) {
    Sign sign = {number >= 0, number <= 0};
    for (size_t i = 0; i < atoms.size(); ++i) {
      bool square = i + 1 < atoms.size() && atoms[i] == atoms[i + 1];
      sign = product(sign, square ? Sign{true, false} : signOf(graph, atoms[i]));
      i += square;
    }
    if (!sign.nonPositive)
      return false;
  }
  return true;
}

} // namespace attune
