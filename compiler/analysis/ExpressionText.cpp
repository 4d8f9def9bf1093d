// SPDX-License-Identifier: Apache-2.0
// How does an expression read in a message? In infix, with the operands' own names.
#include "compiler/analysis/Expression.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
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
  void opaque(const Node *node, int context);
  void constantOp(Attribute value);
  void load(const Node *node);
  void scan(const Node *node);
  void affine(AffineExpr expression, unsigned numDims, ArrayRef<const Node *> operands,
              int context);

  llvm::raw_ostream &out;
  bool isCut = false;
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
  if (isCut)
    return;
  if (strength < context)
    out << '(';
  // Products and sums are kept in the order of their making, but a number reads better in front.
  bool swap = node->kind == NodeKind::Mul && node->operands[1]->kind == NodeKind::Constant;
  write(node->operands[swap ? 1 : 0], strength);
  out << sign;
  // A difference or quotient holds its right side more strongly.
  bool rightFirst =
      node->kind == NodeKind::Sub || node->kind == NodeKind::Div || node->kind == NodeKind::Opaque;
  write(node->operands[swap ? 0 : 1], strength + rightFirst);
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
  case NodeKind::Concat: out << "segments" << node->index; break;
  case NodeKind::ConcatDomain: out << "visible in segments" << node->index; break;
  case NodeKind::ConcatIndex: out << 'j'; break;
  case NodeKind::AccumulatorRef: out << 'a' << node->index; break;
  case NodeKind::FrameRef: out << 'm' << node->index; break;
  default: out << "row" << node->index; break;
  }
}

//===--- Ops that are kept as they are ---------------------------------------------------------===//

void Writer::constantOp(Attribute value) {
  if (auto integer = dyn_cast<IntegerAttr>(value))
    out << integer.getValue();
  else
    value.print(out, /*elideType=*/true);
}

void Writer::load(const Node *node) {
  write(node->operands[0], Whole);
  out << '[';
  llvm::interleaveComma(llvm::drop_begin(node->operands), out,
                        [&](const Node *index) { write(index, 0); });
  out << ']';
}

/// x of an addend -x or -1; null of any other.
static AffineExpr negatedAddend(AffineExpr addend) {
  if (auto constant = dyn_cast<AffineConstantExpr>(addend))
    return constant.getValue() < 0 ? -addend : AffineExpr();
  if (addend.getKind() != AffineExprKind::Mul)
    return {};
  auto product = cast<AffineBinaryOpExpr>(addend);
  auto factor = dyn_cast<AffineConstantExpr>(product.getRHS());
  return factor && factor.getValue() < 0 ? product.getLHS() * -factor.getValue() : AffineExpr();
}

/// An affine expression over the operands of an affine.apply: dims, then symbols.
void Writer::affine(AffineExpr expression, unsigned numDims, ArrayRef<const Node *> operands,
                    int context) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression)) {
    out << constant.getValue();
    return;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return write(operands[dim.getPosition()], context);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return write(operands[numDims + symbol.getPosition()], context);
  auto binary = cast<AffineBinaryOpExpr>(expression);
  AffineExpr left = binary.getLHS(), right = binary.getRHS();
  bool isSum = binary.getKind() == AffineExprKind::Add;
  int strength = isSum ? Sum : Product;
  StringRef sign = isSum                                          ? " + "
                   : binary.getKind() == AffineExprKind::Mul      ? " * "
                   : binary.getKind() == AffineExprKind::Mod      ? " mod "
                   : binary.getKind() == AffineExprKind::FloorDiv ? " floordiv "
                                                                  : " ceildiv ";
  if (isSum && negatedAddend(left) && !negatedAddend(right))
    std::swap(left, right);
  if (AffineExpr positive = isSum ? negatedAddend(right) : AffineExpr()) {
    sign = " - ";
    right = positive;
  }
  if (strength < context)
    out << '(';
  affine(left, numDims, operands, strength);
  out << sign;
  affine(right, numDims, operands, strength + 1);
  if (strength < context)
    out << ')';
}

