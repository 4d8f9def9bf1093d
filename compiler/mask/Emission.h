// SPDX-License-Identifier: Apache-2.0
// How are forms and formulas written into a program, at one token of a side, and between which
// values is a value while tokens vary in ranges?
#ifndef ATTUNE_COMPILER_MASK_EMISSION_H
#define ATTUNE_COMPILER_MASK_EMISSION_H

#include "compiler/mask/Arithmetic.h"
#include "llvm/ADT/DenseSet.h"

namespace attune::mask {

/// Ends of a range, inclusive; null where nothing is known.
struct Interval {
  Value low, high;
  explicit operator bool() const { return bool(low) && bool(high); }
};

/// A value that others are functions of, where it lies now, and where it can lie at all.
struct Base {
  Value input;
  Interval range, axis;
};

/// Writes forms into a program. A null value: it cannot be written.
class Emitter {
public:
  using BaseFunction = llvm::function_ref<Value(const Atom &)>;

  Emitter(Program &program, FormulaBuilder &formulas, Side rows);

  Program &program;
  FormulaBuilder &formulas;
  const Side rows, columns;

  bool isRow(Side side) const { return side == rows; }
  /// The tokens (coordinates) of a side, outermost first.
  llvm::ArrayRef<const Atom *> tokens(Side side) const { return sideTokens[unsigned(side)]; }
  /// Of a Token or Coordinate: how many there are, or null.
  Value extent(const Atom &token);
  /// [0, extent - 1], or without the upper end.
  Interval axis(const Atom &token);
  Value input(Input input, const Atom &token);
  /// RowToken or ColumnToken.
  Value atToken(const Atom &token);

  /// The value of a form where `base` gives tokens and whatever else it knows.
  Value value(const LinearForm &form, BaseFunction base);
  Value truth(const Formula &formula, BaseFunction base);
  /// The same at RowToken and ColumnToken.
  Value value(const LinearForm &form);
  Value truth(const Formula &formula);

  Value make(Opcode opcode, Value a, Value b);
  Value negate(Value a);
  /// c * a.
  Value scale(Value a, int64_t factor);

  /// 1: grows with the base, 2: falls with it, 3: either. Reading a sorted table counts as growing.
  unsigned direction(Value value, Value base);
  Value substitute(Value value, llvm::ArrayRef<std::pair<Value, Value>> replacements);
  /// Between which values is `value` while bases vary in their ranges? Null where it is not monotone.
  /// `otherwise`: where a sorted table may be read behind its ends; all that it can be if that is null.
  Interval corners(Value value, llvm::ArrayRef<Base> bases, Interval otherwise = {});
  /// The same where a uniform condition holds: the sorted tables are not read behind their ends.
  struct Corners {
    Interval ends;
    Value isInside;
  };
  Corners cornersInside(Value value, llvm::ArrayRef<Base> bases);

  bool isSorted(const Node *node) const { return sorted.contains(node); }

private:
  unsigned direction(Value value, Value base, std::vector<unsigned char> &known);
  Value atomValue(const Atom &atom, BaseFunction base);
  bool isJump(const Instruction &instruction) const;
  unsigned directionOf(const Instruction &instruction, llvm::ArrayRef<unsigned> operands) const;
  /// Are the sorted tables that `value` reads within their ends, wherever bases are? Null: unknown.
  Value inside(Value value, llvm::ArrayRef<Base> bases);
  Value corner(Value value, llvm::ArrayRef<Base> bases, bool low, bool wholeAxis);

  llvm::SmallVector<const Atom *, 3> sideTokens[2];
  llvm::DenseSet<const Node *> sorted;
  /// By base, by value.
  llvm::DenseMap<int, std::vector<unsigned char>> directions;
};

/// The terms of a form by what they depend on.
struct SplitForm {
  LinearForm uniform, row, column, mixed;
};
SplitForm split(const LinearForm &form, Side rows);
bool readsMemory(const LinearForm &form);
bool readsMemory(const Formula &formula);
bool dependsOn(const Formula &formula, Side side);
/// Visits every atom of a formula or form, operands too, once or more.
void forEachAtom(const LinearForm &form, llvm::function_ref<void(const Atom &)> visit);
void forEachAtom(const Formula &formula, llvm::function_ref<void(const Atom &)> visit);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_EMISSION_H
