// SPDX-License-Identifier: Apache-2.0
// Which linear inequalities over (i, j) does a mask consist of?
#include "compiler/analysis/MaskFormula.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace attune;

/// Lengths and |scalar index| are below this: the runtime checks it at launch.
static constexpr int64_t LengthBound = int64_t(1) << 31;
/// Nothing may leave this range, so that sums of two such numbers do not wrap.
static constexpr int64_t ValueBound = int64_t(1) << 61;
/// More literals than this in one conjunction are not combined with each other.
static constexpr size_t CombinedLiterals = 8;

//===--- linear forms -------------------------------------------------------------------------===//

LinearForm attune::combine(const LinearForm &left, const LinearForm &right, int64_t factor) {
  LinearForm sum;
  sum.constant = left.constant + factor * right.constant;
  const auto *a = left.terms.begin(), *b = right.terms.begin();
  while (a != left.terms.end() || b != right.terms.end()) {
    bool takeLeft =
        b == right.terms.end() || (a != left.terms.end() && a->first->id <= b->first->id);
    bool takeRight =
        a == left.terms.end() || (b != right.terms.end() && b->first->id <= a->first->id);
    const MaskAtom *atom = takeLeft ? a->first : b->first;
    int64_t coefficient = (takeLeft ? (a++)->second : 0) + (takeRight ? factor * (b++)->second : 0);
    if (coefficient != 0)
      sum.terms.push_back({atom, coefficient});
  }
  return sum;
}

std::optional<std::pair<int64_t, int64_t>> attune::staticRange(const LinearForm &form) {
  __int128 low = form.constant, high = form.constant;
  for (auto [atom, coefficient] : form.terms) {
    __int128 first = __int128(coefficient) * atom->low, second = __int128(coefficient) * atom->high;
    low += std::min(first, second);
    high += std::max(first, second);
  }
  if (low < -ValueBound || high > ValueBound)
    return std::nullopt;
  return std::make_pair(int64_t(low), int64_t(high));
}

bool attune::dependsOnKey(const LinearForm &form) {
  return llvm::any_of(form.terms, [](auto &term) { return term.first->onKey; });
}

static LinearForm ofConstant(int64_t constant) { return LinearForm{constant, {}}; }

static bool isConstant(const LinearForm &form) { return form.terms.empty(); }

LinearForm MaskFormulas::ofAtom(MaskAtom atom) {
  for (const auto &known : atoms)
    if (known->kind == atom.kind && known->node == atom.node && known->divisor == atom.divisor &&
        known->first == atom.first && known->second == atom.second)
      return LinearForm{0, {{known.get(), 1}}};
  atom.id = atoms.size();
  atom.onQuery = atom.kind == AtomKind::Query;
  atom.onKey = atom.kind == AtomKind::Key;
  for (const LinearForm *part : {&atom.first, &atom.second})
    for (auto &term : part->terms) {
      atom.onQuery |= term.first->onQuery;
      atom.onKey |= term.first->onKey;
    }
  atoms.push_back(std::make_unique<MaskAtom>(std::move(atom)));
  return LinearForm{0, {{atoms.back().get(), 1}}};
}

//===--- reading nodes as linear forms --------------------------------------------------------===//

/// The range of a whole type; nothing for wide types, about whose values nothing is known.
static std::optional<std::pair<int64_t, int64_t>> rangeOfType(Type type) {
  if (!type.isInteger() || type.getIntOrFloatBitWidth() > 32)
    return std::nullopt;
  if (type.isInteger(1))
    return std::make_pair<int64_t, int64_t>(0, 1);
  int64_t half = int64_t(1) << (type.getIntOrFloatBitWidth() - 1);
  return std::make_pair(-half, half - 1);
}

/// The form, if its value fits `type` for every legal launch: then the op cannot have wrapped.
MaskFormulas::Parsed MaskFormulas::fitting(Parsed form, Type type) {
  if (!form)
    return std::nullopt;
  auto range = staticRange(*form);
  if (!range)
    return std::nullopt;
  if (auto limit = rangeOfType(type))
    if (range->first < limit->first || range->second > limit->second)
      return std::nullopt;
  return form;
}