/// The sign of a comparison; empty for those that have none.
static StringRef comparisonSign(Operation *op) {
  auto predicate = op->getAttrOfType<IntegerAttr>("predicate");
  if (!predicate)
    return "";
  StringRef integer[] = {" == ", " != ", " < ", " <= ", " > ", " >= "};
  StringRef ordered[] = {"", " == ", " > ", " >= ", " < ", " <= ", " != "};
  bool isInteger = op->getName().getStringRef() == "arith.cmpi";
  auto number = size_t(predicate.getInt());
  ArrayRef<StringRef> signs = isInteger ? ArrayRef(integer) : ArrayRef(ordered);
  return number < signs.size() ? signs[number] : "";
}

void Writer::opaque(const Node *node, int context) {
  Operation *op = node->operation;
  StringRef name = op->getName().getStringRef();
  if (Attribute value = op->getAttr("value"); value && node->operands.empty())
    return constantOp(value);
  if (auto map = op->getAttrOfType<AffineMapAttr>("map"); map && name == "affine.apply")
    return affine(map.getValue().getResult(0), map.getValue().getNumDims(), node->operands,
                  context);
  // Casts say nothing to a reader.
  if (name == "arith.index_cast" || name == "arith.sitofp" || name == "arith.extf")
    return write(node->operands[0], context);
  if (name == "attn.load")
    return load(node);
  if (name == "arith.addi")
    return infix(node, " + ", Sum, context);
  if (name == "arith.subi")
    return infix(node, " - ", Sum, context);
  if (name == "arith.muli")
    return infix(node, " * ", Product, context);
  if (name == "arith.andi" || name == "arith.ori")
    return infix(node, name == "arith.andi" ? " and " : " or ", 0, context);
  if (StringRef sign = comparisonSign(op); !sign.empty())
    return infix(node, sign, 0, context);
  call(op->getName().stripDialect(), node);
}

/// `scan sum reverse of x`; one of several states has its number.
void Writer::scan(const Node *node) {
  auto op = dyn_cast<attn::ScanOp>(node->operation);
  out << (op ? "scan" : "fold");
  if (op && op.getKind())
    out << ' ' << attn::stringifyReduceKind(*op.getKind());
  if (op && op.getReverse())
    out << " reverse";
  if (op && op.getExclusive())
    out << " exclusive";
  if (countStates(node) > 1)
    out << ' ' << node->index;
  out << '(';
  llvm::interleaveComma(llvm::ArrayRef(node->operands).take_front(countStates(node)), out,
                        [&](const Node *state) { write(state, 0); });
  out << ')';
}

void Writer::write(const Node *node, int context) {
  // Shared parts are written once a use: no text of use to a reader is longer.
  constexpr uint64_t maxLength = 2000;
  if (out.tell() > maxLength) {
    if (!isCut)
      out << "...";
    isCut = true;
    return;
  }
  switch (node->kind) {
  case NodeKind::Add: return infix(node, " + ", Sum, context);
  case NodeKind::Sub: return infix(node, " - ", Sum, context);
  case NodeKind::Mul:
    // A number before a product reads without a sign: 0.125 q.k.
    return infix(node,
                 node->operands[0]->kind == NodeKind::Constant ||
                         node->operands[1]->kind == NodeKind::Constant
                     ? " "
                     : " * ",
                 Product, context);
  case NodeKind::Div: return infix(node, " / ", Product, context);
  case NodeKind::Neg: out << '-'; return write(node->operands[0], Whole);
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
  case NodeKind::NotEqual: return infix(node, " != ", 0, context);
  case NodeKind::Opaque: return opaque(node, context);
  case NodeKind::Scan: return scan(node);
  default: return leaf(node);
  }
}

std::string toString(const Node *node, bool isFactor) {
  std::string text;
  llvm::raw_string_ostream out(text);
  Writer(out).write(node, isFactor ? Product : 0);
  return text;
}

} // namespace attune
