// SPDX-License-Identifier: Apache-2.0
// Is a value monotone in what it is a function of, and what does it yield at the ends?
#include "compiler/mask/Emission.h"

using namespace attune;
using namespace attune::mask;

namespace {

constexpr unsigned Grows = 1, Falls = 2, Either = 3, NotYet = 4;

unsigned flip(unsigned direction) {
  return (direction & Grows ? Falls : 0) | (direction & Falls ? Grows : 0);
}

} // namespace

/// x <= k ? y : x with y <= k, and k <= x ? y : x with k <= y: they grow with x where k and y are fixed.
bool Emitter::isJump(const Instruction &instruction) const {
  auto [condition, y, x] = instruction.operands;
  const Instruction &compare = program[condition];
  if (compare.opcode != Opcode::LessEqual)
    return false;
  auto [left, right, none] = compare.operands;
  bool fromBelow = left == x;
  Value k = fromBelow ? right : left;
  if (left == right || (!fromBelow && right != x))
    return false;
  const Instruction &other = program[y];
  if (other.opcode == (fromBelow ? Opcode::Minimum : Opcode::Maximum) &&
      (other.operands[0] == k || other.operands[1] == k))
    return true;
  return fromBelow ? other.high <= program[k].low : other.low >= program[k].high;
}

unsigned Emitter::directionOf(const Instruction &instruction,
                              llvm::ArrayRef<unsigned> operands) const {
  unsigned a = operands[0], b = operands[1], c = operands[2];
  unsigned all = a | b | c;
  if (all == 0)
    return 0;
  auto scaled = [&](unsigned direction, Value by) {
    const Instruction &factor = program[by];
    return direction == 0 || factor.low >= 0 ? direction : factor.high <= 0 ? flip(direction) : 3u;
  };
  switch (instruction.opcode) {
  case Opcode::Entry: return sorted.contains(instruction.node) ? a : Either;
  case Opcode::Add:
  case Opcode::Minimum:
  case Opcode::Maximum:
  case Opcode::And:
  case Opcode::Or:
  case Opcode::LowerBound:
  case Opcode::UpperBound: return all;
  case Opcode::Subtract: return a | flip(b);
  case Opcode::LessEqual: return flip(a) | b;
  case Opcode::Not: return flip(a);
  case Opcode::Multiply:
    return scaled(a, instruction.operands[1]) | scaled(b, instruction.operands[0]);
  case Opcode::FloorDivide: return b == 0 && program[instruction.operands[1]].low >= 1 ? a : Either;
  case Opcode::Select: return a == 0 ? b | c : b == 0 && isJump(instruction) ? c : Either;
  default: return Either;
  }
}

/// Remembered: an instruction never becomes another one, and what is told of its range only narrows.
unsigned Emitter::direction(Value value, Value base) {
  std::vector<unsigned char> &known = directions[base.id];
  if (known.size() < program.size())
    known.resize(program.size(), NotYet);
  return direction(value, base, known);
}

unsigned Emitter::direction(Value value, Value base, std::vector<unsigned char> &known) {
  if (known[value.id] != NotYet)
    return known[value.id];
  const Instruction &instruction = program[value];
  bool atToken =
      instruction.opcode == Opcode::AtToken &&
      (isRow(instruction.side) ? Input::RowToken : Input::ColumnToken) == program[base].input;
  unsigned operands[3] = {};
  for (unsigned index = 0; index < 3; ++index)
    if (instruction.operands[index])
      operands[index] = direction(instruction.operands[index], base, known);
  unsigned found = value == base ? Grows : atToken ? Either : directionOf(instruction, operands);
  known[value.id] = static_cast<unsigned char>(found);
  return found;
}

Value Emitter::substitute(Value value, llvm::ArrayRef<std::pair<Value, Value>> replacements) {
  llvm::DenseMap<int, Value> known;
  for (auto [from, to] : replacements)
    known[from.id] = to;
  for (int id : program.needed(value)) {
    if (known.contains(id))
      continue;
    Instruction instruction = program[Value{id}];
    bool changed = false;
    for (Value &operand : instruction.operands) {
      if (!operand)
        continue;
      Value replaced = known[operand.id];
      changed |= replaced != operand;
      operand = replaced;
    }
    auto [a, b, c] = instruction.operands;
    if (!changed)
      known[id] = Value{id};
    else if (instruction.opcode == Opcode::Entry)
      known[id] = program.entry(instruction.node, a, instruction.low, instruction.high);
    else if (instruction.opcode == Opcode::LowerBound)
      known[id] = program.lowerBound(instruction.node, a);
    else if (instruction.opcode == Opcode::UpperBound)
      known[id] = program.upperBound(instruction.node, a);
    else
      known[id] = program.make(instruction.opcode, a, b, c);
  }
  return known[value.id];
}

Value Emitter::corner(Value value, llvm::ArrayRef<Base> bases, bool low, bool wholeAxis) {
  llvm::SmallVector<std::pair<Value, Value>> replacements;
  for (const Base &base : bases) {
    unsigned found = direction(value, base.input);
    if (found == 0)
      continue;
    const Interval &range = wholeAxis ? base.axis : base.range;
    Value end = (found == Grows) == low ? range.low : range.high;
    if (found == Either || !end)
      return {};
    replacements.push_back({base.input, end});
  }
  return substitute(value, replacements);
}

Value Emitter::inside(Value value, llvm::ArrayRef<Base> bases) {
  Value all = program.truth(true);
  for (int id : program.needed(value)) {
    const Instruction instruction = program[Value{id}];
    if (instruction.opcode != Opcode::Entry || !sorted.contains(instruction.node))
      continue;
    Value index = instruction.operands[0];
    if (llvm::none_of(bases, [&](const Base &base) { return direction(index, base.input) != 0; }))
      continue;
    Value low = corner(index, bases, true, true), high = corner(index, bases, false, true);
    Value least = make(Opcode::LessEqual, program.constant(0), low);
    Value last = program.subtract(program.entries(instruction.node), program.constant(1));
    all = make(Opcode::And, all, make(Opcode::And, least, make(Opcode::LessEqual, high, last)));
    if (!all)
      return {};
  }
  return all;
}

Emitter::Corners Emitter::cornersInside(Value value, llvm::ArrayRef<Base> bases) {
  Value low = corner(value, bases, true, false), high = corner(value, bases, false, false);
  // A sorted table falls to 0 behind its ends.
  Value isInside = low && high ? inside(value, bases) : Value();
  return isInside ? Corners{{low, high}, isInside} : Corners();
}

Interval Emitter::corners(Value value, llvm::ArrayRef<Base> bases, Interval otherwise) {
  Corners found = cornersInside(value, bases);
  if (!found.isInside)
    return {};
  const Instruction instruction = program[value];
  if (!otherwise)
    otherwise = {program.constant(instruction.low), program.constant(instruction.high)};
  return {program.make(Opcode::Select, found.isInside, found.ends.low, otherwise.low),
          program.make(Opcode::Select, found.isInside, found.ends.high, otherwise.high)};
}