/// The value of an integer constant, in either of its forms.
static std::optional<int64_t> constantOf(const Node *node) {
  if (node->kind == NodeKind::Constant && node->number == std::floor(node->number) &&
      std::abs(node->number) <= double(LengthBound))
    return int64_t(node->number);
  if (node->kind != NodeKind::Opaque)
    return std::nullopt;
  auto constant = dyn_cast<arith::ConstantOp>(node->operation);
  auto value = constant ? dyn_cast<IntegerAttr>(constant.getValue()) : IntegerAttr();
  if (!value)
    return std::nullopt;
  if (value.getType().isInteger(1))
    return value.getValue().isZero() ? 0 : 1;
  return value.getValue().isSignedIntN(33) ? std::optional(value.getValue().getSExtValue())
                                           : std::nullopt;
}

MaskFormulas::Parsed MaskFormulas::parse(const Node *node) {
  if (!node->type.isIntOrIndex())
    return std::nullopt;
  if (std::optional<int64_t> constant = constantOf(node))
    return ofConstant(*constant);
  auto boundedAtom = [&](AtomKind kind, int64_t low, int64_t high) -> LinearForm {
    MaskAtom atom{kind};
    if (kind == AtomKind::Uniform)
      atom.node = node;
    atom.low = low;
    atom.high = high;
    return ofAtom(std::move(atom));
  };
  switch (node->kind) {
  case NodeKind::IndexI: return boundedAtom(AtomKind::Query, 0, LengthBound - 1);
  case NodeKind::IndexJ: return boundedAtom(AtomKind::Key, 0, LengthBound - 1);
  case NodeKind::IndexB:
  case NodeKind::IndexH:
  case NodeKind::Size: return boundedAtom(AtomKind::Uniform, 0, LengthBound - 1);
  case NodeKind::Scalar:
    if (node->type.isIndex())
      return boundedAtom(AtomKind::Uniform, -LengthBound, LengthBound);
    return parseUniform(node);
  default: break;
  }
  if (Parsed form = fitting(parseOperation(node), node->type))
    return form;
  return parseUniform(node);
}

/// A number of the block whose making is not understood: an atom, if its type bounds it.
MaskFormulas::Parsed MaskFormulas::parseUniform(const Node *node) {
  if (node->onQuery || node->onKey)
    return std::nullopt;
  auto range = rangeOfType(node->type);
  if (node->kind == NodeKind::Opaque)
    // An entry may be read as index; the table's own type bounds it.
    if (auto load = dyn_cast<attn::LoadOp>(node->operation))
      range = rangeOfType(load.getTable().getType().getElementType());
  if (!range)
    return std::nullopt;
  MaskAtom atom{AtomKind::Uniform};
  atom.node = node;
  std::tie(atom.low, atom.high) = *range;
  return ofAtom(std::move(atom));
}

MaskFormulas::Parsed MaskFormulas::parseOperation(const Node *node) {
  auto operand = [&](unsigned index) { return parse(node->operands[index]); };
  auto sum = [&](int64_t factor) -> Parsed {
    Parsed left = operand(0), right = operand(1);
    return left && right ? Parsed(combine(*left, *right, factor)) : std::nullopt;
  };
  auto isPositiveConstant = [](const Parsed &form) {
    return form && isConstant(*form) && form->constant > 0;
  };
  auto notNegative = [](const Parsed &form) {
    auto range = form ? staticRange(*form) : std::nullopt;
    return range && range->first >= 0;
  };
  switch (node->kind) {
  case NodeKind::Add: return sum(1);
  case NodeKind::Sub: return sum(-1);
  case NodeKind::Mul: return parseProduct(operand(0), operand(1));
  case NodeKind::Opaque: break;
  default: return std::nullopt;
  }
  Operation *op = node->operation;
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return parseAffine(apply.getAffineMap().getResult(0), node->operands,
                       apply.getAffineMap().getNumDims());
  if (isa<arith::AddIOp>(op))
    return sum(1);
  if (isa<arith::SubIOp>(op))
    return sum(-1);
  if (isa<arith::MulIOp>(op))
    return parseProduct(operand(0), operand(1));
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return node->operands[0]->type.isInteger(1) ? std::nullopt : operand(0);
  if (isa<arith::IndexCastUIOp, arith::ExtUIOp>(op)) {
    Parsed form = operand(0);
    return notNegative(form) ? form : std::nullopt;
  }
  if (isa<arith::MaxSIOp>(op))
    return extremum(AtomKind::Max, operand(0), operand(1));
  if (isa<arith::MinSIOp>(op))
    return extremum(AtomKind::Min, operand(0), operand(1));
  if (!isa<arith::FloorDivSIOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op))
    return std::nullopt;
  Parsed dividend = operand(0), divisor = operand(1);
  if (!dividend || !isPositiveConstant(divisor))
    return std::nullopt;
  // Truncated and unsigned division are floored where nothing is negative.
  if (!isa<arith::FloorDivSIOp>(op) && !notNegative(dividend))
    return std::nullopt;
  return isa<arith::RemSIOp, arith::RemUIOp>(op) ? modulo(dividend, divisor->constant)
                                                 : floorDivide(dividend, divisor->constant);
}

