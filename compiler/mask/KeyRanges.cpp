// SPDX-License-Identifier: Apache-2.0
// Which columns does a clause leave to a row? Literals are inverted one by one; each step is half of
// a Galois connection, so that nothing visible is lost.
#include "compiler/mask/KeyRanges.h"

using namespace attune;
using namespace attune::mask;

namespace {

/// Operations that the ranges of one row may cost.
constexpr int64_t RowBudget = 200;

bool hasRemainder(const LinearForm &form, Side side) {
  bool found = false;
  forEachAtom(form, [&](const Atom &atom) {
    found |= atom.kind == AtomKind::Remainder && (side == Side::Query ? atom.onQuery : atom.onKey);
  });
  return found;
}

bool isOn(const Atom &atom, Side side) { return side == Side::Query ? atom.onQuery : atom.onKey; }

} // namespace

RangeSolver::RangeSolver(Emitter &emitter, Side side, llvm::ArrayRef<Interval> ranges,
                         bool withOther)
    : ranges(ranges), emitter(emitter), side(side), withOther(withOther) {
  for (const Atom *token : emitter.tokens(side))
    axes.push_back(emitter.axis(*token));
}

bool RangeSolver::isSimple(const LinearForm &form) const {
  return llvm::count_if(form.terms, [&](auto term) { return isOn(*term.first, side); }) <= 1 &&
         !hasRemainder(form, side);
}

void RangeSolver::narrow(llvm::ArrayRef<Formula> literals) {
  // What needs the range of other parts comes after what narrows it.
  for (bool simple : {true, false})
    for (const Formula &literal : literals) {
      bool isLiteral =
          literal.kind == FormulaKind::AtMostZero || literal.kind == FormulaKind::EqualsZero;
      if (!isLiteral || isSimple(literal.literal) != simple || !staticRange(literal.literal))
        continue;
      auto before = ranges;
      apply(literal);
      if (!isAcceptable())
        ranges = before;
    }
}

bool RangeSolver::isAcceptable() const {
  Program &program = emitter.program;
  llvm::SmallVector<Value> roots;
  for (Interval range : ranges)
    for (Value end : {range.low, range.high})
      if (end)
        roots.push_back(end);
  if (program.cost(roots) > RowBudget)
    return false;
  if (!monotone)
    return true;
  return llvm::all_of(roots, [&](Value root) {
    return llvm::all_of(emitter.tokens(emitter.rows), [&](const Atom *token) {
      return emitter.direction(root, emitter.atToken(*token)) != 3;
    });
  });
}

void RangeSolver::apply(const Formula &literal) {
  Value zero = emitter.program.constant(0);
  pushUpper(literal.literal, zero);
  if (literal.kind == FormulaKind::EqualsZero)
    pushLower(literal.literal, zero);
}

Value RangeSolver::fixedValue(const LinearForm &form) {
  bool isKnown = withOther || !dependsOn(form, side == Side::Query ? Side::Key : Side::Query);
  return isKnown ? emitter.value(form) : Value();
}

Interval RangeSolver::enclose(const LinearForm &form, llvm::ArrayRef<Interval> within) {
  Enclosure enclosure(emitter, [&](const Atom &token) -> Interval {
    if (token.side != side) {
      Value value = withOther ? emitter.atToken(token) : Value();
      return {value, value};
    }
    for (auto [index, other] : llvm::enumerate(emitter.tokens(side)))
      if (other == &token)
        return within[index];
    return {};
  });
  return enclosure.form(form);
}

void RangeSolver::pushLower(const LinearForm &form, Value bound) {
  pushUpper(combine(constantForm(0), form, -1), emitter.negate(bound));
}

void RangeSolver::pushUpper(const LinearForm &form, Value bound) {
  Program &program = emitter.program;
  LinearForm fixed = constantForm(form.constant), free;
  for (auto term : form.terms)
    (isOn(*term.first, side) ? free : fixed).terms.push_back(term);
  Value known = fixedValue(fixed);
  if (!known || !bound)
    return;
  Value room = program.subtract(bound, known);
  for (auto [atom, coefficient] : free.terms) {
    // The others are as small as they can be.
    Value rest = room;
    for (auto term : free.terms) {
      if (term.first == atom)
        continue;
      LinearForm other;
      other.terms.push_back(term);
      rest = emitter.make(Opcode::Subtract, rest, enclose(other).low);
    }
    if (!rest)
      continue;
    Value divisor = program.constant(std::abs(coefficient));
    if (coefficient > 0)
      pushUpper(*atom, program.make(Opcode::FloorDivide, rest, divisor));
    else
      pushLower(*atom, emitter.negate(program.make(Opcode::FloorDivide, rest, divisor)));
  }
}

