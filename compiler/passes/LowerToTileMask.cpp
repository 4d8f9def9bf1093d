// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: is a pair visible? A predicate of the mask as code of a map's region.
#include "compiler/passes/LowerToTileMask.h"

#include "compiler/mask/Emission.h"

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

/// More than this is not worth a tile a literal.
static constexpr size_t MostSplitLiterals = 16;

/// Is each literal f(i) + g(j), of indices and numbers of the block? Counts literals.
static bool isSplit(const Formula &formula, size_t &count) {
  if (formula.kind == FormulaKind::Unknown || mask::readsMemory(formula))
    return false;
  ++count;
  return llvm::none_of(formula.literal.terms,
                       [](auto &term) { return term.first->onQuery && term.first->onKey; }) &&
         llvm::all_of(formula.parts, [&](const Formula &part) { return isSplit(part, count); });
}

const PredicateEmitter::Prepared &PredicateEmitter::prepare(const Node *predicate) {
  auto [place, inserted] = prepared.try_emplace(predicate);
  if (inserted) {
    Prepared &made = place->second;
    made.formula = formulas.build({predicate}).visible;
    size_t literals = 0;
    if (isRead(made.formula))
      made.way = Way::Inequalities;
    else if (isSplit(made.formula, literals) && literals <= MostSplitLiterals)
      made.way = Way::Split;
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

void PredicateEmitter::read(MapBuilder &map, const Node *predicate, OpBuilder *keys) {
  const Prepared &known = prepare(predicate);
  switch (known.way) {
  case Way::Inequalities: return readUniforms(known.formula);
  case Way::Split: return readSplit(map, known.formula, keys);
  case Way::AsWritten: return map.read(predicate);
  }
}

Value PredicateEmitter::emit(PlaceEmitter &at, const Node *predicate, ValueRange elements) {
  const Prepared &known = prepare(predicate);
  switch (known.way) {
  case Way::Inequalities: return emitFormula(at, known.formula);
  case Way::Split: {
    isSplitting = true;
    Value truth = emitFormula(at, known.formula, elements);
    isSplitting = false;
    return truth;
  }
  case Way::AsWritten: return at.emit(predicate);
  }
  llvm_unreachable("all ways are listed");
}

//===--- split literals -----------------------------------------------------------------------===//

namespace {

/// q(i) <= k(j), or q(i) >= k(j) with `isFlipped`, or ==: q is all that does not depend on j. Bounds
/// from both sides on one function of j share it.
struct SplitLiteral {
  LinearForm rows, keys;
  bool isFlipped = false;

  explicit SplitLiteral(const LinearForm &form) {
    auto first = llvm::find_if(form.terms, [](auto &term) { return term.first->onKey; });
    isFlipped = first != form.terms.end() && first->second > 0;
    int64_t sign = isFlipped ? -1 : 1;
    rows.constant = sign * form.constant;
    for (auto [atom, coefficient] : form.terms) {
      if (atom->onKey)
        keys.terms.push_back({atom, -sign * coefficient});
      else
        rows.terms.push_back({atom, sign * coefficient});
    }
  }
};

} // namespace

/// Is the form between the numbers of 32 bits that are `margin` away from the ends?
static bool isWithin32Bits(const LinearForm &form, int64_t margin = 0) {
  auto range = staticRange(form);
  return range && range->first >= std::numeric_limits<int32_t>::min() + margin &&
         range->second <= std::numeric_limits<int32_t>::max() - margin;
}

/// May both sides be compared on 32 bits? One side may be anything if the other keeps off the ends: it
/// is then moved to the nearest number of 32 bits, which compares like itself.
static bool isNarrow(const LinearForm &rows, const LinearForm &keys) {
  return (isWithin32Bits(rows) && isWithin32Bits(keys)) || isWithin32Bits(rows, 1) ||
         isWithin32Bits(keys, 1);
}

/// The number of a side of a comparison, which `isNarrow`.
static Value emitNarrow(OpBuilder &builder, Location loc, const LinearForm &form, Value number) {
  if (!isWithin32Bits(form)) {
    auto constant = [&](int64_t value) {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    number = builder.createOrFold<arith::MinSIOp>(loc, number,
                                                  constant(std::numeric_limits<int32_t>::max()));
    number = builder.createOrFold<arith::MaxSIOp>(loc, number,
                                                  constant(std::numeric_limits<int32_t>::min()));
  }
  return arith::IndexCastOp::create(builder, loc, builder.getI32Type(), number);
}

static bool isOnQuery(const LinearForm &form) {
  return llvm::any_of(form.terms, [](auto &term) { return term.first->onQuery; });
}

/// The tile of a form of one side, made where it is not known, and read by `map`.
void PredicateEmitter::readSide(MapBuilder &map, const LinearForm &form, bool ofKeys,
                                OpBuilder &builder, bool isNarrow) {
  SideTiles &known = ofKeys ? keyForms : rowForms;
  Type element = isNarrow ? Type(builder.getI32Type()) : builder.getIndexType();
  auto found = llvm::find_if(known, [&](const SideTile &side) {
    return side.form == form && tile::getScalarType(side.tile.getType()) == element;
  });
  if (found == known.end()) {
    Places places = ofKeys ? Places::Cols : Places::Rows;
    MapBuilder side(scope, places);
    side.readIndices();
    Value tile = side.build(
        builder, scope.placesType(places, element), [&](PlaceEmitter &at, ValueRange) -> Value {
          Value number = emitForm(at, form);
          return isNarrow ? emitNarrow(at.builder, scope.location(), form, number) : number;
        });
    known.push_back({form, tile});
    found = std::prev(known.end());
  }
  found->place = map.read(found->tile);
}

void PredicateEmitter::readSplit(MapBuilder &map, const Formula &formula, OpBuilder *keyBuilder) {
  for (const Formula &part : formula.parts)
    readSplit(map, part, keyBuilder);
  if (formula.kind != FormulaKind::AtMostZero && formula.kind != FormulaKind::EqualsZero)
    return;
  readForm(formula.literal);
  SplitLiteral split(formula.literal);
  const LinearForm &rows = split.rows, &keys = split.keys;
  bool narrow = isNarrow(rows, keys);
  if (isOnQuery(rows))
    readSide(map, rows, /*ofKeys=*/false, scope.top(), narrow);
  if (!keys.terms.empty() && keyBuilder)
    readSide(map, keys, /*ofKeys=*/true, *keyBuilder, narrow);
}

Value PredicateEmitter::emitSplitLiteral(PlaceEmitter &at, const Formula &formula,
                                         ValueRange elements) {
  Location loc = scope.location();
  SplitLiteral split(formula.literal);
  const LinearForm &rows = split.rows, &keys = split.keys;
  bool narrow = isNarrow(rows, keys);
  Type element = narrow ? Type(at.builder.getI32Type()) : at.builder.getIndexType();
  auto readTile = [&](const SideTiles &known, const LinearForm &form) {
    auto found = llvm::find_if(known, [&](const SideTile &side) {
      return side.form == form && tile::getScalarType(side.tile.getType()) == element;
    });
    return elements[found->place];
  };
  auto readBlock = [&](const LinearForm &form) -> Value {
    PlaceEmitter top(scope, scope.top());
    Value number = emitForm(top, form);
    return narrow ? emitNarrow(scope.top(), loc, form, number) : number;
  };
  Value left = isOnQuery(rows) ? readTile(rowForms, rows) : readBlock(rows);
  Value right = keys.terms.empty() ? readBlock(keys) : readTile(keyForms, keys);
  auto predicate = formula.kind == FormulaKind::EqualsZero ? arith::CmpIPredicate::eq
                   : split.isFlipped                       ? arith::CmpIPredicate::sge
                                                           : arith::CmpIPredicate::sle;
  return arith::CmpIOp::create(at.builder, loc, predicate, left, right);
}

//===--- formulas -----------------------------------------------------------------------------===//

Value PredicateEmitter::emitFormula(PlaceEmitter &at, const Formula &formula, ValueRange elements) {
  switch (formula.kind) {
  case FormulaKind::AtMostZero:
  case FormulaKind::EqualsZero:
    return isSplitting ? emitSplitLiteral(at, formula, elements) : emitLiteral(at, formula);
  case FormulaKind::And:
  case FormulaKind::Or: {
    Value joined = emitFormula(at, formula.parts.front(), elements);
    for (const Formula &part : llvm::drop_begin(formula.parts)) {
      Value next = emitFormula(at, part, elements);
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
  return scope.asIndex(top, scope.scalar(atom.node));
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

/// Floored; the divisor is at least 1, but for a length where there are no tokens.
Value PredicateEmitter::emitDivision(PlaceEmitter &at, const Atom &atom) {
  Location loc = scope.location();
  bool isQuotient = atom.kind == AtomKind::Quotient;
  Value dividend = emitForm(at, atom.operands[0]);
  if (atom.operands[1].terms.empty()) {
    int64_t divisor = atom.operands[1].constant;
    return isQuotient ? scope.emitFloorDivision(at.builder, dividend, divisor)
                      : scope.emitModulo(at.builder, dividend, divisor);
  }
  Value divisor = emitForm(at, atom.operands[1]);
  if (auto known = staticRange(atom.operands[1]); !known || known->first < 1)
    divisor = at.builder.createOrFold<arith::MaxSIOp>(
        loc, divisor, arith::ConstantIndexOp::create(at.builder, loc, 1));
  auto range = staticRange(atom.operands[0]);
  bool isNotNegative = range && range->first >= 0;
  Value quotient = isNotNegative
                       ? Value(arith::DivUIOp::create(at.builder, loc, dividend, divisor))
                       : Value(arith::FloorDivSIOp::create(at.builder, loc, dividend, divisor));
  if (isQuotient)
    return quotient;
  Value whole = arith::MulIOp::create(at.builder, loc, quotient, divisor);
  return arith::SubIOp::create(at.builder, loc, dividend, whole);
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
  case AtomKind::Remainder: return emitDivision(at, atom);
  case AtomKind::Maximum: return arith::MaxSIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::Minimum: return arith::MinSIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::Absolute: return math::AbsIOp::create(at.builder, loc, operand(0));
  case AtomKind::Product: return arith::MulIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::BitAnd: return arith::AndIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::BitOr: return arith::OrIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::BitXor: return arith::XOrIOp::create(at.builder, loc, operand(0), operand(1));
  case AtomKind::Select: {
    // A condition inside of one side is emitted whole.
    bool wasSplitting = std::exchange(isSplitting, false);
    Value condition = emitFormula(at, *atom.condition);
    isSplitting = wasSplitting;
    Value yes = operand(0), no = operand(1);
    return arith::SelectOp::create(at.builder, loc, condition, yes, no);
  }
  default: llvm_unreachable("only what is read is emitted");
  }
}
