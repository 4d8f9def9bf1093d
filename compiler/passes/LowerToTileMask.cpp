// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: is a pair visible? A predicate of the mask as code of a map's region.
#include "compiler/passes/LowerToTileMask.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace attune;
using mask::Atom;
using mask::AtomKind;
using mask::Formula;
using mask::FormulaKind;
using mask::LinearForm;

static bool isVarying(const Atom &atom) { return atom.onQuery || atom.onKey; }

//===--- what is emitted from its normal form -------------------------------------------------===//

static bool isRead(const LinearForm &form);

/// Is the atom made of indices and numbers of the block by cheap integer operations?
static bool isRead(const Atom &atom) {
  switch (atom.kind) {
  case AtomKind::Token:
  case AtomKind::Coordinate:
  case AtomKind::Uniform: return true;
  case AtomKind::Quotient:
  case AtomKind::Remainder: return atom.operands[1].terms.empty() && isRead(atom.operands[0]);
  case AtomKind::Maximum:
  case AtomKind::Minimum: return isRead(atom.operands[0]) && isRead(atom.operands[1]);
  case AtomKind::Absolute: return isRead(atom.operands[0]);
  default: return false;
  }
}

static bool isRead(const LinearForm &form) {
  return llvm::all_of(form.terms, [](auto &term) { return isRead(*term.first); });
}

static bool isRead(const Formula &formula) {
  return formula.kind != FormulaKind::Unknown && isRead(formula.literal) &&
         llvm::all_of(formula.parts, [](const Formula &part) { return isRead(part); });
}

const PredicateEmitter::Prepared &PredicateEmitter::prepare(const Node *predicate) {
  auto [place, inserted] = prepared.try_emplace(predicate);
  if (inserted) {
    place->second.formula = formulas.build({predicate}).visible;
    place->second.isRead = ::isRead(place->second.formula);
  }
  return place->second;
}

/// Numbers of the block are emitted before the map, in any case.
void PredicateEmitter::readForm(const LinearForm &form) {
  for (auto &term : form.terms) {
    if (term.first->kind == AtomKind::Uniform)
      scope.scalar(term.first->node);
    for (const LinearForm &operand : term.first->operands)
      readForm(operand);
  }
}

void PredicateEmitter::readUniforms(const Formula &formula) {
  readForm(formula.literal);
  for (const Formula &part : formula.parts)
    readUniforms(part);
}

void PredicateEmitter::read(MapBuilder &map, const Node *predicate) {
  const Prepared &known = prepare(predicate);
  if (known.isRead)
    readUniforms(known.formula);
  else
    map.read(predicate);
}

Value PredicateEmitter::emit(PlaceEmitter &at, const Node *predicate) {
  const Prepared &known = prepare(predicate);
  return known.isRead ? emitFormula(at, known.formula) : at.emit(predicate);
}

//===--- formulas -----------------------------------------------------------------------------===//

Value PredicateEmitter::emitFormula(PlaceEmitter &at, const Formula &formula) {
  switch (formula.kind) {
  case FormulaKind::AtMostZero:
  case FormulaKind::EqualsZero: return emitLiteral(at, formula);
  case FormulaKind::And:
  case FormulaKind::Or: {
    Value joined = emitFormula(at, formula.parts.front());
    for (const Formula &part : llvm::drop_begin(formula.parts)) {
      Value next = emitFormula(at, part);
      joined = formula.kind == FormulaKind::And
                   ? Value(arith::AndIOp::create(at.builder, scope.location(), joined, next))
                   : Value(arith::OrIOp::create(at.builder, scope.location(), joined, next));
    }
    return joined;
  }
  default:
    return arith::ConstantIntOp::create(at.builder, scope.location(),
                                        formula.kind == FormulaKind::True, 1);
  }
}

