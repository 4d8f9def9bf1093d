// SPDX-License-Identifier: Apache-2.0
// Between which values does a form lie, and can a formula hold, while tokens vary in ranges?
#include "compiler/mask/Enclosure.h"

using namespace attune;
using namespace attune::mask;

namespace {

/// Inputs that stand for remainders while a form is looked at; no program that is run has them.
constexpr unsigned FirstStandIn = 1 << 16;

LinearForm negated(const LinearForm &form) { return combine(constantForm(0), form, -1); }

bool isNegative(const LinearForm &form) {
  return !form.terms.empty() && form.terms.front().second < 0;
}

} // namespace

Interval Enclosure::scaled(Interval range, int64_t factor) {
  Value low = range.low ? emitter.scale(range.low, factor) : Value();
  Value high = range.high ? emitter.scale(range.high, factor) : Value();
  return factor > 0 ? Interval{low, high} : Interval{high, low};
}

Interval Enclosure::sum(Interval a, Interval b) {
  return {emitter.make(Opcode::Add, a.low, b.low), emitter.make(Opcode::Add, a.high, b.high)};
}

Interval Enclosure::declared(const Atom &atom) {
  if (atom.low <= -Neutral || atom.high >= Neutral)
    return {};
  return {emitter.program.constant(atom.low), emitter.program.constant(atom.high)};
}

Value Enclosure::function(const LinearForm &form, llvm::SmallVectorImpl<Base> &bases) {
  Program &program = emitter.program;
  auto add = [&](Base base) {
    if (llvm::none_of(bases, [&](const Base &other) { return other.input == base.input; }))
      bases.push_back(base);
    return base.input;
  };
  bool readsVarying = false;
  Value value = emitter.value(form, [&](const Atom &atom) -> Value {
    if (atom.kind == AtomKind::OneSided && atom.operands.empty())
      for (const Atom *token : emitter.tokens(atom.side)) {
        Interval range = ranges(*token);
        readsVarying |= !range.low || range.low != range.high;
      }
    if (atom.kind == AtomKind::Token || atom.kind == AtomKind::Coordinate) {
      Interval range = ranges(atom);
      if (range.low && range.low == range.high)
        return range.low;
      return add({emitter.atToken(atom), range, emitter.axis(atom)});
    }
    if (atom.kind != AtomKind::Remainder)
      return {};
    Interval range = remainder(atom);
    if (!range || range.low == range.high)
      return range.low;
    Value standIn = program.input(Input::ColumnToken, FirstStandIn + atom.id, 0,
                                  std::max<int64_t>(atom.high, 0));
    LinearForm last = combine(atom.operands[1], constantForm(1), -1);
    Value divisor = emitter.value(last);
    return add({standIn, range, {program.constant(0), divisor}});
  });
  return readsVarying ? Value() : value;
}

void Enclosure::forget() {
  plains.clear();
  monotones.clear();
  remainders.clear();
}

bool Enclosure::isMonotone(const LinearForm &form) {
  auto known = monotones.find(form);
  if (known != monotones.end())
    return known->second;
  llvm::SmallVector<Base> bases;
  Value value = function(form, bases);
  bool found = value && llvm::all_of(bases, [&](const Base &base) {
                 return emitter.direction(value, base.input) != 3;
               });
  monotones.emplace(form, found);
  return found;
}

Interval Enclosure::plain(const LinearForm &form) { return find(form).range; }

const Enclosure::Plain &Enclosure::find(const LinearForm &form) {
  auto known = plains.find(form);
  if (known == plains.end())
    known = plains.emplace(form, corners(form)).first;
  return known->second;
}

Value Enclosure::part(const LinearForm &terms, Side, bool high, Value *gate) {
  const Plain &found = find(terms);
  bool isBare = gate && found.isInside;
  if (isBare)
    *gate = emitter.program.make(Opcode::And, *gate, found.isInside);
  const Interval &range = isBare ? found.bare : found.range;
  return high ? range.high : range.low;
}

/// Where that is monotone, else term by term.
Enclosure::Plain Enclosure::corners(const LinearForm &form) {
  llvm::SmallVector<Base> bases;
  if (Value value = function(form, bases))
    if (Interval found = emitter.corners(value, bases)) {
      // Where a table ends early, a range of 32 bits tells nothing of what is compared with it.
      Instruction all = emitter.program[value];
      bool isAnything = all.low <= std::numeric_limits<int32_t>::min() &&
                        all.high >= std::numeric_limits<int32_t>::max();
      Emitter::Corners inside =
          isAnything ? emitter.cornersInside(value, bases) : Emitter::Corners();
      return {found, inside.ends, inside.isInside};
    }
  Value constant = emitter.program.constant(form.constant);
  Interval total{constant, constant};
  for (auto [term, coefficient] : form.terms)
    total = sum(total, scaled(atom(*term), coefficient));
  return {total, {}, {}};
}

