// SPDX-License-Identifier: Apache-2.0
// How are expressions made, shared and folded?
#include "compiler/analysis/Expression.h"
#include "mlir/IR/Builders.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include <cmath>
#include <deque>
#include <unordered_map>

using namespace mlir;

namespace attune {

struct ExpressionGraph::Implementation {
  std::deque<Node> nodes;
  std::unordered_map<size_t, llvm::SmallVector<const Node *, 1>> byHash;
  std::vector<GraphReduction> reductions;
  std::vector<GraphResult> results;
  std::deque<Segments> segments;
  /// Ops that no program has.
  std::unique_ptr<Block> ownOps;
  attn::KernelOp kernel;
  Type floatType;
  bool headsOnRows = false;

  const Node *unique(Node node);
};

//===--- Sharing -------------------------------------------------------------------------------===//

/// Do two clones compute the same from the same operands?
static bool sameOperation(Operation *a, Operation *b) {
  if (a == b)
    return true;
  return a && b && a->getName() == b->getName() &&
         a->getAttrDictionary() == b->getAttrDictionary() &&
         a->getResultTypes() == b->getResultTypes();
}

static bool sameNumber(double a, double b) {
  return llvm::bit_cast<uint64_t>(a) == llvm::bit_cast<uint64_t>(b);
}

static bool sameNode(const Node &a, const Node &b) {
  return a.kind == b.kind && a.type == b.type && a.operands == b.operands &&
         sameNumber(a.number, b.number) && a.source == b.source && a.axis == b.axis &&
         a.index == b.index && sameOperation(a.operation, b.operation);
}

static size_t hashNode(const Node &node) {
  llvm::hash_code operands = llvm::hash_combine_range(node.operands.begin(), node.operands.end());
  llvm::hash_code leaf =
      llvm::hash_combine(llvm::bit_cast<uint64_t>(node.number), node.source.getAsOpaquePointer(),
                         node.axis.getAsOpaquePointer(), node.index);
  const void *name = node.operation ? node.operation->getName().getAsOpaquePointer() : nullptr;
  return llvm::hash_combine(static_cast<unsigned>(node.kind), node.type.getAsOpaquePointer(),
                            operands, leaf, name);
}

const Node *ExpressionGraph::Implementation::unique(Node node) {
  auto &bucket = byHash[hashNode(node)];
  for (const Node *other : bucket)
    if (sameNode(*other, node))
      return other;
  for (const Node *operand : node.operands) {
    node.onQuery |= operand->onQuery;
    node.onKey |= operand->onKey;
    node.hasReduction |= operand->hasReduction;
  }
  node.id = nodes.size();
  nodes.push_back(std::move(node));
  bucket.push_back(&nodes.back());
  return &nodes.back();
}

//===--- Folding -------------------------------------------------------------------------------===//

static bool isConstant(const Node *node, double number) {
  return node->kind == NodeKind::Constant && node->number == number;
}

std::optional<double> applyAlgebra(NodeKind kind, llvm::ArrayRef<double> x) {
  switch (kind) {
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
  default: return std::nullopt;
  }
}

static std::optional<double> foldNumbers(NodeKind kind, llvm::ArrayRef<const Node *> operands) {
  llvm::SmallVector<double, 3> numbers;
  for (const Node *operand : operands) {
    if (operand->kind != NodeKind::Constant)
      return std::nullopt;
    numbers.push_back(operand->number);
  }
  return applyAlgebra(kind, numbers);
}

/// Identities that need no new node; null if none applies.
static const Node *foldToOperand(NodeKind kind, llvm::ArrayRef<const Node *> operands) {
  const Node *x = operands[0], *y = operands.size() > 1 ? operands[1] : nullptr;
  switch (kind) {
  case NodeKind::Add: return isConstant(x, 0) ? y : isConstant(y, 0) ? x : nullptr;
  case NodeKind::Sub: return isConstant(y, 0) ? x : nullptr;
  case NodeKind::Mul: return isConstant(x, 1) ? y : isConstant(y, 1) ? x : nullptr;
  case NodeKind::Div: return isConstant(y, 1) ? x : nullptr;
  case NodeKind::Neg: return x->kind == NodeKind::Neg ? x->operands[0] : nullptr;
  case NodeKind::Max:
    if (isConstant(x, -INFINITY) || x == y)
      return y;
    return isConstant(y, -INFINITY) ? x : nullptr;
  case NodeKind::Min:
    if (isConstant(x, INFINITY) || x == y)
      return y;
    return isConstant(y, INFINITY) ? x : nullptr;
  case NodeKind::Pow: return isConstant(y, 1) ? x : nullptr;
  case NodeKind::Select: return operands[1] == operands[2] ? operands[1] : nullptr;
  default: return nullptr;
  }
}

/// x ^ power by products, roots and quotients; null if the power is not small and whole.
const Node *ExpressionGraph::foldPower(const Node *base, double power) {
  constexpr double maxPower = 64;
  if (power == 0.5)
    return make(NodeKind::Sqrt, {base});
  if (power != std::round(power) || std::fabs(power) > maxPower || power == 0)
    return nullptr;
  if (power < 0)
    return make(NodeKind::Div, {constant(1, base->type), foldPower(base, -power)});
  const Node *result = nullptr;
  for (auto rest = unsigned(power); rest != 0; rest /= 2) {
    if (rest % 2 == 1)
      result = result ? make(NodeKind::Mul, {result, base}) : base;
    if (rest > 1)
      base = make(NodeKind::Mul, {base, base});
  }
  return result;
}

//===--- Making --------------------------------------------------------------------------------===//

const Node *ExpressionGraph::make(NodeKind kind, llvm::ArrayRef<const Node *> given) {
  llvm::SmallVector<const Node *, 3> operands(given);
  bool commutes = kind == NodeKind::Add || kind == NodeKind::Mul || kind == NodeKind::Max ||
                  kind == NodeKind::Min;
  if (commutes && operands[1]->id < operands[0]->id)
    std::swap(operands[0], operands[1]);
  Type type = operands.back()->type;
  if (std::optional<double> number = foldNumbers(kind, operands))
    return constant(*number, type);
  if (const Node *folded = foldToOperand(kind, operands))
    return folded;
  if (kind == NodeKind::Mul && (isConstant(operands[0], -1) || isConstant(operands[1], -1)))
    return make(NodeKind::Neg, {operands[isConstant(operands[0], -1) ? 1 : 0]});
  if (kind == NodeKind::Pow && operands[1]->kind == NodeKind::Constant)
    if (const Node *power = foldPower(operands[0], operands[1]->number))
      return power;
  Node node;
  node.kind = kind;
  node.type = kind == NodeKind::NotEqual ? Type(IntegerType::get(type.getContext(), 1)) : type;
  node.operands = operands;
  return implementation->unique(std::move(node));
}

const Node *ExpressionGraph::constant(double number, Type type) {
  Node node;
  node.kind = NodeKind::Constant;
  node.type = type;
  node.number = number == 0 ? 0 : number;
  return implementation->unique(std::move(node));
}

const Node *ExpressionGraph::leaf(NodeKind kind, Type type, Value source, unsigned index) {
  Node node;
  node.kind = kind;
  node.type = type;
  node.source = source;
  node.index = index;
  switch (kind) {
  case NodeKind::Element:
    node.onQuery = isa<attn::RowsType>(source.getType());
    node.onKey = isa<attn::ColsType>(source.getType());
    break;
  case NodeKind::Dot: node.onQuery = node.onKey = true; break;
  case NodeKind::Concat:
  case NodeKind::ConcatDomain:
    node.onKey = true;
    node.onQuery = isa<attn::MatrixType>(implementation->segments[index].op.getType());
    break;
  case NodeKind::ConcatIndex:
  case NodeKind::IndexJ: node.onKey = true; break;
  case NodeKind::IndexH: node.onQuery = implementation->headsOnRows; break;
  case NodeKind::Reduction: node.onQuery = node.hasReduction = true; break;
  case NodeKind::IndexI:
  case NodeKind::AccumulatorRef:
  case NodeKind::FrameRef:
  case NodeKind::RowRef: node.onQuery = true; break;
  default: break;
  }
  return implementation->unique(std::move(node));
}

const Node *ExpressionGraph::size(StringAttr axis, Type type, const Node *sequence) {
  Node node;
  node.kind = NodeKind::Size;
  node.type = type;
  node.axis = axis;
  node.operands = {sequence};
  return implementation->unique(std::move(node));
}

const Node *ExpressionGraph::opaque(Operation *operation, unsigned result,
                                    llvm::ArrayRef<const Node *> operands) {
  Node node;
  node.kind = NodeKind::Opaque;
  node.type = operation->getResult(result).getType();
  if (auto take = dyn_cast<attn::TakeOp>(operation)) {
    node.type = attn::getPlaceElementType(node.type);
    node.source = take.getSource();
  }
  node.operation = operation;
  node.index = result;
  node.operands.assign(operands.begin(), operands.end());
  return implementation->unique(std::move(node));
}

/// Does the scan or fold combine by a region of its own?
static bool hasOwnRegion(Operation *operation) { return !operation->getRegion(0).empty(); }

const Node *ExpressionGraph::scan(Operation *operation, unsigned index,
                                  llvm::ArrayRef<const Node *> operands) {
  Node node;
  node.kind = NodeKind::Scan;
  node.type = operands[index]->type;
  node.operation = operation;
  node.index = index;
  node.operands.assign(operands.begin(), operands.end());
  node.onQuery = node.onKey = true;
  // Scans that combine by their own regions are equal if they are one.
  if (hasOwnRegion(operation))
    node.source = operation->getResult(0);
  return implementation->unique(std::move(node));
}

unsigned countStates(const Node *scan) { return scan->operation->getNumResults(); }

llvm::ArrayRef<const Node *> identitiesOf(const Node *scan) {
  unsigned count = hasOwnRegion(scan->operation) ? countStates(scan) : 0;
  return llvm::ArrayRef(scan->operands).slice(countStates(scan), count);
}

Domain domainOf(const Node *scan) {
  Domain domain(llvm::drop_begin(scan->operands, countStates(scan) + identitiesOf(scan).size()));
  llvm::sort(domain, [](const Node *a, const Node *b) { return a->id < b->id; });
  domain.erase(llvm::unique(domain), domain.end());
  return domain;
}

const Node *ExpressionGraph::withOperands(const Node *node, llvm::ArrayRef<const Node *> operands) {
  if (llvm::ArrayRef<const Node *>(node->operands) == operands)
    return node;
  if (node->kind == NodeKind::Opaque)
    return opaque(node->operation, node->index, operands);
  if (node->kind == NodeKind::Scan)
    return scan(node->operation, node->index, operands);
  if (node->kind == NodeKind::Size)
    return size(node->axis, node->type, operands[0]);
  return make(node->kind, operands);
}

//===--- The kernel ----------------------------------------------------------------------------===//

ExpressionGraph::ExpressionGraph(MLIRContext *context)
    : implementation(std::make_unique<Implementation>()) {
  implementation->floatType = Float32Type::get(context);
}
ExpressionGraph::~ExpressionGraph() = default;

Type ExpressionGraph::floatType() const { return implementation->floatType; }
void ExpressionGraph::setFloatType(Type type) { implementation->floatType = type; }
void ExpressionGraph::setHeadsOnRows() { implementation->headsOnRows = true; }

llvm::ArrayRef<GraphReduction> ExpressionGraph::reductions() const {
  return implementation->reductions;
}
llvm::ArrayRef<GraphResult> ExpressionGraph::results() const { return implementation->results; }
attn::KernelOp ExpressionGraph::kernel() const { return implementation->kernel; }
void ExpressionGraph::setKernel(attn::KernelOp kernel) { implementation->kernel = kernel; }

const Segments &ExpressionGraph::segments(unsigned index) const {
  return implementation->segments[index];
}
unsigned ExpressionGraph::addSegments(Segments segments) {
  implementation->segments.push_back(std::move(segments));
  return implementation->segments.size() - 1;
}

const Node *ExpressionGraph::addIndices(const Node *x, const Node *y) {
  std::unique_ptr<Block> &own = implementation->ownOps;
  if (!own) {
    own = std::make_unique<Block>();
    Location loc = UnknownLoc::get(x->type.getContext());
    OpBuilder builder(loc.getContext());
    Value left = own->addArgument(x->type, loc), right = own->addArgument(x->type, loc);
    own->push_back(arith::AddIOp::create(builder, loc, left, right));
  }
  return opaque(&own->front(), 0, {x, y});
}

unsigned ExpressionGraph::addReduction(GraphReduction reduction) {
  implementation->reductions.push_back(std::move(reduction));
  return implementation->reductions.size() - 1;
}

void ExpressionGraph::addResult(GraphResult result) {
  implementation->results.push_back(std::move(result));
}

} // namespace attune
