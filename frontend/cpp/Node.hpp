// SPDX-License-Identifier: Apache-2.0
// What is an expression made of? Nodes that never change, shared by all expressions that use them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace attn {

/// The element of tokens and results; arithmetic on single numbers is done in f32.
enum class Dtype { f32, f16, bf16 };

/// The elements of tables that C++ has no type for.
struct f16 {};
struct bf16 {};

namespace detail {

[[noreturn]] inline void fail(const std::string &sentence) {
  throw std::invalid_argument(sentence);
}

inline const char *spell(Dtype dtype) {
  return dtype == Dtype::f32 ? "f32" : dtype == Dtype::f16 ? "f16" : "bf16";
}

/// The type of a value: a number, one element a query, a key or a pair of them, or a table.
struct Type {
  enum class Form { Scalar, Rows, Cols, Matrix, Table };
  Form form = Form::Scalar;
  /// "f32", "index", "vector<128xbf16>"; of a table all that is between the brackets.
  std::string element;
  /// Of queries and of keys; empty where there are none.
  std::string rowAxis, colAxis;

  bool isVirtual() const {
    return form == Form::Rows || form == Form::Cols || form == Form::Matrix;
  }

  /// As the language writes it.
  std::string text() const {
    if (form == Form::Scalar)
      return element;
    if (form == Form::Table)
      return "tensor<" + element + ">";
    if (form == Form::Rows)
      return "!attn.rows<" + element + (rowAxis == "q" ? "" : ", " + rowAxis) + ">";
    if (form == Form::Cols)
      return "!attn.cols<" + element + (colAxis == "k" ? "" : ", " + colAxis) + ">";
    bool usual = rowAxis == "q" && colAxis == "k";
    return "!attn.matrix<" + element + (usual ? "" : ", " + rowAxis + ", " + colAxis) + ">";
  }
};

inline Type scalarType(std::string element) {
  return {Type::Form::Scalar, std::move(element), "", ""};
}
inline Type rowsType(std::string element, std::string axis = "q") {
  return {Type::Form::Rows, std::move(element), std::move(axis), ""};
}
inline Type colsType(std::string element, std::string axis = "k") {
  return {Type::Form::Cols, std::move(element), "", std::move(axis)};
}
inline Type matrixType(std::string element, std::string rowAxis = "q", std::string colAxis = "k") {
  return {Type::Form::Matrix, std::move(element), std::move(rowAxis), std::move(colAxis)};
}

struct Node;
using NodeRef = std::shared_ptr<const Node>;

struct Node {
  enum class Kind {
    /// An index of the place where an expression is evaluated: b, h, i, j; the threshold t of a solve.
    Position,
    /// What `score` stands for, until it is known.
    Placeholder,
    /// An argument of the launch.
    Operand,
    /// One line of the program. In its text $N is operand N, #N its type, #r the type of the result;
    /// $B, $T, $I are what a region binds, the types of that, and the indices of its place.
    Operation,
    /// One of several results of operand 0.
    Result,
  };
  Kind kind = Kind::Operation;
  /// The name of a position or operand, or the operation's line.
  std::string text;
  Type type;
  std::vector<NodeRef> operands;
  /// What the region yields; null where there is no region.
  NodeRef region;
  /// Where the region is evaluated, and from which of the operands on they are bound in it.
  Type::Form place = Type::Form::Matrix;
  size_t firstBound = 0;
  /// How many results there are; which one a Result is.
  unsigned results = 1, result = 0;
  /// Facts of an operand, "attn.sorted"; operands stand in this order.
  std::string facts;
  uint64_t order = 0;

  bool isConstant() const {
    return kind == Kind::Operation && operands.empty() && text.starts_with("arith.constant");
  }
};

inline NodeRef makeOperation(std::string text, Type type, std::vector<NodeRef> operands = {}) {
  Node node;
  node.text = std::move(text);
  node.type = std::move(type);
  node.operands = std::move(operands);
  return std::make_shared<const Node>(std::move(node));
}

inline NodeRef makePosition(std::string name, Type type, Node::Kind kind = Node::Kind::Position) {
  Node node;
  node.kind = kind;
  node.text = std::move(name);
  node.type = std::move(type);
  return std::make_shared<const Node>(std::move(node));
}

/// An operand, unlike all others even if it has another's name.
inline NodeRef makeOperand(const std::string &name, Type type) {
  auto isLetter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  bool isName = !name.empty() && isLetter(name.front());
  for (char c : name)
    isName &= isLetter(c) || (c >= '0' && c <= '9');
  if (!isName)
    fail("an operand's name has to be letters, digits and _, beginning with a letter, but got '" +
         name + "'");
  static std::atomic<uint64_t> made{0};
  Node node;
  node.kind = Node::Kind::Operand;
  node.text = name;
  node.type = std::move(type);
  // Tokens come first: queries, keys and values stand before what a variant captures.
  constexpr uint64_t behind = uint64_t(1) << 63;
  node.order = ++made + (node.type.element.starts_with("vector") ? 0 : behind);
  return std::make_shared<const Node>(std::move(node));
}

/// The same operand with another fact.
inline NodeRef addFact(const NodeRef &operand, const std::string &fact) {
  Node node = *operand;
  node.facts += (node.facts.empty() ? "" : ", ") + fact;
  return std::make_shared<const Node>(std::move(node));
}

inline NodeRef makeResult(NodeRef of, unsigned result, Type type) {
  Node node;
  node.kind = Node::Kind::Result;
  node.type = std::move(type);
  node.operands = {std::move(of)};
  node.result = result;
  return std::make_shared<const Node>(std::move(node));
}

} // namespace detail

/// Anything that has a place in a program.
class Value {
public:
  explicit Value(detail::NodeRef node) : made(std::move(node)) {}
  const detail::NodeRef &node() const { return made; }

private:
  detail::NodeRef made;
};

} // namespace attn
