// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: a mask's program as scalar code of the block, each value where it varies least.
#include "compiler/passes/LowerToTileProgram.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attune;
using mask::Input;
using mask::Opcode;
using mask::Side;

static Value constantIndex(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

/// Blocks own queries and walk keys.
static Input tokenOf(Side side) {
  return side == Side::Query ? Input::RowToken : Input::ColumnToken;
}

//===--- places -------------------------------------------------------------------------------===//

static bool isInner(const ProgramPlace &a, const ProgramPlace &b) {
  for (const ProgramPlace *place = &a; place; place = place->outer)
    if (place == &b)
      return true;
  return false;
}

Value ProgramPlace::lookup(Input input, unsigned dim) const {
  for (const ProgramPlace *at = this; at; at = at->outer)
    if (auto found = at->inputs.find({input, dim}); found != at->inputs.end())
      return found->second;
  llvm_unreachable("a program is emitted where its inputs are");
}

ProgramPlace &ProgramEmitter::homeOfInput(Input input, unsigned dim, ProgramPlace &place) {
  for (ProgramPlace *at = &place; at; at = at->outer)
    if (at->inputs.count({input, dim}))
      return *at;
  llvm_unreachable("a program is emitted where its inputs are");
}

/// The outermost place that has all inputs of the value.
ProgramPlace &ProgramEmitter::homeOf(mask::Value value, ProgramPlace &place) {
  if (ProgramPlace *known = place.homes.lookup(value.id))
    return *known;
  ProgramPlace &home = findHome(program[value], place);
  place.homes[value.id] = &home;
  return home;
}

ProgramPlace &ProgramEmitter::findHome(const Instruction &instruction, ProgramPlace &place) {
  switch (instruction.opcode) {
  case Opcode::Constant:
  case Opcode::Uniform:
  case Opcode::Entries:
  case Opcode::Fold: return root;
  case Opcode::Input: return homeOfInput(instruction.input, instruction.dim, place);
  case Opcode::AtToken:
    return homeOfInput(tokenOf(instruction.side), ProgramPlace::TokenNumber, place);
  case Opcode::Summary: return homeOfInput(Input::ColumnTile, 0, place);
  default: break;
  }
  ProgramPlace *home = &root;
  for (mask::Value operand : instruction.operands)
    if (operand) {
      ProgramPlace &next = homeOf(operand, place);
      if (isInner(next, *home))
        home = &next;
    }
  return *home;
}

//===--- values -------------------------------------------------------------------------------===//

Value ProgramEmitter::number(mask::Value value, ProgramPlace &place) {
  Value emitted = emit(value, place);
  if (emitted.getType().isIndex())
    return emitted;
  return scope.asIndex(homeOf(value, place).builder, emitted);
}

Value ProgramEmitter::truth(mask::Value value, ProgramPlace &place) {
  if (std::optional<int64_t> known = program.constantOf(value))
    return arith::ConstantIntOp::create(place.builder, scope.location(), *known != 0, 1);
  Value emitted = emit(value, place);
  if (emitted.getType().isInteger(1))
    return emitted;
  OpBuilder &builder = homeOf(value, place).builder;
  return builder.createOrFold<arith::CmpIOp>(scope.location(), arith::CmpIPredicate::ne, emitted,
                                             constantIndex(builder, scope.location(), 0));
}

Value ProgramEmitter::emit(mask::Value value, ProgramPlace &place) {
  ProgramPlace &home = homeOf(value, place);
  if (Value known = home.values.lookup(value.id))
    return known;
  Value emitted = emitOnce(program[value], home);
  home.values[value.id] = emitted;
  return emitted;
}

Value ProgramEmitter::emitOnce(const Instruction &instruction, ProgramPlace &place) {
  switch (instruction.opcode) {
  case Opcode::Constant:
  case Opcode::Input:
  case Opcode::Uniform:
  case Opcode::AtToken:
  case Opcode::Entry:
  case Opcode::Entries:
  case Opcode::Fold:
  case Opcode::Summary: return emitLeaf(instruction, place);
  case Opcode::LowerBound:
  case Opcode::UpperBound: return emitBisection(instruction, place);
  case Opcode::LessEqual:
  case Opcode::Equal:
  case Opcode::And:
  case Opcode::Or:
  case Opcode::Not: return emitTruth(instruction, place);
  default: return emitArithmetic(instruction, place);
  }
}

Value ProgramEmitter::emitLeaf(const Instruction &instruction, ProgramPlace &place) {
  OpBuilder &builder = place.builder;
  switch (instruction.opcode) {
  case Opcode::Constant: return constantIndex(builder, scope.location(), instruction.number);
  case Opcode::Input: return place.lookup(instruction.input, instruction.dim);
  case Opcode::Uniform: return scope.asIndex(scope.top(), scope.scalar(instruction.node));
  case Opcode::Entries: return scope.countEntries(instruction.node);
  case Opcode::Fold: return folds[instruction.number];
  case Opcode::Summary:
    return summary(builder, place.lookup(Input::ColumnTile, 0), instruction.number);
  case Opcode::Entry: {
    Value index = number(instruction.operands[0], place);
    return scope.asIndex(builder, scope.readEntry(builder, instruction.node, index));
  }
  default: {
    PlaceEmitter at(scope, builder);
    Value token = place.lookup(tokenOf(instruction.side), ProgramPlace::TokenNumber);
    (instruction.side == Side::Query ? at.query : at.key).number = token;
    return scope.asIndex(builder, at.emit(instruction.node));
  }
  }
}

Value ProgramEmitter::emitTruth(const Instruction &instruction, ProgramPlace &place) {
  OpBuilder &builder = place.builder;
  Location loc = scope.location();
  auto [a, b, c] = instruction.operands;
  auto compare = [&](arith::CmpIPredicate predicate) {
    Value left = number(a, place), right = number(b, place);
    return builder.createOrFold<arith::CmpIOp>(loc, predicate, left, right);
  };
  switch (instruction.opcode) {
  case Opcode::LessEqual: return compare(arith::CmpIPredicate::sle);
  case Opcode::Equal: return compare(arith::CmpIPredicate::eq);
  case Opcode::Not: {
    Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
    return builder.createOrFold<arith::XOrIOp>(loc, truth(a, place), yes);
  }
  default: break;
  }
  Value left = truth(a, place), right = truth(b, place);
  return instruction.opcode == Opcode::And ? builder.createOrFold<arith::AndIOp>(loc, left, right)
                                           : builder.createOrFold<arith::OrIOp>(loc, left, right);
}

Value ProgramEmitter::emitArithmetic(const Instruction &instruction, ProgramPlace &place) {
  OpBuilder &builder = place.builder;
  Location loc = scope.location();
  auto [a, b, c] = instruction.operands;
  if (instruction.opcode == Opcode::Select) {
    Value condition = truth(a, place), yes = number(b, place), no = number(c, place);
    return builder.createOrFold<arith::SelectOp>(loc, condition, yes, no);
  }
  Value left = number(a, place), right = number(b, place);
  auto fold = [&]<class Op>() { return builder.createOrFold<Op>(loc, left, right); };
  bool isNotNegative = program[a].low >= 0;
  switch (instruction.opcode) {
  case Opcode::Add: return fold.operator()<arith::AddIOp>();
  case Opcode::Subtract: return fold.operator()<arith::SubIOp>();
  case Opcode::Multiply: return fold.operator()<arith::MulIOp>();
  case Opcode::Minimum: return fold.operator()<arith::MinSIOp>();
  case Opcode::Maximum: return fold.operator()<arith::MaxSIOp>();
  case Opcode::BitAnd: return fold.operator()<arith::AndIOp>();
  case Opcode::BitOr: return fold.operator()<arith::OrIOp>();
  case Opcode::BitXor: return fold.operator()<arith::XOrIOp>();
  case Opcode::FloorDivide: return scope.emitFloorDivision(builder, left, right, isNotNegative);
  case Opcode::Modulo: return scope.emitModulo(builder, left, right, isNotNegative);
  default: llvm_unreachable("every operation is emitted");
  }
}

std::pair<Value, Value> ProgramEmitter::emitCut(const mask::Cut &cut, ProgramPlace &place,
                                                Value first, Value last) {
  OpBuilder &builder = place.builder;
  Location loc = scope.location();
  Value divisor = number(cut.divisor, place), offset = number(cut.offset, place);
  Value one = constantIndex(builder, loc, 1), zero = constantIndex(builder, loc, 0);
  auto add = [&](Value a, Value b) { return builder.createOrFold<arith::AddIOp>(loc, a, b); };
  auto subtract = [&](Value a, Value b) { return builder.createOrFold<arith::SubIOp>(loc, a, b); };
  Value behind = add(last, one);
  Value toFirst = scope.emitModulo(builder, subtract(zero, add(first, offset)), divisor, false);
  Value fromLast = scope.emitModulo(builder, add(behind, offset), divisor, false);
  Value begin = builder.createOrFold<arith::MinSIOp>(loc, add(first, toFirst), behind);
  Value end = builder.createOrFold<arith::MaxSIOp>(loc, subtract(behind, fromLast), begin);
  return {begin, end};
}

/// The least x in [0, entries] whose entry is >= a (lower bound) or > a (upper bound).
Value ProgramEmitter::emitBisection(const Instruction &instruction, ProgramPlace &place) {
  OpBuilder &builder = place.builder;
  Location loc = scope.location();
  Value wanted = number(instruction.operands[0], place);
  Value count = scope.countEntries(instruction.node);
  Value zero = constantIndex(builder, loc, 0), one = constantIndex(builder, loc, 1);
  Value steps = constantIndex(builder, loc, 32); // entries are below 2^31
  auto loop = scf::ForOp::create(builder, loc, zero, steps, one, ValueRange{zero, count});
  OpBuilder inner = OpBuilder::atBlockBegin(loop.getBody());
  Value low = loop.getRegionIterArgs()[0], high = loop.getRegionIterArgs()[1];
  Value sum = arith::AddIOp::create(inner, loc, low, high);
  Value middle = arith::ShRUIOp::create(inner, loc, sum, one);
  Value entry = scope.asIndex(inner, scope.readEntry(inner, instruction.node, middle));
  auto predicate = instruction.opcode == Opcode::LowerBound ? arith::CmpIPredicate::slt
                                                            : arith::CmpIPredicate::sle;
  Value isBefore = arith::CmpIOp::create(inner, loc, predicate, entry, wanted);
  Value isOpen = arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::slt, low, high);
  Value goesUp = arith::AndIOp::create(inner, loc, isBefore, isOpen);
  Value behind = arith::AddIOp::create(inner, loc, middle, one);
  Value nextLow = arith::SelectOp::create(inner, loc, goesUp, behind, low);
  Value nextHigh = arith::SelectOp::create(inner, loc, isBefore, high, middle);
  Value keptHigh = arith::SelectOp::create(inner, loc, isOpen, nextHigh, high);
  scf::YieldOp::create(inner, loc, ValueRange{nextLow, keptHigh});
  return loop.getResult(0);
}
