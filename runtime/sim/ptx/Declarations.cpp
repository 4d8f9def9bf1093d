// SPDX-License-Identifier: Apache-2.0
// Reads declarations of registers, variables and parameters. (PTX ISA, State Spaces, Types, and
// Variables.)
#include "runtime/sim/ptx/Parser.h"

#include <bit>
#include <optional>

namespace attune::sim::ptx {

namespace {

/// What a variable may have at most. .global: so that hostile text cannot take all memory.
uint64_t mostBytes(Space space) {
  switch (space) {
  case Space::Global: return uint64_t(1) << 28;
  case Space::Const: return uint64_t(64) << 10;
  case Space::Shared: return uint64_t(256) << 10;
  case Space::Local: return uint64_t(512) << 10;
  default: return 32764;
  }
}

uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

std::optional<VariableType> findType(std::string_view name) {
  static const std::map<std::string_view, VariableType> types = {
      {"b8", {1}},        {"u8", {1}},          {"s8", {1}},         {"b16", {2}}, {"u16", {2}},
      {"s16", {2}},       {"f16", {2, 0, 1}},   {"b32", {4}},        {"u32", {4}}, {"s32", {4}},
      {"f32", {4, 0, 1}}, {"f16x2", {4, 0, 1}}, {"b64", {8}},        {"u64", {8}}, {"s64", {8}},
      {"f64", {8, 0, 1}}, {"b128", {16}},       {"pred", {0, 1, 0}},
  };
  auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

VariableType Parser::parseVariableType() {
  std::optional<VariableType> type;
  if (token.kind == Token::Kind::Dotted)
    type = findType(token.text);
  if (!type)
    failExpected("a type such as .b32");
  take();
  return *type;
}

void Parser::parseRegisters() {
  Token where = token;
  VariableType type = parseVariableType();
  RegisterClass width = RegisterClass::Predicate;
  if (!type.isPredicate) {
    if (type.bytes < 2)
      throw LoadError(where.line, "registers have 16 bits or more, but found " + describe(where));
    // 2, 4, 8, 16 bytes.
    width = RegisterClass(std::countr_zero(type.bytes));
  }
  do
    parseRegisterName(width);
  while (takeIf(','));
  expect(';', "behind the registers");
}

void Parser::parseRegisterName(RegisterClass width) {
  // A register takes memory when an instruction names it; the bound is for numbers in names.
  constexpr uint64_t mostRegisters = 100'000'000;
  uint32_t line = token.line;
  std::string_view name = expectName("the name of a register");
  if (!takeIf('<'))
    return scopes.back().declare(name, {Symbol::Kind::Register, width, Symbol::unused}, line);
  uint32_t count = uint32_t(expectCount("a number of registers", mostRegisters));
  expect('>', "behind the number of registers");
  scopes.back().declareRange(name, width, count, line);
}

void Parser::parseVariables(Space space, bool isExtern) {
  Variable variable;
  variable.space = space;
  uint32_t elements = 1;
  if (takeDotted("align")) {
    variable.alignment = uint32_t(expectCount("an alignment", 1 << 16));
    if (!std::has_single_bit(variable.alignment))
      fail("expected a power of two as alignment, but found " + std::to_string(variable.alignment));
  }
  if (takeDotted("v2"))
    elements = 2;
  else if (takeDotted("v4"))
    elements = 4;
  VariableType type = parseVariableType();
  if (type.isPredicate)
    fail("a variable cannot have the type .pred");
  if (type.bytes * elements > 16)
    fail("a vector has at most 16 bytes");
  uint32_t natural = type.bytes * elements;
  variable.alignment = std::max(variable.alignment, natural);
  do
    parseVariable(variable, type, elements, isExtern);
  while (takeIf(','));
  expect(';', "behind a variable");
}

void Parser::parseVariable(Variable variable, VariableType type, uint32_t elements, bool isExtern) {
  uint32_t line = token.line;
  std::string_view name = expectName("the name of a variable");
  variable.name = std::string(name);
  size_t dimensions = 0;
  uint64_t count = parseDimensions(dimensions);
  bool isArray = dimensions > 0;
  bool isDynamic = isExtern && variable.space == Space::Shared && isArray && !count;
  if (isExtern && !isDynamic)
    throw LoadError(line, "the simulator links nothing: only .shared arrays of no size, '[]', can "
                          "be .extern");
  variable.bytes = count * elements * type.bytes;
  if (token.is('=')) {
    if (variable.space != Space::Global && variable.space != Space::Const)
      fail("only .global and .const variables can be initialised");
    if (dimensions > 1)
      fail("the simulator knows no initialisers of arrays with several dimensions");
    take();
    parseInitialiser(variable, type);
    if (isArray && !count)
      variable.bytes = variable.initial.size();
  }
  if (!variable.bytes && !isDynamic)
    throw LoadError(line,
                    "'" + variable.name + "' has no size: only .extern .shared arrays have none");
  if (variable.bytes > mostBytes(variable.space) || variable.initial.size() > variable.bytes)
    throw LoadError(line, "'" + variable.name + "' is larger than it may be: at most " +
                              std::to_string(std::min(mostBytes(variable.space), variable.bytes)) +
                              " bytes");
  if (variable.space == Space::Global && (globalBytes += variable.bytes) > mostBytes(Space::Global))
    throw LoadError(line, "the .global variables have more than " +
                              std::to_string(mostBytes(Space::Global)) + " bytes");
  scopes.back().declare(name, {Symbol::Kind::Variable, {}, uint32_t(declared.size())}, line);
  declared.push_back(std::move(variable));
}

uint64_t Parser::parseDimensions(size_t &dimensions) {
  constexpr uint64_t most = uint64_t(1) << 30;
  uint64_t count = 1;
  while (takeIf('[')) {
    uint64_t size = token.is(']') ? 0 : expectCount("a number of elements", most);
    if (dimensions && !size)
      fail("only the first dimension of an array can have no size");
    count = count * size;
    if (count > most)
      fail("an array has at most " + std::to_string(most) + " elements");
    ++dimensions;
    expect(']', "behind a number of elements");
  }
  return count;
}

/// One value, or {values}; what is not given is 0.
void Parser::parseInitialiser(Variable &variable, VariableType type) {
  if (!takeIf('{'))
    return parseInitialValue(variable, type);
  do
    parseInitialValue(variable, type);
  while (takeIf(','));
  expect('}', "behind the initial values");
}

void Parser::parseInitialValue(Variable &variable, VariableType type) {
  Token where = token;
  Operand number = parseNumber();
  uint64_t bits = uint64_t(number.bits);
  bool fits = false;
  if (number.kind == Operand::Kind::Integer)
    fits = !type.isFloat && fitsIn(number.bits, type.bytes * 8);
  else if (type.isFloat && type.bytes == 4)
    fits = number.kind == Operand::Kind::Float32;
  else
    fits = type.isFloat && type.bytes == 8 && number.kind == Operand::Kind::Float64;
  if (!fits)
    throw LoadError(where.line, "expected an integer that fits, 0f... for .f32, 0d... for .f64 as "
                                "initial value, but found " +
                                    describe(where));
  for (uint32_t i = 0; i < type.bytes; ++i)
    variable.initial.push_back(i < 8 ? uint8_t(bits >> (8 * i)) : 0);
}

/// .param .u64 .ptr .global .align 1 name, .param .align 64 .b8 name[128]
void Parser::parseParameter() {
  if (!takeDotted("param"))
    failExpected("a parameter: '.param'");
  Variable parameter;
  parameter.space = Space::Param;
  if (takeDotted("align"))
    parameter.alignment = uint32_t(expectCount("an alignment", 1 << 12));
  VariableType type = parseVariableType();
  if (type.isPredicate)
    fail("a parameter cannot have the type .pred");
  if (takeDotted("ptr")) {
    if (token.isDotted("global") || token.isDotted("shared") || token.isDotted("const") ||
        token.isDotted("local"))
      take();
    if (takeDotted("align"))
      expectCount("an alignment", 1 << 16);
  }
  if (!std::has_single_bit(parameter.alignment))
    fail("expected a power of two as alignment, but found " + std::to_string(parameter.alignment));
  parameter.alignment = std::max(parameter.alignment, type.bytes);
  uint32_t line = token.line;
  std::string_view name = expectName("the name of a parameter");
  parameter.name = std::string(name);
  size_t dimensions = 0;
  parameter.bytes = parseDimensions(dimensions) * type.bytes;
  if (!parameter.bytes)
    throw LoadError(line, "parameter '" + parameter.name + "' has no size");
  parameter.offset = alignUp(function->parameterBytes, parameter.alignment);
  if (parameter.bytes > mostBytes(Space::Param) ||
      parameter.offset + parameter.bytes > mostBytes(Space::Param))
    throw LoadError(line, "the parameters have more than " +
                              std::to_string(mostBytes(Space::Param)) + " bytes");
  function->parameterBytes = parameter.offset + parameter.bytes;
  scopes.back().declare(name, {Symbol::Kind::Parameter, {}, uint32_t(function->parameters.size())},
                        line);
  function->parameters.push_back(std::move(parameter));
}

} // namespace attune::sim::ptx