/// constant + sum of coefficient * value, without products by 1 and -1, positive terms first.
static Value emitSum(OpBuilder &builder, Location loc, int64_t constant,
                     ArrayRef<std::pair<Value, int64_t>> terms) {
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto times = [&](Value value, int64_t factor) {
    return factor == 1 ? value : builder.createOrFold<arith::MulIOp>(loc, value, index(factor));
  };
  Value sum;
  for (auto [value, coefficient] : terms)
    if (coefficient > 0) {
      Value term = times(value, coefficient);
      sum = sum ? builder.createOrFold<arith::AddIOp>(loc, sum, term) : term;
    }
  for (auto [value, coefficient] : terms)
    if (coefficient < 0)
      sum = builder.createOrFold<arith::SubIOp>(loc, sum ? sum : index(0),
                                                times(value, -coefficient));
  if (!sum)
    return index(constant);
  return constant == 0 ? sum : builder.createOrFold<arith::AddIOp>(loc, sum, index(constant));
}

/// A number that is the same for the whole block.
Value PredicateEmitter::fixed(const Atom &atom) {
  OpBuilder &top = scope.top();
  if (atom.kind != AtomKind::Uniform) {
    PlaceEmitter at(scope, top);
    return emitAtom(at, atom);
  }
  Value value = scope.scalar(atom.node);
  if (value.getType().isInteger(1))
    return arith::IndexCastUIOp::create(top, scope.location(), top.getIndexType(), value);
  if (!value.getType().isIndex())
    return arith::IndexCastOp::create(top, scope.location(), top.getIndexType(), value);
  return value;
}

/// varying <= -fixed, or ==; a - b <= 0 as a <= b.
Value PredicateEmitter::emitLiteral(PlaceEmitter &at, const Formula &formula) {
  const LinearForm &form = formula.literal;
  SmallVector<std::pair<Value, int64_t>> varying, rest;
  for (auto [atom, coefficient] : form.terms) {
    if (isVarying(*atom))
      varying.push_back({emitAtom(at, *atom), coefficient});
    else
      rest.push_back({fixed(*atom), -coefficient});
  }
  Location loc = scope.location();
  auto predicate = formula.kind == FormulaKind::AtMostZero ? arith::CmpIPredicate::sle
                                                           : arith::CmpIPredicate::eq;
  auto compare = [&](Value left, Value right) {
    return arith::CmpIOp::create(at.builder, loc, predicate, left, right);
  };
  bool isZero = rest.empty() && form.constant == 0;
  if (isZero && varying.size() == 2 && varying[0].second + varying[1].second == 0 &&
      std::abs(varying[0].second) == 1) {
    bool isFirst = varying[0].second > 0;
    return compare(varying[!isFirst].first, varying[isFirst].first);
  }
  Value bound = emitSum(scope.top(), loc, -form.constant, rest);
  return compare(emitSum(at.builder, loc, 0, varying), bound);
}

Value PredicateEmitter::emitForm(PlaceEmitter &at, const LinearForm &form) {
  SmallVector<std::pair<Value, int64_t>> terms;
  for (auto [atom, coefficient] : form.terms)
    terms.push_back({isVarying(*atom) ? emitAtom(at, *atom) : fixed(*atom), coefficient});
  return emitSum(at.builder, scope.location(), form.constant, terms);
}

Value PredicateEmitter::emitAtom(PlaceEmitter &at, const Atom &atom) {
  Location loc = scope.location();
  auto operand = [&](unsigned index) { return emitForm(at, atom.operands[index]); };
  switch (atom.kind) {
  case AtomKind::Token: return at.token(atom.side == mask::Side::Query ? at.query : at.key);
  case AtomKind::Coordinate:
    return (atom.side == mask::Side::Query ? at.query : at.key).coordinates[atom.dim];
  case AtomKind::Uniform: return fixed(atom);
  case AtomKind::Quotient:
    return scope.emitFloorDivision(at.builder, operand(0), atom.operands[1].constant);
  case AtomKind::Remainder:
    return scope.emitModulo(at.builder, operand(0), atom.operands[1].constant);
  case AtomKind::Maximum: return arith::MaxSIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::Minimum: return arith::MinSIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::Absolute: return math::AbsIOp::create(at.builder, loc, operand(0));
  default: llvm_unreachable("only what is read is emitted");
  }
}
