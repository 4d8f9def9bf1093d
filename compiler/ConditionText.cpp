// SPDX-License-Identifier: Apache-2.0
// How do people write an expression of the manifest?
#include "compiler/Conditions.h"

#include "llvm/ADT/STLExtras.h"

namespace attune {

using bundle::Expression;
using Kind = Expression::Kind;

namespace {

/// How tightly an operator binds; what binds less tightly than its surroundings needs parentheses.
enum Precedence { Choice, Either, Both, Negation, Comparison, Sum, Product, Atom };

class Renderer {
public:
  explicit Renderer(const bundle::KernelInfo &info) : info(info) {}

  std::string render(const Expression &expression, int surrounding) const {
    auto [text, precedence] = render(expression);
    return precedence < surrounding ? "(" + text + ")" : text;
  }

private:
  using Text = std::pair<std::string, int>;

  Text render(const Expression &expression) const;
  Text renderSize(const Expression &expression) const;
  Text renderComparison(const Expression &expression) const;
  Text renderSum(const Expression &expression) const;
  Text join(const Expression &expression, llvm::StringRef symbol, int precedence) const {
    // Operators of one precedence are read from left to right.
    return {render(expression.arguments[0], precedence) + " " + symbol.str() + " " +
                render(expression.arguments[1], precedence + 1),
            precedence};
  }
  bool isTruth(const Expression &expression) const;

  const bundle::KernelInfo &info;
};

bool Renderer::isTruth(const Expression &expression) const {
  switch (expression.kind) {
  case Kind::Eq:
  case Kind::Ne:
  case Kind::Lt:
  case Kind::Le:
  case Kind::And:
  case Kind::Or: return true;
  case Kind::Scalar: return info.find(expression.operand)->dtype == bundle::ElementType::I1;
  case Kind::Select: return isTruth(expression.arguments[1]) && isTruth(expression.arguments[2]);
  default: return false;
  }
}

Renderer::Text Renderer::renderSize(const Expression &expression) const {
  const bundle::OperandInfo &operand = *info.find(expression.operand);
  if (operand.isTokens() && expression.number == 2)
    return {"size " + operand.axis, Atom};
  return {"dimension " + std::to_string(expression.number) + " of " + operand.name, Atom};
}

Renderer::Text Renderer::renderComparison(const Expression &expression) const {
  const Expression &left = expression.arguments[0], &right = expression.arguments[1];
  bool orders = expression.kind == Kind::Lt || expression.kind == Kind::Le;
  if (expression.kind == Kind::Eq && isTruth(left) && right == Expression::constant(0))
    return {"not " + render(left, Negation), Negation};
  std::string symbol = expression.kind == Kind::Eq   ? " == "
                       : expression.kind == Kind::Ne ? " != "
                       : expression.kind == Kind::Lt ? " < "
                                                     : " <= ";
  // A constant stands on the right: "w >= 0".
  if (orders && left.kind == Kind::Constant && right.kind != Kind::Constant)
    return {render(right, Sum) + (expression.kind == Kind::Lt ? " > " : " >= ") + render(left, Sum),
            Comparison};
  return {render(left, Sum) + symbol + render(right, Sum), Comparison};
}

Renderer::Text Renderer::renderSum(const Expression &expression) const {
  const Expression &right = expression.arguments[1];
  bool subtracts = right.kind == Kind::Constant && right.number < 0 && right.number != INT64_MIN;
  if (subtracts)
    return {render(expression.arguments[0], Sum) + " - " + std::to_string(-right.number), Sum};
  return join(expression, "+", Sum);
}

Renderer::Text Renderer::render(const Expression &expression) const {
  const std::vector<Expression> &arguments = expression.arguments;
  switch (expression.kind) {
  case Kind::Constant: return {std::to_string(expression.number), Atom};
  case Kind::Size: return renderSize(expression);
  case Kind::Scalar: return {expression.operand, Atom};
  case Kind::Max:
  case Kind::Min:
    return {std::string(bundle::spelling(expression.kind)) + "(" + render(arguments[0], Choice) +
                ", " + render(arguments[1], Choice) + ")",
            Atom};
  case Kind::Add: return renderSum(expression);
  case Kind::Sub: return join(expression, "-", Sum);
  case Kind::Mul: return join(expression, "*", Product);
  case Kind::CeilDiv:
  case Kind::FloorDiv:
  case Kind::Mod: return join(expression, bundle::spelling(expression.kind), Product);
  case Kind::Eq:
  case Kind::Ne:
  case Kind::Lt:
  case Kind::Le: return renderComparison(expression);
  case Kind::And: return join(expression, "and", Both);
  case Kind::Or: return join(expression, "or", Either);
  case Kind::Select:
    return {render(arguments[0], Either) + " ? " + render(arguments[1], Either) + " : " +
                render(arguments[2], Choice),
            Choice};
  }
  llvm_unreachable("every kind has its text");
}

} // namespace

std::string renderExpression(const Expression &expression, const bundle::KernelInfo &info) {
  return Renderer(info).render(expression, Choice);
}

} // namespace attune