void RangeSolver::pushUpper(const Atom &atom, Value bound) {
  Program &program = emitter.program;
  auto form = [&](unsigned index) -> const LinearForm & { return atom.operands[index]; };
  switch (atom.kind) {
  case AtomKind::Token:
  case AtomKind::Coordinate:
    for (auto [index, token] : llvm::enumerate(emitter.tokens(side)))
      if (token == &atom)
        ranges[index].high =
            ranges[index].high ? program.make(Opcode::Minimum, ranges[index].high, bound) : bound;
    return;
  case AtomKind::Quotient:
    // x // n <= b iff x <= n b + n - 1.
    if (Value divisor = fixedValue(form(1))) {
      Value behind =
          program.make(Opcode::Multiply, divisor, program.add(bound, program.constant(1)));
      pushUpper(form(0), program.subtract(behind, program.constant(1)));
    }
    return;
  case AtomKind::Remainder: return pushRemainder(atom, bound, true);
  case AtomKind::Maximum: pushUpper(form(0), bound); return pushUpper(form(1), bound);
  case AtomKind::Absolute:
    pushUpper(form(0), bound);
    return pushLower(form(0), emitter.negate(bound));
  case AtomKind::Product: return pushProduct(atom, bound, true);
  case AtomKind::OneSided: return pushEntry(atom, bound, true);
  default: return;
  }
}

void RangeSolver::pushLower(const Atom &atom, Value bound) {
  Program &program = emitter.program;
  auto form = [&](unsigned index) -> const LinearForm & { return atom.operands[index]; };
  switch (atom.kind) {
  case AtomKind::Token:
  case AtomKind::Coordinate:
    for (auto [index, token] : llvm::enumerate(emitter.tokens(side)))
      if (token == &atom)
        ranges[index].low = program.make(Opcode::Maximum, ranges[index].low, bound);
    return;
  case AtomKind::Quotient:
    if (Value divisor = fixedValue(form(1)))
      pushLower(form(0), program.make(Opcode::Multiply, divisor, bound));
    return;
  case AtomKind::Remainder: return pushRemainder(atom, bound, false);
  case AtomKind::Minimum: pushLower(form(0), bound); return pushLower(form(1), bound);
  case AtomKind::Maximum: return pushClamp(atom, bound, false);
  case AtomKind::Product: return pushProduct(atom, bound, false);
  case AtomKind::OneSided: return pushEntry(atom, bound, false);
  default: return;
  }
}

/// x % n <= b at an x <= X implies x <= n (X // n) + b: in the last row of n by itself, before it
/// since 0 <= b. Where b < 0 nothing is visible, so that any bound is right. Likewise from below.
void RangeSolver::pushRemainder(const Atom &atom, Value bound, bool upper) {
  Program &program = emitter.program;
  Value divisor = fixedValue(atom.operands[1]);
  Interval range = enclose(atom.operands[0]);
  Value end = upper ? range.high : range.low;
  if (!divisor || !end)
    return;
  Value row = program.make(Opcode::FloorDivide, end, divisor);
  Value last = program.add(program.make(Opcode::Multiply, row, divisor), bound);
  push(atom.operands[0], last, upper);
}

/// Of a sorted table, where the index stays inside of it or what it reads outside, 0, does not fit.
void RangeSolver::pushEntry(const Atom &atom, Value bound, bool upper) {
  Program &program = emitter.program;
  if (!atom.isSorted || atom.operands.empty())
    return;
  Interval index = enclose(atom.operands[0]), anywhere = enclose(atom.operands[0], axes);
  Value end = upper ? index.high : index.low, furthest = upper ? anywhere.high : anywhere.low;
  if (!end || !furthest)
    return;
  Value one = program.constant(1), isExact, found;
  if (upper) {
    Value last = program.subtract(program.entries(atom.node), one);
    isExact = program.atMost(furthest, last);
    found = program.subtract(program.upperBound(atom.node, bound), one);
  } else {
    isExact = program.atMost(program.constant(0), furthest);
    if (program.isFalse(isExact))
      isExact = program.atMost(one, bound);
    found = program.lowerBound(atom.node, bound);
  }
  found = program.make(Opcode::Select, isExact, found, end);
  push(atom.operands[0], found, upper);
}

/// min(x, y) <= b with x known: nothing of y where x <= b, y <= b elsewhere. Likewise max from below.
void RangeSolver::pushClamp(const Atom &atom, Value bound, bool upper) {
  Program &program = emitter.program;
  for (unsigned index : {0, 1}) {
    if (dependsOn(atom.operands[index], side))
      continue;
    Value known = fixedValue(atom.operands[index]);
    const LinearForm &other = atom.operands[1 - index];
    Interval range = enclose(other);
    Value end = upper ? range.high : range.low;
    if (!known || !end)
      return;
    // Beyond the known one, so that the bound is monotone in b.
    end = program.make(upper ? Opcode::Maximum : Opcode::Minimum, end, known);
    Value holds = upper ? program.atMost(known, bound) : program.atMost(bound, known);
    Value chosen = program.make(Opcode::Select, holds, end, bound);
    return push(other, chosen, upper);
  }
}

/// x * y <= b with x known and at least 1.
void RangeSolver::pushProduct(const Atom &atom, Value bound, bool upper) {
  Program &program = emitter.program;
  for (unsigned index : {0, 1}) {
    if (dependsOn(atom.operands[index], side))
      continue;
    Value factor = fixedValue(atom.operands[index]);
    if (!factor || program[factor].low < 1)
      return;
    const LinearForm &other = atom.operands[1 - index];
    if (upper)
      pushUpper(other, program.make(Opcode::FloorDivide, bound, factor));
    else
      pushLower(other,
                emitter.negate(program.make(Opcode::FloorDivide, emitter.negate(bound), factor)));
    return;
  }
}