Interval Enclosure::form(const LinearForm &form) {
  if (!staticRange(form))
    return {};
  SplitForm parts = split(form, emitter.rows);
  if (!parts.mixed.terms.empty() && !readsMemory(form) && isMonotone(form))
    return plain(form);
  Interval total = plain(parts.uniform);
  if (!parts.row.terms.empty())
    total = sum({part(parts.row, emitter.rows, false), part(parts.row, emitter.rows, true)}, total);
  if (!parts.column.terms.empty())
    total = sum(total, {part(parts.column, emitter.columns, false),
                        part(parts.column, emitter.columns, true)});
  if (!parts.mixed.terms.empty())
    total = sum(total, plain(parts.mixed));
  return total;
}

Interval Enclosure::remainder(const Atom &atom) {
  auto known = remainders.find(&atom);
  if (known != remainders.end())
    return known->second;
  Interval found = findRemainder(atom);
  remainders.insert({&atom, found});
  return found;
}

Interval Enclosure::findRemainder(const Atom &atom) {
  Program &program = emitter.program;
  Interval range = form(atom.operands[0]), divisor = plain(atom.operands[1]);
  Value zero = program.constant(0);
  Interval any{zero, emitter.make(Opcode::Subtract, divisor.high, program.constant(1))};
  if (!range || !divisor)
    return any;
  // Without a step of the quotient it is a shift.
  Value first = program.make(Opcode::FloorDivide, range.low, divisor.low);
  Value last = program.make(Opcode::FloorDivide, range.high, divisor.low);
  Value isShift = program.make(Opcode::Equal, first, last);
  if (program.isFalse(isShift))
    return any;
  Value base = program.make(Opcode::Multiply, first, divisor.low);
  Value low = program.subtract(range.low, base), high = program.subtract(range.high, base);
  if (range.low == range.high)
    low = high = program.make(Opcode::Modulo, range.low, divisor.low);
  return {program.make(Opcode::Select, isShift, low, any.low),
          program.make(Opcode::Select, isShift, high, any.high)};
}

Interval Enclosure::select(const Atom &atom) {
  Program &program = emitter.program;
  Interval a = form(atom.operands[0]), b = form(atom.operands[1]);
  Value mayHold = may(*atom.condition), mayFail = may(*atom.otherwise);
  auto end = [&](Opcode opcode, Value x, Value y) -> Value {
    if (program.isFalse(mayFail) || program.isFalse(mayHold))
      return program.isFalse(mayFail) ? x : y;
    Value both = emitter.make(opcode, x, y);
    if (!both)
      return {};
    return program.make(Opcode::Select, mayHold, program.make(Opcode::Select, mayFail, both, x), y);
  };
  return {end(Opcode::Minimum, a.low, b.low), end(Opcode::Maximum, a.high, b.high)};
}

Interval Enclosure::product(Interval a, Interval b) {
  Program &program = emitter.program;
  if (!a || !b)
    return {};
  Interval result;
  for (Value x : {a.low, a.high})
    for (Value y : {b.low, b.high}) {
      Value corner = program.make(Opcode::Multiply, x, y);
      result.low = result.low ? program.make(Opcode::Minimum, result.low, corner) : corner;
      result.high = result.high ? program.make(Opcode::Maximum, result.high, corner) : corner;
    }
  return result;
}

/// Of x & (x - 1), which is x without its lowest bit: 0 where x is 0 or a power of two. From 1 on, an
/// interval holds a power of two if x - 1 at its low end has fewer bits than its high end.
Interval Enclosure::withoutLowestBit(Interval x, Interval any) {
  Program &program = emitter.program;
  Value zero = program.constant(0), one = program.constant(1);
  Value before = program.subtract(x.low, one);
  Value differ = program.make(Opcode::BitXor, before, x.high);
  Value isPower = program.make(Opcode::Not, program.atMost(differ, before));
  Value holdsZero = program.make(Opcode::Or, program.make(Opcode::Equal, x.low, zero), isPower);
  Value isNatural = program.atMost(zero, x.low);
  Value least = program.make(Opcode::Select, holdsZero, zero, one);
  // 0, 1 and 2 are all such numbers.
  Value isSmall = program.make(Opcode::And, isNatural, program.atMost(x.high, program.constant(2)));
  return {program.make(Opcode::Select, isNatural, least, any.low),
          program.make(Opcode::Select, isSmall, zero, x.high)};
}

Interval Enclosure::bits(const Atom &atom, Opcode opcode) {
  Program &program = emitter.program;
  Interval a = form(atom.operands[0]), b = form(atom.operands[1]), any = declared(atom);
  if (!a || !b || !any)
    return any;
  if (opcode == Opcode::BitAnd)
    for (bool swapped : {false, true})
      if (combine(atom.operands[swapped], atom.operands[!swapped], -1) == constantForm(1))
        any = withoutLowestBit(swapped ? b : a, any);
  Value isSingle = program.make(Opcode::And, program.make(Opcode::Equal, a.low, a.high),
                                program.make(Opcode::Equal, b.low, b.high));
  Value single = program.make(opcode, a.low, b.low);
  return {program.make(Opcode::Select, isSingle, single, any.low),
          program.make(Opcode::Select, isSingle, single, any.high)};
}

