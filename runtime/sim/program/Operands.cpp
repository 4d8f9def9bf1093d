// SPDX-License-Identifier: Apache-2.0
// Turns operands into rows, and refuses what does not fit: widths, constants, state spaces. (PTX
// ISA, Instruction Operands.)
#include "runtime/sim/machine/SpecialRegisters.h"
#include "runtime/sim/program/Decoder.h"

#include <algorithm>
#include <bit>

namespace attune::sim {

using ptx::Operand;
using ptx::RegisterClass;
using ptx::Space;
using ptx::Special;
using TypeKind = ScalarType::Kind;

static std::string describe(Width width) { return std::to_string(8 * bytesOf(width)) + " bits"; }

static const char *describe(Operand::Kind kind) {
  switch (kind) {
  case Operand::Kind::Register: return "a register";
  case Operand::Kind::Integer: return "an integer";
  case Operand::Kind::Float32:
  case Operand::Kind::Float64: return "a floating-point constant";
  case Operand::Kind::Special: return "a special register";
  case Operand::Kind::Variable: return "a variable";
  case Operand::Kind::Parameter: return "a parameter";
  case Operand::Kind::Label:
  case Operand::Kind::TargetList: return "a label";
  case Operand::Kind::Address: return "an address in brackets";
  case Operand::Kind::Vector: return "values in braces";
  case Operand::Kind::Pair: return "two results";
  case Operand::Kind::Sink: return "'_'";
  }
  return "something else";
}

static std::string_view nameOf(Space space) {
  switch (space) {
  case Space::Generic: return "generic";
  case Space::Global: return "global";
  case Space::Shared: return "shared";
  case Space::Local: return "local";
  case Space::Const: return "const";
  case Space::Param: return "param";
  }
  return "";
}

static std::string describe(Space space) {
  return (space == Space::Generic ? "" : ".") + std::string(nameOf(space));
}

size_t Decoder::operandCount() const { return statement->operands.size(); }

const Operand &Decoder::operand(size_t index) const {
  if (index >= operandCount())
    fail("expected an operand " + std::to_string(index + 1) + ", but there are " +
         std::to_string(operandCount()));
  return statement->operands[index];
}

void Decoder::expectOperands(size_t least, size_t most) {
  size_t count = operandCount();
  if (count < least || count > most)
    fail("expected " + std::to_string(least) +
         (most > least ? " to " + std::to_string(most) : std::string()) + " operands, but found " +
         std::to_string(count));
}

//===-- Registers ---===//

std::optional<Width> Decoder::widthOf(const Operand &operand) const {
  if (operand.kind != Operand::Kind::Register ||
      function.registers[operand.index].width == RegisterClass::Predicate)
    return std::nullopt;
  return Width(unsigned(function.registers[operand.index].width) - 1);
}

Row Decoder::registerRow(const Operand &operand, Width width) const {
  const ptx::RegisterInfo &info = function.registers[operand.index];
  if (operand.negated)
    fail("only a predicate can stand behind '!', but '" + info.name + "' is none here");
  std::optional<Width> has = widthOf(operand);
  if (has != width)
    fail("expected a register of " + describe(width) + ", but '" + info.name + "' " +
         (has ? "has " + describe(*has) : "is a predicate"));
  return registerPlaces[operand.index];
}

void Decoder::recordUse(std::vector<Row> &rows, Row row, Width width) const {
  for (unsigned i = 0; i < std::max(1u, bytesOf(width) / 4); ++i)
    rows.push_back(row + i);
}

/// Elements of vectors and the results of some instructions can be left out (PTX ISA, Operands).
bool Decoder::mayDiscard(const Operand &operand) const {
  for (const Operand &whole : statement->operands)
    for (const Operand &part : whole.parts)
      if (&part == &operand)
        return whole.kind == Operand::Kind::Vector || opcodeIs({"elect"});
  return opcodeIs({"mbarrier", "atom"});
}

Row Decoder::destination(const Operand &operand, Width width) {
  if (operand.kind == Operand::Kind::Sink) {
    if (!mayDiscard(operand))
      fail("the result of this instruction needs a register, but found '_'");
    return unwanted;
  }
  if (operand.kind != Operand::Kind::Register)
    fail(std::string("expected a register for a result, but found ") + describe(operand.kind));
  Row row = registerRow(operand, width);
  recordUse(program.uses.back().writes, row, width);
  return row;
}

Row Decoder::source(const Operand &operand, Width width) {
  return source(operand, ScalarType{TypeKind::Bits, 8 * bytesOf(width), 1});
}

Row Decoder::source(const Operand &operand, ScalarType type) {
  Width width = type.width();
  switch (operand.kind) {
  case Operand::Kind::Register: {
    Row row = registerRow(operand, width);
    recordUse(program.uses.back().reads, row, width);
    return row;
  }
  case Operand::Kind::Integer:
  case Operand::Kind::Float32:
  case Operand::Kind::Float64: return constantRow(constantBits(operand, type), width);
  case Operand::Kind::Special:
    if (type.kind != TypeKind::Bits && type.kind != TypeKind::Unsigned &&
        type.kind != TypeKind::Signed)
      fail("a special register is an integer, and cannot be read as a floating-point number");
    return specialRow(Special(operand.index), width);
  case Operand::Kind::Variable:
  case Operand::Kind::Parameter: return variableRow(operand, width);
  default:
    fail("expected a register or a constant of " + describe(width) + ", but found " +
         describe(operand.kind));
  }
}

PredicateIndex Decoder::predicateDestination(const Operand &operand) {
  if (operand.kind == Operand::Kind::Sink) {
    if (!opcodeIs({"setp", "shfl", "match"}))
      fail("the result of this instruction needs a predicate, but found '_'");
    return unwantedPredicate;
  }
  if (operand.kind != Operand::Kind::Register || operand.negated ||
      function.registers[operand.index].width != RegisterClass::Predicate)
    fail("expected a predicate for a result");
  return registerPlaces[operand.index];
}

PredicateOperand Decoder::predicateSource(const Operand &operand) {
  if (operand.kind == Operand::Kind::Integer)
    return {operand.bits ? alwaysTrue : alwaysFalse, false};
  if (operand.kind != Operand::Kind::Register ||
      function.registers[operand.index].width != RegisterClass::Predicate)
    fail(std::string("expected a predicate, but found ") + describe(operand.kind) +
         (operand.kind == Operand::Kind::Register ? " that is none" : ""));
  return {registerPlaces[operand.index], operand.negated};
}

/// Fragments of matrices are in braces even when they are one register.
bool Decoder::wantsBraces() const { return opcodeIs({"mma", "ldmatrix", "stmatrix"}); }

std::vector<Row> Decoder::destinations(const Operand &operand, size_t count, Width width) {
  if (operand.kind != Operand::Kind::Vector && count == 1 && !wantsBraces())
    return {destination(operand, width)};
  if (operand.kind != Operand::Kind::Vector || operand.parts.size() != count)
    fail("expected " + std::to_string(count) + " registers in braces");
  std::vector<Row> rows;
  bool anyWanted = false;
  for (const Operand &part : operand.parts) {
    anyWanted |= part.kind != Operand::Kind::Sink;
    rows.push_back(destination(part, width));
  }
  if (!anyWanted)
    fail("expected at least one register in braces, but found '_' alone");
  return rows;
}

std::vector<Row> Decoder::sources(const Operand &operand, size_t count, Width width) {
  if (operand.kind != Operand::Kind::Vector && count == 1 && !wantsBraces())
    return {source(operand, width)};
  if (operand.kind != Operand::Kind::Vector || operand.parts.size() != count)
    fail("expected " + std::to_string(count) + " values in braces");
  std::vector<Row> rows;
  for (const Operand &part : operand.parts)
    rows.push_back(source(part, width));
  return rows;
}

//===-- Constants ---===//

int64_t Decoder::constant(const Operand &operand, int64_t low, int64_t high, const char *what) {
  std::string range =
      std::string(what) + " from " + std::to_string(low) + " to " + std::to_string(high);
  if (operand.kind != Operand::Kind::Integer)
    fail("expected " + range + ", but found " + describe(operand.kind));
  if (operand.bits < low || operand.bits > high)
    fail("expected " + range + ", but found " + std::to_string(operand.bits));
  return operand.bits;
}

/// The bits of a constant in a register of this type (PTX ISA, Constants).
uint64_t Decoder::constantBits(const Operand &operand, ScalarType type) const {
  bool isInteger = type.kind == TypeKind::Unsigned || type.kind == TypeKind::Signed;
  bool isFloat = type.kind == TypeKind::Float && type.elements == 1;
  if (operand.kind == Operand::Kind::Integer) {
    if ((!isInteger && type.kind != TypeKind::Bits) || type.elements != 1)
      fail("expected a register or a floating-point constant, but found an integer");
    if (!ptx::fitsIn(operand.bits, type.bits))
      fail("the integer " + std::to_string(operand.bits) + " does not fit in " +
           std::to_string(type.bits) + " bits");
    return uint64_t(operand.bits);
  }
  bool isSingle = operand.kind == Operand::Kind::Float32;
  if (type.kind == TypeKind::Bits && type.bits == (isSingle ? 32u : 64u))
    return uint64_t(operand.bits);
  if (!isFloat || type.bits < 32)
    fail("a floating-point constant does not fit here: expected .f32, .f64, or .b of its width");
  if (type.bits == (isSingle ? 32u : 64u))
    return uint64_t(operand.bits);
  if (isSingle)
    return std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(operand.bits))));
  double value = std::bit_cast<double>(operand.bits);
  // A value out of range becomes infinite, as IEEE 754 has it.
  return std::bit_cast<uint32_t>(float(value));
}

