// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/mask/MaskProgram.h"
#include "test/compiler/mask/ScalarOps.h"

#include "test/compiler/reference/Cases.h"
#include <gtest/gtest.h>
#include <cmath>

using namespace mlir;
using namespace attune;
using namespace attune::mask::test;
using attune::mask::Side;
using attune::mask::TokenGrid;

//===--- the program --------------------------------------------------------------------------===//

static std::string kernelText(const MaskText &text) {
  std::string operands = text.operands.empty() ? "" : ", " + text.operands;
  return "attn.kernel @mask(%queries: !q, %keys: !k, %values: !k" + operands + ") -> !q {\n" +
         text.prologue + "\n  %scores = dot %queries, %keys : !q, !k\n" +
         "  %masked = where (%score = %scores" + text.bindings + ") at (%b, %h, %i, %j) : (!s" +
         text.bindingTypes + ") {\n" + text.body + "\n  }\n" +
         "  %output = contract %masked, %values : !s, !k -> !q\n  return %output : !q\n}\n";
}

MaskProgram::MaskProgram(const MaskText &text) {
  module = attune::test::parse(kernelText(text));
  if (!module)
    return;
  auto built = ExpressionGraph::build(kernel());
  EXPECT_TRUE(succeeded(built)) << text.body;
  if (succeeded(built))
    graph = std::move(*built);
}

attn::KernelOp MaskProgram::kernel() const { return attune::test::kernelOf(*module); }

const Domain &MaskProgram::domain() const { return graph->reductions().front().domain; }

TokenGrid MaskProgram::grid(StringRef axis) {
  TokenGrid grid;
  for (auto op : kernel().getBody().getOps<attn::AxisOp>())
    if (op.getAxis() == axis)
      for (Value size : op.getGrid()) {
        Operation *made = size.getDefiningOp();
        grid.sizes.push_back(made ? graph->opaque(made, 0, {})
                                  : graph->leaf(NodeKind::Scalar, size.getType(), size));
      }
  return grid;
}

//===--- the problem --------------------------------------------------------------------------===//

struct Problem::Place {
  Place(int64_t query, int64_t key) : query(query), key(key) {}
  int64_t query, key;
  llvm::DenseMap<const Node *, Number> known;
};

Problem::Problem(const MaskProgram &program, int64_t queries, int64_t keys)
    : queries(queries), keys(keys), program(program) {}

void Problem::set(StringRef name, ArrayRef<int64_t> numbers) {
  tables[name] = {{int64_t(numbers.size())}, {numbers.begin(), numbers.end()}};
}

std::string Problem::nameOf(Value operand) const {
  return program.kernel().getOperandName(cast<BlockArgument>(operand).getArgNumber()).str();
}

const Table *Problem::table(Value operand) const {
  auto found = tables.find(nameOf(operand));
  EXPECT_NE(found, tables.end()) << "no numbers for " << nameOf(operand);
  return found == tables.end() ? nullptr : &found->second;
}

Problem::Number Problem::leaf(const Node *node, const Place &place) const {
  auto whole = [](int64_t value) { return Number{value, double(value)}; };
  switch (node->kind) {
  case NodeKind::Constant: return {int64_t(node->number), node->number};
  case NodeKind::IndexB: return whole(batch);
  case NodeKind::IndexH: return whole(head);
  case NodeKind::IndexI: return whole(place.query);
  case NodeKind::IndexJ: return whole(place.key);
  case NodeKind::Size: return whole(node->axis.getValue() == "q" ? queries : keys);
  case NodeKind::Scalar: {
    if (!node->type.isIntOrIndexOrFloat())
      return {}; // A table, read by its load.
    auto found = scalars.find(nameOf(node->source));
    EXPECT_NE(found, scalars.end()) << "no number for " << nameOf(node->source);
    return whole(found == scalars.end() ? 0 : found->second);
  }
  case NodeKind::Element: {
    const Table *elements = table(node->source);
    int64_t token = node->onKey ? place.key : place.query;
    double value = elements ? elements->numbers[size_t(token)] : 0;
    return {int64_t(value), value};
  }
  default: ADD_FAILURE() << "a mask cannot be evaluated from " << toString(node); return {};
  }
}

