// SPDX-License-Identifier: Apache-2.0
// How does a program read?
#include "compiler/mask/Program.h"

using namespace attune;
using namespace attune::mask;

namespace {

llvm::StringRef nameOf(Input input) {
  static constexpr llvm::StringRef names[] = {
      "RowFirst", "RowLast", "ColumnFirst", "ColumnLast", "RowToken", "ColumnToken", "ColumnTile"};
  return names[unsigned(input)];
}

/// An infix operator, or the name of a function.
llvm::StringRef nameOf(Opcode opcode) {
  switch (opcode) {
  case Opcode::Add: return " + ";
  case Opcode::Subtract: return " - ";
  case Opcode::Multiply: return " * ";
  case Opcode::FloorDivide: return " // ";
  case Opcode::Modulo: return " % ";
  case Opcode::BitAnd: return " & ";
  case Opcode::BitOr: return " | ";
  case Opcode::BitXor: return " ^ ";
  case Opcode::LessEqual: return " <= ";
  case Opcode::Equal: return " == ";
  case Opcode::And: return " and ";
  case Opcode::Or: return " or ";
  case Opcode::Minimum: return "min";
  case Opcode::Maximum: return "max";
  case Opcode::Not: return "not";
  case Opcode::Select: return "select";
  case Opcode::Entry: return "entry";
  case Opcode::LowerBound: return "lower_bound";
  case Opcode::UpperBound: return "upper_bound";
  case Opcode::Entries: return "entries";
  default: return "";
  }
}

std::string leafText(const Instruction &instruction) {
  switch (instruction.opcode) {
  case Opcode::Constant: return std::to_string(instruction.number);
  case Opcode::Uniform: return attune::toString(instruction.node);
  case Opcode::AtToken: return "{" + attune::toString(instruction.node) + "}";
  case Opcode::Fold: return "fold" + std::to_string(instruction.number);
  case Opcode::Summary: return "summary" + std::to_string(instruction.number);
  case Opcode::Input:
    return nameOf(instruction.input).str() +
           (instruction.dim ? "." + std::to_string(instruction.dim) : "");
  default: return "";
  }
}

std::string write(const Program &program, Value value, bool inner) {
  const Instruction &instruction = program[value];
  if (std::string leaf = leafText(instruction); !leaf.empty())
    return leaf;
  llvm::StringRef name = nameOf(instruction.opcode);
  auto operand = [&](unsigned index) {
    return write(program, instruction.operands[index], name.starts_with(" "));
  };
  if (name.starts_with(" ")) {
    std::string text = operand(0) + name.str() + operand(1);
    return inner ? "(" + text + ")" : text;
  }
  std::string text = name.str() + "(";
  if (instruction.node)
    text += attune::toString(instruction.node);
  for (unsigned index = 0; index < 3 && instruction.operands[index]; ++index)
    text += (text.back() == '(' ? "" : ", ") + operand(index);
  return text + ")";
}

} // namespace

std::string attune::mask::toString(const Program &program, Value value) {
  return value ? write(program, value, false) : "null";
}
