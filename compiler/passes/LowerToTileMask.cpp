// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: is a pair visible? A predicate of the mask as code of a map's region.
#include "compiler/passes/LowerToTileMask.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;

static bool isRead(const Formula &formula) {
  return formula.kind != FormulaKind::Unknown && llvm::all_of(formula.parts, isRead);
}

static bool isVarying(const MaskAtom &atom) { return atom.onQuery || atom.onKey; }

const PredicateEmitter::Prepared &PredicateEmitter::prepare(const Node *predicate) {
  auto [place, inserted] = prepared.try_emplace(predicate);
  if (inserted) {
    place->second.formula = formulas.build({predicate});
    place->second.isRead = ::isRead(place->second.formula);
  }
  return place->second;
}

/// Numbers of the block are emitted before the map, in any case.
void PredicateEmitter::readForm(const LinearForm &form) {
  for (auto &term : form.terms) {
    if (term.first->kind == AtomKind::Uniform)
      scope.scalar(term.first->node);
    readForm(term.first->first);
    readForm(term.first->second);
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

Value PredicateEmitter::emitFormula(PlaceEmitter &at, const Formula &formula) {
  switch (formula.kind) {
  case FormulaKind::AtMostZero: return emitLiteral(at, formula.literal);
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

Value PredicateEmitter::uniform(const MaskAtom &atom) {
  Value value = scope.scalar(atom.node);
  OpBuilder &top = scope.top();
  if (value.getType().isInteger(1))
    return arith::IndexCastUIOp::create(top, scope.location(), top.getIndexType(), value);
  if (!value.getType().isIndex())
    return arith::IndexCastOp::create(top, scope.location(), top.getIndexType(), value);
  return value;
}

/// varying <= -uniform; a - b <= 0 as a <= b.
Value PredicateEmitter::emitLiteral(PlaceEmitter &at, const LinearForm &form) {
  SmallVector<std::pair<Value, int64_t>> varying, fixed;
  for (auto [atom, coefficient] : form.terms) {
    if (isVarying(*atom))
      varying.push_back({emitAtom(at, *atom), coefficient});
    else
      fixed.push_back({uniform(*atom), -coefficient});
  }
  Location loc = scope.location();
  auto compare = [&](Value left, Value right) {
    return arith::CmpIOp::create(at.builder, loc, arith::CmpIPredicate::sle, left, right);
  };
  bool isZero = fixed.empty() && form.constant == 0;
  if (isZero && varying.size() == 2 && varying[0].second + varying[1].second == 0 &&
      std::abs(varying[0].second) == 1) {
    bool isFirst = varying[0].second > 0;
    return compare(varying[!isFirst].first, varying[isFirst].first);
  }
  Value bound = emitSum(scope.top(), loc, -form.constant, fixed);
  return compare(emitSum(at.builder, loc, 0, varying), bound);
}

Value PredicateEmitter::emitForm(PlaceEmitter &at, const LinearForm &form) {
  SmallVector<std::pair<Value, int64_t>> terms;
  for (auto [atom, coefficient] : form.terms)
    terms.push_back({isVarying(*atom) ? emitAtom(at, *atom) : uniform(*atom), coefficient});
  return emitSum(at.builder, scope.location(), form.constant, terms);
}

Value PredicateEmitter::emitAtom(PlaceEmitter &at, const MaskAtom &atom) {
  Location loc = scope.location();
  switch (atom.kind) {
  case AtomKind::Query: return at.query;
  case AtomKind::Key: return at.key;
  case AtomKind::Uniform: return uniform(atom);
  case AtomKind::FloorDiv:
    return scope.emitFloorDivision(at.builder, emitForm(at, atom.first), atom.divisor);
  case AtomKind::Modulo:
    return scope.emitModulo(at.builder, emitForm(at, atom.first), atom.divisor);
  case AtomKind::Max:
    return arith::MaxSIOp::create(at.builder, loc, emitForm(at, atom.first),
                                  emitForm(at, atom.second));
  case AtomKind::Min:
    return arith::MinSIOp::create(at.builder, loc, emitForm(at, atom.first),
                                  emitForm(at, atom.second));
  }
  llvm_unreachable("every kind of atom is emitted");
}
