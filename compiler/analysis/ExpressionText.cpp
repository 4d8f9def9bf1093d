// SPDX-License-Identifier: Apache-2.0
// How does an expression read in a message? In infix, with the operands' own names.
#include "compiler/analysis/Expression.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace attune {
namespace {

/// How strongly an expression holds together: a weaker one stands in parentheses.
enum Strength { Sum = 1, Product = 2, Whole = 3 };

class Writer {
public:
  explicit Writer(llvm::raw_ostream &out) : out(out) {}
  void write(const Node *node, int context);

private:
  void infix(const Node *node, StringRef sign, int strength, int context);
  void call(StringRef name, const Node *node);
  void leaf(const Node *node);
  void source(Value value);

  llvm::raw_ostream &out;
};

} // namespace

/// The name that the program gives to an operand of the kernel; empty for other values.
static std::string operandName(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return "";
  auto kernel = dyn_cast<attn::KernelOp>(argument.getOwner()->getParentOp());
  return kernel ? kernel.getOperandName(argument.getArgNumber()).str() : "";
}

void Writer::source(Value value) {
  std::string name = value ? operandName(value) : "";
  out << (name.empty() ? "?" : name);
}

void Writer::infix(const Node *node, StringRef sign, int strength, int context) {
  if (strength < context)
    out << '(';
  write(node->operands[0], strength);
  out << sign;
  // A difference or quotient holds its right side more strongly.
  bool rightFirst = node->kind == NodeKind::Sub || node->kind == NodeKind::Div;
  write(node->operands[1], strength + rightFirst);
  if (strength < context)
    out << ')';
}

void Writer::call(StringRef name, const Node *node) {
  out << name << '(';
  llvm::interleaveComma(node->operands, out, [&](const Node *operand) { write(operand, 0); });
  out << ')';
}

void Writer::leaf(const Node *node) {
  switch (node->kind) {
  case NodeKind::Constant: out << llvm::format("%.6g", node->number); break;
  case NodeKind::Scalar: source(node->source); break;
  case NodeKind::Element:
    source(node->source);
    out << (node->onKey ? "[j]" : "[i]");
    break;
  case NodeKind::IndexB: out << 'b'; break;
  case NodeKind::IndexH: out << 'h'; break;
  case NodeKind::IndexI: out << 'i'; break;
  case NodeKind::IndexJ: out << 'j'; break;
  case NodeKind::Size: out << "size " << node->axis.getValue(); break;
  case NodeKind::Dot: {
    auto dot = node->source ? node->source.getDefiningOp<attn::DotOp>() : attn::DotOp();
    source(dot ? dot.getRows() : Value());
    out << '.';
    source(dot ? dot.getCols() : Value());
    break;
  }
  case NodeKind::Reduction: out << 'r' << node->index; break;
  case NodeKind::AccumulatorRef: out << 'a' << node->index; break;
  case NodeKind::FrameRef: out << 'm' << node->index; break;
  default: out << "row" << node->index; break;
  }
}

void Writer::write(const Node *node, int context) {
  switch (node->kind) {
  case NodeKind::Add: return infix(node, " + ", Sum, context);
  case NodeKind::Sub: return infix(node, " - ", Sum, context);
  case NodeKind::Mul:
    // A number before a product reads without a sign: 0.125 q.k.
    return infix(node, node->operands[0]->kind == NodeKind::Constant ? " " : " * ", Product,
                 context);
  case NodeKind::Div: return infix(node, " / ", Product, context);
  case NodeKind::Neg:
    out << '-';
    return write(node->operands[0], Whole);
  case NodeKind::Max: return call("max", node);
  case NodeKind::Min: return call("min", node);
  case NodeKind::Pow: return call("pow", node);
  case NodeKind::Exp: return call("exp", node);
  case NodeKind::Log: return call("log", node);
  case NodeKind::Sqrt: return call("sqrt", node);
  case NodeKind::Abs: return call("abs", node);
  case NodeKind::Sin: return call("sin", node);
  case NodeKind::Cos: return call("cos", node);
  case NodeKind::Select: return call("select", node);
  case NodeKind::NotEqual: return call("differ", node);
  case NodeKind::Opaque:
    if (node->operands.empty() && node->operation->hasAttr("value")) {
      Attribute value = node->operation->getAttr("value");
      if (auto integer = dyn_cast<IntegerAttr>(value))
        out << integer.getValue();
      else
        value.print(out, /*elideType=*/true);
      return;
    }
    return call(node->operation->getName().stripDialect(), node);
  default: return leaf(node);
  }
}

std::string toString(const Node *node) {
  std::string text;
  llvm::raw_string_ostream out(text);
  Writer(out).write(node, 0);
  return text;
}

} // namespace attune