Row Decoder::constantRow(uint64_t value, Width width) {
  if (width == Width::B128)
    fail("the simulator knows no constants of 128 bits");
  if (width != Width::B64)
    value &= (uint64_t(1) << (8 * bytesOf(width))) - 1;
  return presetRow({Preset::Kind::Constant, 0, width == Width::B64, value, 0});
}

Row Decoder::presetRow(Preset preset) {
  auto [place, fresh] = presetRows.try_emplace(
      std::tuple(preset.kind, preset.wide, preset.value, preset.offset), noOperand);
  if (!fresh)
    return place->second;
  preset.row = place->second = makeRows(preset.wide ? 2 : 1);
  program.presets.push_back(preset);
  return preset.row;
}

Row Decoder::specialRow(Special special, Width width) {
  std::string name(ptx::spelling(special));
  if (!opcodeIs({"mov", "cvt"}))
    fail(name + " can be read by mov and cvt only");
  if (changes(special))
    fail(name + " changes, and can be read by mov only");
  bool isWide = special == Special::GridId;
  // %gridid was a 32-bit register once (PTX ISA, Special Registers).
  if (special == Special::IsExplicitCluster || (width == Width::B64 && !isWide) ||
      (width != Width::B64 && width != Width::B32))
    fail(name + " does not have " + describe(width));
  return presetRow({Preset::Kind::Special, 0, width == Width::B64, uint64_t(special), 0});
}

