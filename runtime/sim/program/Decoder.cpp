// SPDX-License-Identifier: Apache-2.0
// Gives registers their rows and variables their places, and reads the modifiers of an opcode.
#include "runtime/sim/program/Decoder.h"

#include <algorithm>

namespace attune::sim {

using ptx::RegisterClass;
using ptx::Space;

unsigned bytesOf(Width width) { return 2u << unsigned(width); }

static unsigned rowsOf(Width width) { return std::max(1u, bytesOf(width) / 4); }

/// A class of registers is a Width behind the predicates.
static Width widthOfClass(RegisterClass width) { return Width(unsigned(width) - 1); }

//===-- The frame: rows of registers and places of variables ---===//

Decoder::Decoder(Program &program, const ptx::Module &module, const ptx::Function &function)
    : program(program), module(module), function(function) {
  program.predicates = unwantedPredicate + 1;
  placeRegisters();
  placeVariables();
  // Of 128 bits, so that it can be what any register is.
  unwanted = makeRows(4);
}

/// A register has one row, or 2 or 4 that begin at a multiple of their number.
Row Decoder::makeRows(unsigned rows) {
  program.rows = (program.rows + rows - 1) / rows * rows;
  Row row = program.rows;
  program.rows += rows;
  return row;
}

void Decoder::placeRegisters() {
  registerPlaces.resize(function.registers.size());
  // Wide ones first, so that nothing is lost to alignment.
  for (RegisterClass width : {RegisterClass::B128, RegisterClass::B64, RegisterClass::B32,
                              RegisterClass::B16, RegisterClass::Predicate})
    for (size_t i = 0; i < function.registers.size(); ++i)
      if (function.registers[i].width == width)
        registerPlaces[i] = width == RegisterClass::Predicate
                                ? program.predicates++
                                : makeRows(rowsOf(widthOfClass(width)));
}

static uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

/// Static shared variables come first; all `extern` ones begin where dynamic memory does.
void Decoder::placeVariables() {
  variablePlaces.resize(function.variables.size());
  auto place = [](uint64_t &end, const ptx::Variable &variable) {
    uint64_t offset = alignUp(end, variable.alignment);
    end = offset + variable.bytes;
    return offset;
  };
  bool isDynamic = false;
  for (size_t i = 0; i < function.variables.size(); ++i) {
    const ptx::Variable &variable = function.variables[i];
    if (variable.space == Space::Shared) {
      program.sharedAlignment = std::max(program.sharedAlignment, variable.alignment);
      isDynamic |= variable.bytes == 0;
      if (variable.bytes)
        variablePlaces[i] = place(program.staticSharedBytes, variable);
    } else if (variable.space == Space::Local) {
      variablePlaces[i] = place(program.localBytes, variable);
    } else {
      variablePlaces[i] = program.globals.size();
      program.globals.push_back(variable);
    }
  }
  constexpr uint64_t mostShared = uint64_t(227) << 10, mostLocal = uint64_t(512) << 10;
  program.localBytes = alignUp(program.localBytes, 16);
  if (isDynamic)
    program.staticSharedBytes = alignUp(program.staticSharedBytes, program.sharedAlignment);
  if (program.staticSharedBytes > mostShared || program.localBytes > mostLocal)
    throw LoadError(function.line,
                    "the variables of '" + function.name + "' take " +
                        std::to_string(program.staticSharedBytes) + " bytes of shared and " +
                        std::to_string(program.localBytes) + " of local memory, but at most " +
                        std::to_string(mostShared) + " and " + std::to_string(mostLocal) +
                        " are there");
  for (size_t i = 0; i < function.variables.size(); ++i)
    if (function.variables[i].space == Space::Shared && !function.variables[i].bytes)
      variablePlaces[i] = program.staticSharedBytes;
}

//===-- Statements and their modifiers ---===//

void Decoder::begin(const ptx::Statement &next) {
  statement = &next;
  nextPart = 1;
  program.code.emplace_back();
  program.uses.emplace_back();
  instruction().line = next.line;
  if (next.guard == ptx::Statement::unguarded)
    return;
  uint32_t guard = registerPlaces[next.guard];
  if (guard >= Instruction::unguarded)
    fail("the function has more than 65000 predicates");
  instruction().guard = uint16_t(guard);
  instruction().guardNegated = next.guardNegated;
}

Instruction &Decoder::instruction() { return program.code.back(); }

std::string_view Decoder::peek() const {
  return nextPart < statement->opcode.size() ? statement->opcode[nextPart] : std::string_view();
}

bool Decoder::take(std::string_view part) { return takeOneOf({part}) == 0; }

int Decoder::takeOneOf(std::initializer_list<std::string_view> parts) {
  auto found = std::find(parts.begin(), parts.end(), peek());
  if (found == parts.end() || peek().empty())
    return -1;
  ++nextPart;
  return int(found - parts.begin());
}

static std::string describePart(std::string_view part) {
  return part.empty() ? "nothing" : "'." + std::string(part.substr(0, 60)) + "'";
}

int Decoder::expectOneOf(std::initializer_list<std::string_view> parts, const char *what) {
  int found = takeOneOf(parts);
  if (found >= 0)
    return found;
  std::string list;
  for (std::string_view part : parts)
    list.append(list.empty() ? " (." : ", .").append(part);
  fail("expected " + std::string(what) + list + "), but found " + describePart(peek()));
}

bool Decoder::takeType(ScalarType &type) {
  using Kind = ScalarType::Kind;
  static const std::map<std::string_view, ScalarType> types = {
      {"b8", {Kind::Bits, 8, 1}},           {"b16", {Kind::Bits, 16, 1}},
      {"b32", {Kind::Bits, 32, 1}},         {"b64", {Kind::Bits, 64, 1}},
      {"b128", {Kind::Bits, 128, 1}},       {"u8", {Kind::Unsigned, 8, 1}},
      {"u16", {Kind::Unsigned, 16, 1}},     {"u32", {Kind::Unsigned, 32, 1}},
      {"u64", {Kind::Unsigned, 64, 1}},     {"s8", {Kind::Signed, 8, 1}},
      {"s16", {Kind::Signed, 16, 1}},       {"s32", {Kind::Signed, 32, 1}},
      {"s64", {Kind::Signed, 64, 1}},       {"u16x2", {Kind::Unsigned, 16, 2}},
      {"s16x2", {Kind::Signed, 16, 2}},     {"f16", {Kind::Float, 16, 1}},
      {"f16x2", {Kind::Float, 16, 2}},      {"bf16", {Kind::BFloat, 16, 1}},
      {"bf16x2", {Kind::BFloat, 16, 2}},    {"f32", {Kind::Float, 32, 1}},
      {"f64", {Kind::Float, 64, 1}},        {"tf32", {Kind::TF32, 32, 1}},
      {"e4m3", {Kind::Float8E4M3, 8, 1}},   {"e4m3x2", {Kind::Float8E4M3, 8, 2}},
      {"e4m3x4", {Kind::Float8E4M3, 8, 4}}, {"e5m2", {Kind::Float8E5M2, 8, 1}},
      {"e5m2x2", {Kind::Float8E5M2, 8, 2}}, {"e5m2x4", {Kind::Float8E5M2, 8, 4}},
  };
  auto found = types.find(peek());
  if (found == types.end())
    return false;
  ++nextPart;
  type = found->second;
  return true;
}

ScalarType Decoder::expectType(const char *what) {
  ScalarType type;
  if (!takeType(type))
    fail("expected " + std::string(what) + ", but found " + describePart(peek()));
  return type;
}

Width ScalarType::width() const {
  unsigned total = bits * elements;
  return total <= 16   ? Width::B16
         : total == 32 ? Width::B32
         : total == 64 ? Width::B64
                       : Width::B128;
}

void Decoder::endModifiers() {
  if (!peek().empty())
    fail("the instruction has no " + describePart(peek()) + " here");
}

void Decoder::require(unsigned target, char suffix) {
  bool has =
      suffix ? module.target == target && module.targetSuffix == suffix : module.target >= target;
  if (has)
    return;
  auto name = [](unsigned number, char letter) {
    return "sm_" + std::to_string(number) + (letter ? std::string(1, letter) : "");
  };
  fail("needs .target " + name(target, suffix) + (suffix ? "" : " or higher") +
       ", but the module has " + name(module.target, module.targetSuffix));
}

void Decoder::requireVersion(unsigned version) {
  auto name = [](unsigned number) {
    return std::to_string(number / 10) + "." + std::to_string(number % 10);
  };
  if (module.version < version)
    fail("needs .version " + name(version) + " or later, but the module has " +
         name(module.version));
}

bool Decoder::opcodeIs(std::initializer_list<std::string_view> words) const {
  return std::find(words.begin(), words.end(), statement->opcode.front()) != words.end();
}

void Decoder::fail(const std::string &message) const {
  constexpr size_t most = 160;
  std::string text(module.line(statement->line));
  if (text.size() > most)
    text = text.substr(0, most) + "...";
  throw LoadError(statement->line, "'" + text + "': " + message);
}

} // namespace attune::sim
