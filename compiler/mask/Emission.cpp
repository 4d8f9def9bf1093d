// SPDX-License-Identifier: Apache-2.0
// How are forms and formulas written into a program?
#include "compiler/mask/Emission.h"

using namespace attune;
using namespace attune::mask;

Emitter::Emitter(Program &program, FormulaBuilder &formulas, Side rows)
    : program(program), formulas(formulas), rows(rows),
      columns(rows == Side::Query ? Side::Key : Side::Query) {
  for (Side side : {Side::Query, Side::Key}) {
    auto &list = sideTokens[unsigned(side)];
    forEachAtom(formulas.token(side), [&](const Atom &atom) {
      bool isToken = atom.kind == AtomKind::Token || atom.kind == AtomKind::Coordinate;
      if (isToken && !llvm::is_contained(list, &atom))
        list.push_back(&atom);
    });
    llvm::sort(list, [](const Atom *a, const Atom *b) { return a->dim < b->dim; });
  }
}

Value Emitter::extent(const Atom &token) {
  if (token.kind == AtomKind::Coordinate)
    return value(token.operands[0]);
  std::optional<LinearForm> length = formulas.length(token.side);
  return length ? value(*length) : Value();
}

Interval Emitter::axis(const Atom &token) {
  Value end = extent(token);
  return {program.constant(0), end ? make(Opcode::Subtract, end, program.constant(1)) : Value()};
}

Value Emitter::input(Input input, const Atom &token) {
  return program.input(input, token.dim, std::max<int64_t>(token.low, 0), token.high);
}

Value Emitter::atToken(const Atom &token) {
  return input(isRow(token.side) ? Input::RowToken : Input::ColumnToken, token);
}

Value Emitter::make(Opcode opcode, Value a, Value b) {
  return a && b ? program.make(opcode, a, b) : Value();
}

Value Emitter::negate(Value a) { return make(Opcode::Subtract, program.constant(0), a); }

Value Emitter::scale(Value a, int64_t factor) {
  if (factor == -1)
    return negate(a);
  return make(Opcode::Multiply, a, program.constant(factor));
}

Value Emitter::value(const LinearForm &form) {
  return value(form, [&](const Atom &atom) {
    bool isToken = atom.kind == AtomKind::Token || atom.kind == AtomKind::Coordinate;
    return isToken ? atToken(atom) : Value();
  });
}

Value Emitter::truth(const Formula &formula) {
  return truth(formula, [&](const Atom &atom) {
    bool isToken = atom.kind == AtomKind::Token || atom.kind == AtomKind::Coordinate;
    return isToken ? atToken(atom) : Value();
  });
}

Value Emitter::value(const LinearForm &form, BaseFunction base) {
  if (!staticRange(form))
    return {};
  // Positive terms first: a - b instead of -b + a.
  Value sum;
  auto add = [&](const Atom &atom, int64_t coefficient) {
    Value term = atomValue(atom, base);
    if (!sum)
      sum = scale(term, coefficient);
    else if (coefficient > 0)
      sum = make(Opcode::Add, sum, scale(term, coefficient));
    else
      sum = make(Opcode::Subtract, sum, scale(term, -coefficient));
    return bool(sum);
  };
  for (auto [atom, coefficient] : form.terms)
    if (coefficient > 0 && !add(*atom, coefficient))
      return {};
  if (!sum || form.constant != 0)
    sum = sum ? make(Opcode::Add, sum, program.constant(form.constant))
              : program.constant(form.constant);
  for (auto [atom, coefficient] : form.terms)
    if (coefficient < 0 && !add(*atom, coefficient))
      return {};
  return sum;
}