Interval Enclosure::atom(const Atom &atom) {
  Program &program = emitter.program;
  auto operand = [&](unsigned index) { return form(atom.operands[index]); };
  auto ends = [&](Opcode opcode) {
    Interval a = operand(0), b = operand(1);
    return Interval{emitter.make(opcode, a.low, b.low), emitter.make(opcode, a.high, b.high)};
  };
  switch (atom.kind) {
  case AtomKind::Token:
  case AtomKind::Coordinate: return ranges(atom);
  case AtomKind::Uniform: {
    Value value = program.uniform(atom.node, atom.low, atom.high);
    return {value, value};
  }
  case AtomKind::Quotient: return ends(Opcode::FloorDivide);
  case AtomKind::Remainder: return remainder(atom);
  case AtomKind::Maximum: return ends(Opcode::Maximum);
  case AtomKind::Minimum: return ends(Opcode::Minimum);
  case AtomKind::Absolute: {
    Interval range = operand(0);
    Value down = emitter.negate(range.high), up = emitter.negate(range.low);
    Value low = emitter.make(Opcode::Maximum, range.low, down);
    return {emitter.make(Opcode::Maximum, low, program.constant(0)),
            emitter.make(Opcode::Maximum, range.high, up)};
  }
  case AtomKind::Select: return select(atom);
  case AtomKind::Product: return product(operand(0), operand(1));
  case AtomKind::BitAnd: return bits(atom, Opcode::BitAnd);
  case AtomKind::BitOr: return bits(atom, Opcode::BitOr);
  case AtomKind::BitXor: return bits(atom, Opcode::BitXor);
  case AtomKind::OneSided: return declared(atom);
  }
  llvm_unreachable("all kinds are listed");
}

/// low(form) <= 0, written so that what varies with the pair is on one side and literals that differ
/// in sign and offset share it: `i0 - j1 <= w`. Where a sorted table may end early, which is known once a
/// launch, it is not asked for each tile what its entries are then: nothing is known of the literal.
Value Enclosure::mayAtMostZero(const LinearForm &form) {
  Program &program = emitter.program;
  if (!staticRange(form))
    return program.truth(true);
  SplitForm parts = split(form, emitter.rows);
  bool isPlain = parts.mixed.terms.empty();
  if (!isPlain || (parts.row.terms.empty() && parts.column.terms.empty())) {
    Value low = this->form(form).low;
    return low ? program.atMost(low, program.constant(0)) : program.truth(true);
  }
  bool flip = isNegative(parts.row.terms.empty() ? parts.column : parts.row);
  Value gate = program.truth(true);
  // The end of `terms` that makes the form least; in the sign of the row's part.
  auto end = [&](const LinearForm &terms, Side side) {
    bool isNegated = isNegative(terms);
    Value value = part(isNegated ? negated(terms) : terms, side, isNegated, &gate);
    return std::pair(value, isNegated != flip);
  };
  Value varying;
  if (!parts.row.terms.empty())
    varying = end(parts.row, emitter.rows).first;
  if (!parts.column.terms.empty()) {
    auto [value, subtract] = end(parts.column, emitter.columns);
    varying = parts.row.terms.empty()
                  ? value
                  : emitter.make(subtract ? Opcode::Subtract : Opcode::Add, varying, value);
  }
  Value rest = emitter.value(flip ? parts.uniform : negated(parts.uniform));
  if (!varying || !rest)
    return program.truth(true);
  Value may = flip ? program.atMost(rest, varying) : program.atMost(varying, rest);
  return program.make(Opcode::Or, program.make(Opcode::Not, gate), may);
}

Value Enclosure::mayEqualZero(const LinearForm &form) {
  Value least = mayAtMostZero(form), greatest = mayAtMostZero(negated(form));
  return emitter.program.make(Opcode::And, least, greatest);
}

Value Enclosure::may(const Formula &formula) {
  Program &program = emitter.program;
  switch (formula.kind) {
  case FormulaKind::False: return program.truth(false);
  case FormulaKind::True:
  case FormulaKind::Unknown: return program.truth(true);
  case FormulaKind::AtMostZero: return mayAtMostZero(formula.literal);
  case FormulaKind::EqualsZero: return mayEqualZero(formula.literal);
  case FormulaKind::And:
  case FormulaKind::Or: {
    bool isAnd = formula.kind == FormulaKind::And;
    Value all = program.truth(isAnd);
    for (const Formula &part : formula.parts)
      all = program.make(isAnd ? Opcode::And : Opcode::Or, all, may(part));
    return all;
  }
  }
  llvm_unreachable("all kinds are listed");
}
