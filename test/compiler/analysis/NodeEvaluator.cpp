// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/analysis/NodeEvaluator.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;

namespace attune::test {

static unsigned argumentNumber(Value operand) {
  return cast<BlockArgument>(operand).getArgNumber();
}

const Tensor &NodeEvaluator::tensor(Value operand) const {
  return std::get<Tensor>(arguments[argumentNumber(operand)]);
}

double NodeEvaluator::element(const Tensor &tokens, const Place &place, int64_t token,
                              int64_t lane) const {
  std::vector<int64_t> indices = {tokens.shape[0] == 1 ? 0 : place.b,
                                  place.h / (heads() / tokens.shape[1]), token};
  if (tokens.rank() == 4)
    indices.push_back(lane);
  return at(tokens, indices);
}

static int64_t extent(attn::KernelOp kernel, llvm::ArrayRef<Argument> arguments, unsigned dim) {
  int64_t largest = 1;
  for (auto [index, type] : llvm::enumerate(attn::KernelOp(kernel).getArgumentTypes()))
    if (attn::isVirtual(type))
      largest = std::max(largest, std::get<Tensor>(arguments[index]).shape[dim]);
  return largest;
}
int64_t NodeEvaluator::heads() const { return extent(kernel, arguments, 1); }
int64_t NodeEvaluator::batches() const { return extent(kernel, arguments, 0); }

int64_t NodeEvaluator::length(StringRef axis) const {
  for (auto [index, type] : llvm::enumerate(attn::KernelOp(kernel).getArgumentTypes()))
    if (attn::isVirtual(type) && attn::getAxes(type)[0].getValue() == axis)
      return std::get<Tensor>(arguments[index]).shape[2];
  ADD_FAILURE() << "no operand on axis " << axis.str();
  return 0;
}

double NodeEvaluator::dot(Value result, const Place &place) const {
  auto op = result.getDefiningOp<attn::DotOp>();
  const Tensor &rows = tensor(op.getRows()), &cols = tensor(op.getCols());
  double sum = 0;
  for (int64_t lane = 0; lane < rows.shape[3]; ++lane)
    sum += element(rows, place, place.i, lane) * element(cols, place, place.j, lane);
  return sum;
}

double NodeEvaluator::load(const Node *node, llvm::ArrayRef<double> x) const {
  std::vector<int64_t> indices;
  for (double index : x.drop_front())
    indices.push_back(int64_t(index));
  return at(tensor(node->operands[0]->source), indices);
}

static double compare(int64_t predicate, double a, double b) {
  // slt sle sgt sge and eq ne of arith.cmpi.
  switch (predicate) {
  case 0: return a == b;
  case 1: return a != b;
  case 2: return a < b;
  case 3: return a <= b;
  case 4: return a > b;
  default: return a >= b;
  }
}

static double applyMap(AffineMap map, llvm::ArrayRef<double> x) {
  SmallVector<Attribute> operands;
  Builder builder(map.getContext());
  for (double value : x)
    operands.push_back(builder.getIndexAttr(int64_t(value)));
  SmallVector<Attribute> results;
  EXPECT_TRUE(succeeded(map.constantFold(operands, results)));
  return double(cast<IntegerAttr>(results[0]).getInt());
}

double NodeEvaluator::opaque(const Node *node, llvm::ArrayRef<double> x) const {
  Operation *op = node->operation;
  StringRef name = op->getName().getStringRef();
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return applyMap(apply.getAffineMap(), x);
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return compare(int64_t(cmp.getPredicate()), x[0], x[1]);
  if (auto cmp = dyn_cast<arith::CmpFOp>(op)) {
    EXPECT_EQ(cmp.getPredicate(), arith::CmpFPredicate::OGT);
    return x[0] > x[1];
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      return double(integer.getInt());
    return cast<FloatAttr>(constant.getValue()).getValueAsDouble();
  }
  if (name == "attn.load")
    return load(node, x);
  if (name == "arith.addi")
    return x[0] + x[1];
  if (name == "arith.subi")
    return x[0] - x[1];
  if (name == "arith.muli")
    return x[0] * x[1];
  if (name == "arith.andi")
    return x[0] != 0 && x[1] != 0;
  if (name == "arith.ori")
    return x[0] != 0 || x[1] != 0;
  if (name == "arith.index_cast" || name == "arith.sitofp")
    return x[0];
  if (name == "math.tanh")
    return std::tanh(x[0]);
  if (name == "math.erf")
    return std::erf(x[0]);
  ADD_FAILURE() << "the evaluator does not know " << name.str();
  return NAN;
}

double NodeEvaluator::operator()(const Node *node, const Place &place, const State &state) const {
  switch (node->kind) {
  case NodeKind::Constant: return node->number;
  case NodeKind::Scalar: {
    const Argument &argument = arguments[argumentNumber(node->source)];
    if (const double *number = std::get_if<double>(&argument))
      return *number;
    const int64_t *integer = std::get_if<int64_t>(&argument);
    return integer ? double(*integer) : 0; // a table, read by its load
  }
  case NodeKind::Element:
    return element(tensor(node->source), place, node->onKey ? place.j : place.i, 0);
  case NodeKind::IndexB: return double(place.b);
  case NodeKind::IndexH: return double(place.h);
  case NodeKind::IndexI: return double(place.i);
  case NodeKind::IndexJ: return double(place.j);
  case NodeKind::Size: return double(length(node->axis.getValue()));
  case NodeKind::Dot: return dot(node->source, place);
  case NodeKind::Scan:
  case NodeKind::Reduction:
  case NodeKind::AccumulatorRef:
  case NodeKind::FrameRef:
  case NodeKind::RowRef: return state(node);
  default: break;
  }
  if (node->kind == NodeKind::Select)
    return (*this)(node->operands[(*this)(node->operands[0], place, state) != 0 ? 1 : 2], place,
                   state);
  SmallVector<double, 3> x;
  for (const Node *operand : node->operands)
    x.push_back((*this)(operand, place, state));
  switch (node->kind) {
  case NodeKind::Add: return x[0] + x[1];
  case NodeKind::Sub: return x[0] - x[1];
  case NodeKind::Mul: return x[0] * x[1];
  case NodeKind::Div: return x[0] / x[1];
  case NodeKind::Neg: return -x[0];
  case NodeKind::Max: return std::isnan(x[0]) || x[0] > x[1] ? x[0] : x[1];
  case NodeKind::Min: return std::isnan(x[0]) || x[0] < x[1] ? x[0] : x[1];
  case NodeKind::Pow: return std::pow(x[0], x[1]);
  case NodeKind::Exp: return std::exp(x[0]);
  case NodeKind::Log: return std::log(x[0]);
  case NodeKind::Sqrt: return std::sqrt(x[0]);
  case NodeKind::Abs: return std::fabs(x[0]);
  case NodeKind::Sin: return std::sin(x[0]);
  case NodeKind::Cos: return std::cos(x[0]);
  case NodeKind::NotEqual: return x[0] != x[1];
  default: return opaque(node, x);
  }
}

} // namespace attune::test