Problem::Number Problem::algebra(const Node *node, ArrayRef<Number> x) const {
  auto both = [&](auto function) { return function(x[0].real, x[1].real); };
  double value = 0;
  switch (node->kind) {
  case NodeKind::Add: value = both(std::plus<>()); break;
  case NodeKind::Sub: value = both(std::minus<>()); break;
  case NodeKind::Mul: value = both(std::multiplies<>()); break;
  case NodeKind::Div: value = both(std::divides<>()); break;
  case NodeKind::Neg: value = -x[0].real; break;
  case NodeKind::Max: value = std::fmax(x[0].real, x[1].real); break;
  case NodeKind::Min: value = std::fmin(x[0].real, x[1].real); break;
  case NodeKind::Abs: value = std::fabs(x[0].real); break;
  case NodeKind::Sqrt: value = std::sqrt(x[0].real); break;
  case NodeKind::Exp: value = std::exp(x[0].real); break;
  case NodeKind::Log: value = std::log(x[0].real); break;
  case NodeKind::Sin: value = std::sin(x[0].real); break;
  case NodeKind::Cos: value = std::cos(x[0].real); break;
  case NodeKind::Select: value = x[0].integer ? x[1].real : x[2].real; break;
  case NodeKind::NotEqual: return {x[0].real != x[1].real, 0};
  default: ADD_FAILURE() << "the evaluator does not know " << toString(node);
  }
  return {int64_t(0), value};
}

Problem::Number Problem::opaque(const Node *node, ArrayRef<Number> x) const {
  if (isa<attn::LoadOp>(node->operation)) {
    const Table *from = table(node->operands[0]->source);
    int64_t place = 0;
    for (size_t dim = 0; from && dim < from->shape.size(); ++dim) {
      int64_t index = x[dim + 1].integer;
      if (index < 0 || index >= from->shape[dim])
        return {};
      place = place * from->shape[dim] + index;
    }
    double value = from ? from->numbers[size_t(place)] : 0;
    return {int64_t(value), value};
  }
  SmallVector<int64_t, 4> integers;
  SmallVector<double, 4> reals;
  for (const Number &number : x) {
    integers.push_back(number.integer);
    reals.push_back(number.real);
  }
  if (isa<FloatType>(node->type)) {
    double value = evaluateReal(node, integers, reals);
    return {0, value};
  }
  int64_t value = evaluateInteger(node, integers, reals);
  return {value, double(value)};
}

Problem::Number Problem::compute(const Node *node, Place &place) const {
  if (auto found = place.known.find(node); found != place.known.end())
    return found->second;
  Number value;
  if (node->operands.empty() && node->kind != NodeKind::Opaque) {
    value = leaf(node, place);
  } else if (node->kind == NodeKind::Size) {
    value = leaf(node, place);
  } else {
    SmallVector<Number, 4> x;
    for (const Node *operand : node->operands)
      x.push_back(compute(operand, place));
    value = node->kind == NodeKind::Opaque ? opaque(node, x) : algebra(node, x);
  }
  place.known[node] = value;
  return value;
}

int64_t Problem::evaluate(const Node *node, int64_t query, int64_t key) const {
  Place place(query, key);
  return compute(node, place).integer;
}

bool Problem::visible(int64_t query, int64_t key) const {
  Place place(query, key);
  return llvm::all_of(program.domain(),
                      [&](const Node *node) { return compute(node, place).integer != 0; });
}

//===--- as an environment of formulas --------------------------------------------------------===//

/// Tokens that a node must not read are where no token is.
static constexpr int64_t nowhere = -1000003;

std::optional<int64_t> Problem::uniform(const Node *node) const {
  return evaluate(node, nowhere, nowhere);
}

std::optional<int64_t> Problem::at(const Node *node, Side side, int64_t token) const {
  return side == Side::Query ? evaluate(node, token, nowhere) : evaluate(node, nowhere, token);
}

std::optional<int64_t> Problem::entry(const Node *node, int64_t index) const {
  if (node->kind == NodeKind::Element) {
    const Table *elements = table(node->source);
    bool isInside = elements && index >= 0 && index < int64_t(elements->numbers.size());
    return isInside ? int64_t(elements->numbers[size_t(index)]) : 0;
  }
  Place place(nowhere, nowhere);
  SmallVector<Number, 4> x;
  for (const Node *operand : ArrayRef(node->operands).drop_back())
    x.push_back(compute(operand, place));
  x.push_back({index, double(index)});
  return opaque(node, x).integer;
}

std::optional<int64_t> Problem::entries(const Node *node) const {
  const Table *from =
      table(node->kind == NodeKind::Element ? node->source : node->operands[0]->source);
  return from ? std::optional(from->shape.back()) : std::nullopt;
}
