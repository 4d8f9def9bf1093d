// SPDX-License-Identifier: Apache-2.0
// Can a pair of a tile be visible, be hidden? What tables hold enters as folds over the rows and as
// summaries of column tiles, taken only over the tokens that the conjunction lets through.
#include "compiler/mask/TileTest.h"
#include "compiler/mask/KeyRanges.h"

using namespace attune;
using namespace attune::mask;

namespace {

Interval tileEnds(Emitter &emitter, const Atom &token) {
  bool isRow = emitter.isRow(token.side);
  return {emitter.input(isRow ? Input::RowFirst : Input::ColumnFirst, token),
          emitter.input(isRow ? Input::RowLast : Input::ColumnLast, token)};
}

/// Does the formula read, on that side, other than from sorted tables, whose ends tell enough?
bool readsUnsorted(const Formula &formula, Side side) {
  bool found = false;
  forEachAtom(formula, [&](const Atom &atom) {
    found |= atom.kind == AtomKind::OneSided && atom.side == side &&
             !(atom.isSorted && !atom.operands.empty());
  });
  return found;
}

bool isOneSided(const Formula &formula, Side side) {
  Side other = side == Side::Query ? Side::Key : Side::Query;
  return dependsOn(formula, side) && !dependsOn(formula, other);
}

} // namespace

TileTest::TileTest(Emitter &emitter, Schedule &schedule, bool allowSummaries)
    : Enclosure(emitter, [&emitter](const Atom &token) { return tileEnds(emitter, token); }),
      schedule(schedule), allowSummaries(allowSummaries) {}

Value TileTest::reduce(FoldKind kind, Value value, Value when, Side side) {
  return emitter.isRow(side) ? addFold(schedule, kind, value, when)
                             : addSummary(schedule, kind, value, when);
}

Value TileTest::guard(Side side) {
  Program &program = emitter.program;
  Value all = program.truth(true);
  for (const Formula *formula : emitter.isRow(side) ? guards.rows : guards.columns)
    if (Value truth = emitter.truth(*formula))
      all = program.make(Opcode::And, all, truth);
  return all;
}

Value TileTest::part(const LinearForm &terms, Side side, bool high, Value *gate) {
  Program &program = emitter.program;
  bool reads = readsMemory(terms);
  bool isGuarded = llvm::any_of(emitter.isRow(side) ? guards.rows : guards.columns,
                                [](const Formula *formula) { return readsMemory(*formula); });
  bool isFunction = isMonotone(terms) && !(reads && isGuarded && canReduce(side));
  Value value;
  if (!isFunction && canReduce(side) && (reads || emitter.isRow(side)))
    value = emitter.value(terms);
  Value onPiece = value && reads ? Value() : Enclosure::part(terms, side, high, gate);
  if (!value)
    return onPiece;
  Value onTile = reduce(high ? FoldKind::Greatest : FoldKind::Least, value, guard(side), side);
  // What the piece tells, and what the tokens of the tile tell.
  return onPiece ? program.make(high ? Opcode::Minimum : Opcode::Maximum, onPiece, onTile) : onTile;
}

Value TileTest::any(llvm::ArrayRef<const Formula *> formulas, Side side) {
  Program &program = emitter.program;
  Value when = guard(side);
  for (const Formula *formula : formulas)
    if (Value truth = emitter.truth(*formula))
      when = program.make(Opcode::And, when, truth);
  Value one = program.constant(1);
  return program.atMost(one, reduce(FoldKind::Greatest, one, when, side));
}

/// An equality between a function of the row and one of a table at the column: do they share a value?
Value TileTest::mayShareValue(const LinearForm &form) {
  Program &program = emitter.program;
  SplitForm parts = split(form, emitter.rows);
  Value yes = program.truth(true);
  if (!allowSummaries || !readsMemory(parts.column) || !parts.mixed.terms.empty() ||
      parts.row.terms.empty() || isMonotone(parts.column))
    return yes;
  bool isNegated = parts.column.terms.front().second < 0;
  LinearForm zero = constantForm(0), rest = combine(parts.row, parts.uniform, 1);
  Value column = emitter.value(isNegated ? combine(zero, parts.column, -1) : parts.column);
  Value row = emitter.value(isNegated ? rest : combine(zero, rest, -1));
  if (!row || !column)
    return yes;
  Value common =
      program.make(Opcode::BitAnd, reduce(FoldKind::Union, row, guard(emitter.rows), emitter.rows),
                   reduce(FoldKind::Union, column, guard(emitter.columns), emitter.columns));
  return program.make(Opcode::Not, program.make(Opcode::Equal, common, program.constant(0)));
}

