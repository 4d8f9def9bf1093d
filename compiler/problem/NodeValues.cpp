// SPDX-License-Identifier: Apache-2.0
#include "compiler/problem/NodeValues.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using attune::reference::Lanes;

namespace attune {

/// An op apart from its kernel: its operands, but for tables, are arguments of a program.
struct NodeValues::Compiled {
  std::unique_ptr<Block> block = std::make_unique<Block>();
  reference::Program program;
  reference::Frame frame;
};

NodeValues::NodeValues(const reference::Problem &problem, const ScorePlane &plane)
    : problem(problem), plane(plane), environment(problem.environment) {
  environment.zeroOutside = true;
}

NodeValues::~NodeValues() = default;

//===--- Leaves -------------------------------------------------------------------------------===//

static Lanes countTokens(int64_t tokens) {
  Lanes lanes;
  lanes.integer = true;
  lanes.integers.resize(size_t(tokens));
  std::iota(lanes.integers.begin(), lanes.integers.end(), 0);
  return lanes;
}

std::optional<Lanes> NodeValues::element(const Node *node) const {
  auto found = problem.tokens.find(node->source);
  if (found == problem.tokens.end())
    return std::nullopt;
  const reference::Tokens &tokens = found->second;
  int64_t head = plane.head / std::max<int64_t>(1, plane.heads / tokens.heads);
  Lanes lanes;
  lanes.integer = tokens.values.integer;
  lanes.width = tokens.values.width;
  int64_t first = tokens.place(tokens.batch == 1 ? 0 : plane.batch, head, 0);
  for (int64_t token = 0; token < tokens.length; ++token)
    lanes.append(tokens.values, first + token);
  return lanes;
}

std::optional<Lanes> NodeValues::leaf(const Node *node) const {
  switch (node->kind) {
  case NodeKind::Constant:
    return reference::isInteger(node->type) ? Lanes::ofInteger(int64_t(node->number))
                                            : Lanes::ofReal(node->number);
  case NodeKind::Scalar: {
    auto found = environment.scalars.find(node->source);
    return found == environment.scalars.end() ? std::nullopt : std::optional(found->second);
  }
  case NodeKind::Element: return element(node);
  case NodeKind::IndexB: return Lanes::ofInteger(plane.batch);
  case NodeKind::IndexH: return Lanes::ofInteger(plane.head);
  case NodeKind::IndexI: return countTokens(plane.queries);
  case NodeKind::IndexJ: return countTokens(plane.keys);
  case NodeKind::Size: {
    auto found = environment.lengths.find(node->axis.getValue());
    return found == environment.lengths.end() ? std::nullopt
                                              : std::optional(Lanes::ofInteger(found->second));
  }
  default: return std::nullopt; // scores and what is reduced of them
  }
}

//===--- Operations ---------------------------------------------------------------------------===//

static double compute(NodeKind kind, ArrayRef<double> x) {
  if (kind == NodeKind::Select)
    return x[0] != 0 ? x[1] : x[2];
  if (kind == NodeKind::NotEqual)
    return x[0] != x[1];
  return *applyAlgebra(kind, x);
}

static bool isAlgebra(NodeKind kind) { return kind >= NodeKind::Add && kind <= NodeKind::NotEqual; }

/// The operand of a node that is evaluated, as its place needs it: all its tokens, or in a row the
/// one number of a query.
std::optional<Lanes> NodeValues::operand(const Node *node) {
  bool onPairs = node->onQuery && node->onKey, inRow = query >= 0;
  const Lanes *all = inRow && onPairs ? row(node, query) : tokens(node);
  if (!all)
    return std::nullopt;
  if (!inRow || onPairs || !node->onQuery)
    return *all;
  Lanes one;
  one.integer = all->integer;
  one.width = all->width;
  one.append(*all, query);
  one.uniform = true;
  return one;
}

std::optional<Lanes> NodeValues::algebra(const Node *node, int64_t places) {
  SmallVector<Lanes, 3> operands;
  for (const Node *operand : node->operands) {
    std::optional<Lanes> lanes = this->operand(operand);
    if (!lanes || lanes->width != 1)
      return std::nullopt;
    operands.push_back(std::move(*lanes));
  }
  Lanes result;
  result.integer = node->kind == NodeKind::NotEqual;
  SmallVector<double, 3> x(operands.size());
  for (int64_t place = 0; place < places; ++place) {
    for (auto [number, lanes] : llvm::zip(x, operands)) {
      size_t at = size_t(place * lanes.stride());
      number = lanes.integer ? double(lanes.integers[at]) : lanes.reals[at];
    }
    double value = attune::compute(node->kind, x);
    if (result.integer)
      result.integers.push_back(int64_t(value));
    else
      result.reals.push_back(value);
  }
  return result;
}

NodeValues::Compiled *NodeValues::compile(const Node *node) {
  auto [entry, isNew] = programs.try_emplace(node);
  if (!isNew)
    return entry->second.get();
  auto compiled = std::make_unique<Compiled>();
  Operation *op = node->operation->clone();
  compiled->block->push_back(op);
  for (OpOperand &operand : op->getOpOperands())
    if (!isa<TensorType>(operand.get().getType()))
      operand.set(compiled->block->addArgument(operand.get().getType(), op->getLoc()));
  auto program =
      reference::RegionBuilder(environment).translate(op, compiled->block->getArguments());
  if (!program) {
    error = llvm::toString(program.takeError());
    return nullptr;
  }
  compiled->program = std::move(*program);
  compiled->frame = compiled->program.makeFrame();
  entry->second = std::move(compiled);
  return entry->second.get();
}

std::optional<Lanes> NodeValues::operation(const Node *node, int64_t places) {
  std::vector<Lanes> arguments;
  for (const Node *operand : node->operands) {
    if (isa<TensorType>(operand->type)) {
      if (!environment.tables.contains(operand->source))
        return std::nullopt;
      continue;
    }
    std::optional<Lanes> lanes = this->operand(operand);
    if (!lanes)
      return std::nullopt;
    arguments.push_back(std::move(*lanes));
  }
  Compiled *compiled = compile(node);
  if (!compiled)
    return std::nullopt;
  compiled->frame.error.clear();
  if (!compiled->program.run(compiled->frame, places, arguments)) {
    error = compiled->frame.error;
    return std::nullopt;
  }
  return compiled->frame.registers[compiled->program.results[node->index]];
}

std::optional<Lanes> NodeValues::compute(const Node *node, int64_t places) {
  if (node->kind != NodeKind::Opaque && !isAlgebra(node->kind))
    return leaf(node);
  if (places == 0) {
    Lanes none;
    none.integer = reference::isInteger(node->type);
    return none;
  }
  return isAlgebra(node->kind) ? algebra(node, places) : operation(node, places);
}

//===--- Values -------------------------------------------------------------------------------===//

const Lanes *NodeValues::tokens(const Node *node) {
  if (node->onQuery && node->onKey)
    return nullptr;
  if (auto found = known.find(node); found != known.end())
    return found->second.get();
  int64_t outerQuery = std::exchange(query, -1);
  int64_t places = node->onQuery ? plane.queries : node->onKey ? plane.keys : 1;
  std::optional<Lanes> values = compute(node, places);
  query = outerQuery;
  if (values) {
    bool oneSided = node->onQuery || node->onKey;
    // One number of an expression that names a side but does not vary stands for all tokens.
    if (oneSided && values->uniform) {
      Lanes spread = std::move(*values);
      values.emplace();
      values->integer = spread.integer;
      values->width = spread.width;
      for (int64_t place = 0; place < places; ++place)
        values->append(spread, 0);
    }
    values->uniform = !oneSided;
  }
  return (known[node] = values ? std::make_unique<Lanes>(std::move(*values)) : nullptr).get();
}

const Lanes *NodeValues::row(const Node *node, int64_t atQuery) {
  if (query != atQuery)
    inRow.clear();
  query = atQuery;
  if (auto found = inRow.find(node); found != inRow.end())
    return found->second.get();
  bool onPairs = node->onQuery && node->onKey;
  std::optional<Lanes> values = onPairs ? compute(node, plane.keys) : operand(node);
  return (inRow[node] = values ? std::make_unique<Lanes>(std::move(*values)) : nullptr).get();
}

std::optional<int64_t> NodeValues::uniform(const Node *node) {
  if (node->onQuery || node->onKey)
    return std::nullopt;
  const Lanes *value = tokens(node);
  if (!value || !value->integer || value->width != 1)
    return std::nullopt;
  return value->integers[0];
}

} // namespace attune