//===-- Addresses ---===//

const ptx::Variable &Decoder::variableOf(const Operand &operand) const {
  return operand.kind == Operand::Kind::Parameter ? function.parameters[operand.index]
                                                  : function.variables[operand.index];
}

static std::optional<Space> spaceNamed(std::string_view part) {
  std::string_view word = part.substr(0, part.find("::"));
  for (Space space : {Space::Global, Space::Shared, Space::Local, Space::Const, Space::Param})
    if (word == nameOf(space))
      return space;
  return std::nullopt;
}

/// The address of a variable as a value.
Row Decoder::variableRow(const Operand &operand, Width width) {
  const ptx::Variable &variable = variableOf(operand);
  bool inBrackets = false;
  for (const Operand &whole : statement->operands)
    inBrackets |= whole.kind == Operand::Kind::Address && &whole.parts.front() == &operand;
  bool isMapa = opcodeIs({"mapa"}) && variable.space == Space::Shared;
  if (!inBrackets && !isMapa && !opcodeIs({"mov", "cvta"}))
    fail("the address of '" + variable.name + "' can be read by mov and cvta only");
  if (opcodeIs({"cvta"}) &&
      spaceNamed(statement->opcode[1 % statement->opcode.size()]) != variable.space)
    fail("'" + variable.name + "' is in " + describe(variable.space) +
         " memory, which the instruction does not name");
  bool isShort = variable.space == Space::Shared || variable.space == Space::Param ||
                 variable.space == Space::Local;
  if (width != Width::B64 && !(width == Width::B32 && isShort))
    fail("the address of '" + variable.name + "' does not have " + describe(width));
  bool wide = width == Width::B64;
  switch (variable.space) {
  case Space::Shared:
    return presetRow({Preset::Kind::Shared, 0, wide, variablePlaces[operand.index], operand.bits});
  case Space::Local:
    return presetRow({Preset::Kind::Local, 0, wide, variablePlaces[operand.index], operand.bits});
  case Space::Param:
    return presetRow({Preset::Kind::Param, 0, wide, variable.offset, operand.bits});
  default:
    return presetRow({Preset::Kind::Global, 0, wide, variablePlaces[operand.index], operand.bits});
  }
}