Value Emitter::atomValue(const Atom &atom, BaseFunction base) {
  if (Value known = base(atom))
    return known;
  auto operand = [&](unsigned index) { return value(atom.operands[index], base); };
  auto binary = [&](Opcode opcode) { return make(opcode, operand(0), operand(1)); };
  switch (atom.kind) {
  case AtomKind::Token:
  case AtomKind::Coordinate: return {};
  case AtomKind::Uniform: return program.uniform(atom.node, atom.low, atom.high);
  case AtomKind::Quotient: return binary(Opcode::FloorDivide);
  case AtomKind::Remainder: return binary(Opcode::Modulo);
  case AtomKind::Maximum: return binary(Opcode::Maximum);
  case AtomKind::Minimum: return binary(Opcode::Minimum);
  case AtomKind::Product: return binary(Opcode::Multiply);
  case AtomKind::BitAnd: return binary(Opcode::BitAnd);
  case AtomKind::BitOr: return binary(Opcode::BitOr);
  case AtomKind::BitXor: return binary(Opcode::BitXor);
  case AtomKind::Absolute: return make(Opcode::Maximum, operand(0), negate(operand(0)));
  case AtomKind::Select: {
    Value condition = truth(*atom.condition, base), a = operand(0), b = operand(1);
    return condition && a && b ? program.make(Opcode::Select, condition, a, b) : Value();
  }
  case AtomKind::OneSided:
    if (atom.operands.empty())
      return program.atToken(atom.node, atom.side, atom.low, atom.high);
    if (atom.isSorted)
      sorted.insert(atom.node);
    if (Value index = operand(0))
      return program.entry(atom.node, index, atom.low, atom.high);
    return {};
  }
  llvm_unreachable("all kinds are listed");
}

Value Emitter::truth(const Formula &formula, BaseFunction base) {
  Value zero = program.constant(0);
  switch (formula.kind) {
  case FormulaKind::True: return program.truth(true);
  case FormulaKind::False: return program.truth(false);
  case FormulaKind::Unknown: return {};
  case FormulaKind::AtMostZero: return make(Opcode::LessEqual, value(formula.literal, base), zero);
  case FormulaKind::EqualsZero: return make(Opcode::Equal, value(formula.literal, base), zero);
  case FormulaKind::And:
  case FormulaKind::Or: {
    bool isAnd = formula.kind == FormulaKind::And;
    Value all = program.truth(isAnd);
    for (const Formula &part : formula.parts)
      all = make(isAnd ? Opcode::And : Opcode::Or, all, truth(part, base));
    return all;
  }
  }
  llvm_unreachable("all kinds are listed");
}

SplitForm attune::mask::split(const LinearForm &form, Side rows) {
  SplitForm parts;
  parts.uniform.constant = form.constant;
  for (auto term : form.terms) {
    bool onRow = rows == Side::Query ? term.first->onQuery : term.first->onKey;
    bool onColumn = rows == Side::Query ? term.first->onKey : term.first->onQuery;
    LinearForm &part = onRow && onColumn ? parts.mixed
                       : onRow           ? parts.row
                       : onColumn        ? parts.column
                                         : parts.uniform;
    part.terms.push_back(term);
  }
  return parts;
}

bool attune::mask::readsMemory(const LinearForm &form) {
  return llvm::any_of(form.terms, [](auto term) { return term.first->readsMemory; });
}

bool attune::mask::readsMemory(const Formula &formula) {
  return readsMemory(formula.literal) ||
         llvm::any_of(formula.parts, [](const Formula &part) { return readsMemory(part); });
}

bool attune::mask::dependsOn(const Formula &formula, Side side) {
  return dependsOn(formula.literal, side) ||
         llvm::any_of(formula.parts, [&](const Formula &part) { return dependsOn(part, side); });
}

void attune::mask::forEachAtom(const LinearForm &form,
                               llvm::function_ref<void(const Atom &)> visit) {
  for (auto [atom, coefficient] : form.terms) {
    visit(*atom);
    for (const LinearForm &operand : atom->operands)
      forEachAtom(operand, visit);
    if (atom->condition)
      forEachAtom(*atom->condition, visit);
  }
}

void attune::mask::forEachAtom(const Formula &formula,
                               llvm::function_ref<void(const Atom &)> visit) {
  forEachAtom(formula.literal, visit);
  for (const Formula &part : formula.parts)
    forEachAtom(part, visit);
}
