// SPDX-License-Identifier: Apache-2.0
// How is a formula written, for people?
#include "compiler/mask/Formula.h"

#include <string>

using namespace attune;
using namespace attune::mask;

static std::string textOf(const Atom &atom);

/// In parentheses unless it is one name or number.
static std::string operandText(const LinearForm &form) {
  std::string text = mask::toString(form);
  bool isName = text.find(' ') == std::string::npos && text.front() != '-';
  if (form.constant == 0 && form.terms.size() == 1 && form.terms[0].second == 1)
    isName |= form.terms[0].first->kind == AtomKind::Uniform ||
              form.terms[0].first->kind == AtomKind::OneSided;
  return isName ? text : "(" + text + ")";
}

static std::string callText(const char *name, const Atom &atom) {
  std::string text = std::string(name) + "(";
  for (const LinearForm &operand : atom.operands)
    text += (&operand == &atom.operands.front() ? "" : ", ") + mask::toString(operand);
  return text + ")";
}

static std::string infixText(const char *symbol, const Atom &atom) {
  return operandText(atom.operands[0]) + " " + symbol + " " + operandText(atom.operands[1]);
}

static std::string nodeText(const Atom &atom) {
  std::string text = attune::toString(atom.node);
  bool isName = text.find(' ') == std::string::npos || atom.node->kind == NodeKind::Size;
  if (atom.node->kind == NodeKind::Opaque)
    isName |= text.back() == ']';
  return isName ? text : "(" + text + ")";
}

static std::string tableText(const Atom &atom) {
  bool isEntry = atom.node->kind == NodeKind::Opaque && !atom.operands.empty();
  if (!isEntry)
    return nodeText(atom);
  std::string text = attune::toString(atom.node->operands[0]) + "[";
  for (const Node *index : llvm::ArrayRef(atom.node->operands).drop_front().drop_back())
    text += attune::toString(index) + ", ";
  return text + mask::toString(atom.operands[0]) + "]";
}

static std::string textOf(const Atom &atom) {
  std::string token = atom.side == Side::Query ? "i" : "j";
  switch (atom.kind) {
  case AtomKind::Token: return token;
  case AtomKind::Coordinate: return token + "." + std::to_string(atom.dim);
  case AtomKind::Uniform: return nodeText(atom);
  case AtomKind::Quotient: return infixText("//", atom);
  case AtomKind::Remainder: return infixText("%", atom);
  case AtomKind::Maximum: return callText("max", atom);
  case AtomKind::Minimum: return callText("min", atom);
  case AtomKind::Absolute: return callText("abs", atom);
  case AtomKind::Select:
    return "(" + mask::toString(*atom.condition) + " ? " + mask::toString(atom.operands[0]) +
           " : " + mask::toString(atom.operands[1]) + ")";
  case AtomKind::Product: return infixText("*", atom);
  case AtomKind::BitAnd: return infixText("&", atom);
  case AtomKind::BitOr: return infixText("|", atom);
  case AtomKind::BitXor: return infixText("^", atom);
  case AtomKind::OneSided: return tableText(atom);
  }
  return "?";
}

static std::string termText(const Atom &atom, int64_t magnitude) {
  std::string text = textOf(atom);
  bool isBits = atom.kind == AtomKind::BitAnd || atom.kind == AtomKind::BitOr ||
                atom.kind == AtomKind::BitXor;
  bool isInfix = isBits || atom.kind == AtomKind::Quotient || atom.kind == AtomKind::Remainder ||
                 atom.kind == AtomKind::Product;
  if (isBits || (isInfix && magnitude != 1))
    text = "(" + text + ")";
  return magnitude == 1 ? text : std::to_string(magnitude) + " * " + text;
}

/// What is added comes before what is subtracted, the constant last.
std::string mask::toString(const LinearForm &form) {
  std::string text;
  bool isFirst =
      form.constant > 0 && llvm::all_of(form.terms, [](auto &term) { return term.second < 0; });
  if (isFirst)
    text = std::to_string(form.constant);
  for (bool isNegative : {false, true})
    for (auto [atom, coefficient] : form.terms) {
      if ((coefficient < 0) != isNegative)
        continue;
      if (!text.empty())
        text += isNegative ? " - " : " + ";
      else if (isNegative)
        text += "-";
      text += termText(*atom, std::abs(coefficient));
    }
  if (text.empty())
    return std::to_string(form.constant);
  if (form.constant != 0 && !isFirst)
    text += (form.constant < 0 ? " - " : " + ") + std::to_string(std::abs(form.constant));
  return text;
}

std::string mask::toString(const Formula &formula) {
  switch (formula.kind) {
  case FormulaKind::True: return "true";
  case FormulaKind::False: return "false";
  case FormulaKind::Unknown: return "unknown";
  case FormulaKind::AtMostZero: return toString(formula.literal) + " <= 0";
  case FormulaKind::EqualsZero: return toString(formula.literal) + " == 0";
  case FormulaKind::And:
  case FormulaKind::Or: break;
  }
  std::string text;
  for (const Formula &part : formula.parts) {
    if (!text.empty())
      text += formula.kind == FormulaKind::And ? " and " : " or ";
    bool isJoint = part.kind == FormulaKind::And || part.kind == FormulaKind::Or;
    text += isJoint ? "(" + toString(part) + ")" : toString(part);
  }
  return text;
}