/// The k-th address is in the k-th state space that the opcode names; the mbarrier of a bulk copy
/// is in shared memory.
void Decoder::checkSpace(const Operand &address) const {
  const Operand &base = address.parts.front();
  size_t place = 0;
  for (const Operand &other : statement->operands) {
    if (&other == &address)
      break;
    place += other.kind == Operand::Kind::Address;
  }
  std::vector<Space> spaces;
  for (std::string_view part : statement->opcode)
    if (std::optional<Space> space = spaceNamed(part))
      spaces.push_back(*space);
  bool isCopy = opcodeIs({"cp"});
  Space expected = place < spaces.size() ? spaces[place] : isCopy ? Space::Shared : Space::Generic;
  // The address of a tensor map is generic, whatever space the tensor is in.
  if (address.parts.size() > 1)
    expected = Space::Generic;
  if (base.kind == Operand::Kind::Register) {
    if ((expected == Space::Global || expected == Space::Generic) && widthOf(base) == Width::B32 &&
        !isCopy)
      fail("a " + describe(expected) + " address has 64 bits, but '" +
           function.registers[base.index].name + "' has 32");
    return;
  }
  if (base.kind == Operand::Kind::Integer) {
    if (expected != Space::Local)
      fail("only .local addresses can be integers");
    return;
  }
  const ptx::Variable &variable = variableOf(base);
  bool fits =
      variable.space == expected || (expected == Space::Generic && variable.space == Space::Global);
  if (!fits)
    fail("'" + variable.name + "' is in " + describe(variable.space) +
         " memory, but the address is " + describe(expected));
}

AddressOperand Decoder::address(const Operand &operand) {
  if (operand.kind != Operand::Kind::Address)
    fail(std::string("expected an address in brackets, but found ") + describe(operand.kind));
  checkSpace(operand);
  const Operand &base = operand.parts.front();
  AddressOperand result;
  result.offset = operand.bits;
  if (base.kind == Operand::Kind::Integer) {
    result.offset = int64_t(uint64_t(operand.bits) + uint64_t(base.bits));
    return result;
  }
  if (base.kind == Operand::Kind::Register)
    result.wide = widthOf(base) != Width::B32;
  result.base = source(base, result.wide ? Width::B64 : Width::B32);
  return result;
}

} // namespace attune::sim