MaskFormulas::Parsed MaskFormulas::parseAffine(AffineExpr expression,
                                               ArrayRef<const Node *> operands,
                                               unsigned dimensions) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return std::abs(constant.getValue()) <= LengthBound ? Parsed(ofConstant(constant.getValue()))
                                                        : std::nullopt;
  if (auto dimension = dyn_cast<AffineDimExpr>(expression))
    return parse(operands[dimension.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return parse(operands[dimensions + symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Parsed left = parseAffine(binary.getLHS(), operands, dimensions);
  Parsed right = parseAffine(binary.getRHS(), operands, dimensions);
  if (!left || !right)
    return std::nullopt;
  if (expression.getKind() == AffineExprKind::Add)
    return fitting(combine(*left, *right, 1), IndexType::get(expression.getContext()));
  if (expression.getKind() == AffineExprKind::Mul)
    return parseProduct(left, right);
  if (!isConstant(*right) || right->constant <= 0)
    return std::nullopt;
  int64_t divisor = right->constant;
  switch (expression.getKind()) {
  case AffineExprKind::FloorDiv: return floorDivide(left, divisor);
  case AffineExprKind::CeilDiv:
    return floorDivide(combine(*left, ofConstant(divisor - 1), 1), divisor);
  case AffineExprKind::Mod: return modulo(left, divisor);
  default: return std::nullopt;
  }
}

MaskFormulas::Parsed MaskFormulas::parseProduct(const Parsed &left, const Parsed &right) {
  if (!left || !right || (!isConstant(*left) && !isConstant(*right)))
    return std::nullopt;
  const LinearForm &form = isConstant(*left) ? *right : *left;
  int64_t factor = isConstant(*left) ? left->constant : right->constant;
  auto range = staticRange(form);
  if (!range)
    return std::nullopt;
  __int128 magnitude = std::max(std::abs(range->first), std::abs(range->second));
  if (magnitude * std::abs(factor) > ValueBound)
    return std::nullopt;
  return combine(ofConstant(0), form, factor);
}

/// floor((n q + rest) / n) is q + floor(rest / n).
MaskFormulas::Parsed MaskFormulas::floorDivide(const Parsed &form, int64_t divisor) {
  auto range = form ? staticRange(*form) : std::nullopt;
  if (!range)
    return std::nullopt;
  LinearForm quotient, rest;
  quotient.constant = llvm::divideFloorSigned(form->constant, divisor);
  rest.constant = form->constant - divisor * quotient.constant;
  for (auto [atom, coefficient] : form->terms) {
    bool whole = coefficient % divisor == 0;
    (whole ? quotient : rest).terms.push_back({atom, whole ? coefficient / divisor : coefficient});
  }
  auto restRange = staticRange(rest);
  if (!restRange)
    return std::nullopt;
  if (restRange->first >= 0 && restRange->second < divisor)
    return quotient;
  MaskAtom atom{AtomKind::FloorDiv};
  atom.first = rest;
  atom.divisor = divisor;
  atom.low = llvm::divideFloorSigned(restRange->first, divisor);
  atom.high = llvm::divideFloorSigned(restRange->second, divisor);
  return combine(quotient, ofAtom(std::move(atom)), 1);
}

MaskFormulas::Parsed MaskFormulas::modulo(const Parsed &form, int64_t divisor) {
  if (!form || !staticRange(*form))
    return std::nullopt;
  LinearForm rest;
  rest.constant = llvm::mod(form->constant, divisor);
  for (auto [atom, coefficient] : form->terms)
    if (coefficient % divisor != 0)
      rest.terms.push_back({atom, coefficient});
  auto range = staticRange(rest);
  if (!range)
    return std::nullopt;
  if (range->first >= 0 && range->second < divisor)
    return rest;
  MaskAtom atom{AtomKind::Modulo};
  atom.first = rest;
  atom.divisor = divisor;
  atom.high = divisor - 1;
  return ofAtom(std::move(atom));
}

MaskFormulas::Parsed MaskFormulas::extremum(AtomKind kind, const Parsed &left,
                                            const Parsed &right) {
  auto first = left ? staticRange(*left) : std::nullopt;
  auto second = right ? staticRange(*right) : std::nullopt;
  if (!first || !second)
    return std::nullopt;
  MaskAtom atom{kind};
  atom.first = *left;
  atom.second = *right;
  bool isMax = kind == AtomKind::Max;
  atom.low = isMax ? std::max(first->first, second->first) : std::min(first->first, second->first);
  atom.high =
      isMax ? std::max(first->second, second->second) : std::min(first->second, second->second);
  return ofAtom(std::move(atom));
}

//===--- formulas -----------------------------------------------------------------------------===//

static Formula unknown() { return Formula{FormulaKind::Unknown, {}, {}}; }

static Formula truth(bool value) {
  return Formula{value ? FormulaKind::True : FormulaKind::False, {}, {}};
}

Formula MaskFormulas::build(const Domain &domain) {
  std::vector<Formula> parts;
  for (const Node *node : domain)
    parts.push_back(predicate(node, /*negated=*/false));
  return join(FormulaKind::And, std::move(parts));
}

Formula MaskFormulas::atMostZero(LinearForm form) {
  auto range = staticRange(form);
  if (!range)
    return unknown();
  if (range->second <= 0 || range->first > 0)
    return truth(range->second <= 0);
  int64_t divisor = 0;
  for (auto &term : form.terms)
    divisor = std::gcd(divisor, term.second);
  if (divisor > 1) {
    // sum + c <= 0 with all coefficients multiples of d is sum / d <= floor(-c / d).
    for (auto &term : form.terms)
      term.second /= divisor;
    form.constant = -llvm::divideFloorSigned(-form.constant, divisor);
  }
  return Formula{FormulaKind::AtMostZero, std::move(form), {}};
}

Formula MaskFormulas::atMost(const LinearForm &left, const LinearForm &right, int64_t slack) {
  LinearForm form = combine(left, right, -1);
  form.constant -= slack;
  return atMostZero(std::move(form));
}

Formula MaskFormulas::predicate(const Node *node, bool negated) {
  if (std::optional<int64_t> constant = constantOf(node))
    return truth((*constant != 0) != negated);
  if (node->kind == NodeKind::Opaque) {
    Operation *op = node->operation;
    auto both = [&](FormulaKind kind) {
      std::vector<Formula> parts;
      for (const Node *operand : node->operands)
        parts.push_back(predicate(operand, negated));
      return join(kind, std::move(parts));
    };
    if (isa<arith::CmpIOp>(op))
      return comparison(node, negated);
    if (isa<arith::AndIOp>(op))
      return both(negated ? FormulaKind::Or : FormulaKind::And);
    if (isa<arith::OrIOp>(op))
      return both(negated ? FormulaKind::And : FormulaKind::Or);
    if (isa<arith::XOrIOp>(op))
      for (unsigned side : {0u, 1u})
        if (std::optional<int64_t> constant = constantOf(node->operands[side]))
          return predicate(node->operands[1 - side], negated != (*constant != 0));
  }
  // A truth of the block, whatever made it: 1 - x <= 0, or x <= 0.
  if (Parsed form = parseUniform(node)) {
    LinearForm one = ofConstant(1);
    return atMostZero(negated ? *form : combine(one, *form, -1));
  }
  return unknown();
}

Formula MaskFormulas::comparison(const Node *node, bool negated) {
  using Predicate = arith::CmpIPredicate;
  auto compare = cast<arith::CmpIOp>(node->operation);
  Parsed left = parse(node->operands[0]), right = parse(node->operands[1]);
  auto leftRange = left ? staticRange(*left) : std::nullopt;
  auto rightRange = right ? staticRange(*right) : std::nullopt;
  if (!leftRange || !rightRange || node->operands[0]->type.isInteger(1))
    return unknown();
  Predicate kind = compare.getPredicate();
  if (negated)
    kind = arith::invertPredicate(kind);
  bool isUnsigned = kind == Predicate::ult || kind == Predicate::ule || kind == Predicate::ugt ||
                    kind == Predicate::uge;
  if (isUnsigned && (leftRange->first < 0 || rightRange->first < 0))
    return unknown();
  switch (kind) {
  case Predicate::slt:
  case Predicate::ult: return atMost(*left, *right, -1);
  case Predicate::sle:
  case Predicate::ule: return atMost(*left, *right, 0);
  case Predicate::sgt:
  case Predicate::ugt: return atMost(*right, *left, -1);
  case Predicate::sge:
  case Predicate::uge: return atMost(*right, *left, 0);
  case Predicate::eq:
    return join(FormulaKind::And, {atMost(*left, *right, 0), atMost(*right, *left, 0)});
  case Predicate::ne:
    return join(FormulaKind::Or, {atMost(*left, *right, -1), atMost(*right, *left, -1)});
  }
  return unknown();
}

/// The coefficient of the one key-dependent term of a literal; 0 if there are several or none.
static std::pair<const MaskAtom *, int64_t> soleKeyTerm(const Formula &part) {
  std::pair<const MaskAtom *, int64_t> found = {nullptr, 0};
  if (part.kind != FormulaKind::AtMostZero)
    return found;
  for (auto &term : part.literal.terms)
    if (term.first->onKey) {
      if (found.first)
        return {nullptr, 0};
      found = term;
    }
  return found;
}

/// A lower and an upper bound of one key term bound each other: i - w <= j and j <= i need w >= 0.
void MaskFormulas::addImplied(std::vector<Formula> &parts) {
  size_t count = parts.size();
  if (count > CombinedLiterals)
    return;
  for (size_t a = 0; a < count; ++a)
    for (size_t b = a + 1; b < count; ++b) {
      auto [atom, first] = soleKeyTerm(parts[a]);
      auto [other, second] = soleKeyTerm(parts[b]);
      if (!atom || atom != other || (first > 0) == (second > 0) ||
          std::max(std::abs(first), std::abs(second)) > (int64_t(1) << 16))
        continue;
      Parsed left = parseProduct(parts[a].literal, ofConstant(std::abs(second)));
      Parsed right = parseProduct(parts[b].literal, ofConstant(std::abs(first)));
      if (!left || !right)
        continue;
      Formula implied = atMostZero(combine(*left, *right, 1));
      if (implied.kind == FormulaKind::AtMostZero || implied.kind == FormulaKind::False)
        parts.push_back(std::move(implied));
    }
}

Formula MaskFormulas::join(FormulaKind kind, std::vector<Formula> parts) {
  FormulaKind neutral = kind == FormulaKind::And ? FormulaKind::True : FormulaKind::False;
  FormulaKind absorbing = kind == FormulaKind::And ? FormulaKind::False : FormulaKind::True;
  std::vector<Formula> flat;
  for (Formula &part : parts) {
    if (part.kind == absorbing)
      return truth(kind == FormulaKind::Or);
    if (part.kind == neutral)
      continue;
    if (part.kind == kind)
      std::move(part.parts.begin(), part.parts.end(), std::back_inserter(flat));
    else
      flat.push_back(std::move(part));
  }
  if (kind == FormulaKind::And) {
    addImplied(flat);
    if (llvm::any_of(flat, [](Formula &part) { return part.kind == FormulaKind::False; }))
      return truth(false);
  }
  if (flat.empty())
    return truth(kind == FormulaKind::And);
  if (flat.size() == 1)
    return std::move(flat.front());
  return Formula{kind, {}, std::move(flat)};
}