Value TileTest::mayEqual(const LinearForm &form) {
  return emitter.program.make(Opcode::And, mayEqualZero(form), mayShareValue(form));
}

/// Bounds on one thing by several functions of a side: the tightest at each token, reduced once.
/// `merged` gets the literals that this answers for.
Value TileTest::mayMerged(const Formula &conjunction, Side side,
                          llvm::SmallPtrSetImpl<const Formula *> &merged) {
  Program &program = emitter.program;
  Value all = program.truth(true);
  auto sidePart = [&](const Formula &literal) {
    SplitForm parts = split(literal.literal, emitter.rows);
    return emitter.isRow(side) ? parts.row : parts.column;
  };
  auto isCandidate = [&](const Formula &part) {
    return part.kind == FormulaKind::AtMostZero && !merged.contains(&part) &&
           !isOneSided(part, side) && readsUnsorted(part, side) &&
           bool(emitter.value(sidePart(part)));
  };
  for (const Formula &first : conjunction.parts) {
    if (!isCandidate(first))
      continue;
    LinearForm rest = combine(first.literal, sidePart(first), -1);
    Value tightest;
    unsigned count = 0;
    for (const Formula &other : conjunction.parts) {
      if (!isCandidate(other) || !(combine(other.literal, sidePart(other), -1) == rest))
        continue;
      Value value = emitter.value(sidePart(other));
      tightest = tightest ? program.make(Opcode::Maximum, tightest, value) : value;
      ++count;
    }
    Value least = form(rest).low;
    if (count < 2 || !least)
      continue;
    for (const Formula &other : conjunction.parts)
      if (isCandidate(other) && combine(other.literal, sidePart(other), -1) == rest)
        merged.insert(&other);
    Value bound = reduce(FoldKind::Least, tightest, guard(side), side);
    all = program.make(Opcode::And, all,
                       program.atMost(program.add(bound, least), program.constant(0)));
  }
  return all;
}

Value TileTest::mayAll(const Formula &conjunction) {
  Program &program = emitter.program;
  Guards outer = guards;
  Value all = program.truth(true);
  llvm::SmallVector<const Formula *> rest, readingRows, readingColumns;
  for (const Formula &part : conjunction.parts) {
    Side side = isOneSided(part, emitter.rows) ? emitter.rows : emitter.columns;
    if (isOneSided(part, side) && readsMemory(part) && canReduce(side) &&
        readsUnsorted(conjunction, side))
      (emitter.isRow(side) ? readingRows : readingColumns).push_back(&part);
    else
      rest.push_back(&part);
  }
  auto select = [&](Side side, auto &chosen, llvm::ArrayRef<const Formula *> reading) {
    bool isUsed = canReduce(side) && readsUnsorted(conjunction, side);
    for (const Formula &part : conjunction.parts)
      if (isUsed && isOneSided(part, side) && emitter.truth(part)) {
        chosen.push_back(&part);
        forget();
      }
    if (!reading.empty())
      all = program.make(Opcode::And, all, any(reading, side));
  };
  select(emitter.rows, guards.rows, readingRows);
  select(emitter.columns, guards.columns, readingColumns);
  llvm::SmallPtrSet<const Formula *, 8> merged;
  for (Side side : {emitter.rows, emitter.columns})
    if (canReduce(side))
      all = program.make(Opcode::And, all, mayMerged(conjunction, side, merged));
  for (const Formula *part : rest)
    if (!merged.contains(part))
      all = program.make(Opcode::And, all, may(*part));
  if (guards.rows.size() != outer.rows.size() || guards.columns.size() != outer.columns.size())
    forget();
  guards = outer;
  return all;
}

Value TileTest::may(const Formula &formula) {
  if (formula.kind == FormulaKind::And)
    return mayAll(formula);
  if (formula.kind == FormulaKind::EqualsZero)
    return mayEqual(formula.literal);
  return Enclosure::may(formula);
}
