// SPDX-License-Identifier: Apache-2.0
// How does a kernel of primitives become expressions? Maps are inlined into their users, `where` extends
// the set of visible pairs, and each reduction is one entry of the graph.
#include "compiler/analysis/VectorMaps.h"
#include "llvm/ADT/StringSwitch.h"
#include <numbers>

using namespace mlir;

namespace attune {
namespace {

class Importer {
public:
  Importer(attn::KernelOp kernel, ExpressionGraph &graph)
      : kernel(kernel), graph(graph), scalars(graph) {}
  LogicalResult run();

private:
  void importOperand(BlockArgument argument);
  LogicalResult importOp(Operation *op);
  LogicalResult importDot(attn::DotOp dot);
  LogicalResult importMap(attn::MapOp map);
  LogicalResult importVectorMap(attn::MapOp map);
  LogicalResult importWhere(attn::WhereOp where);
  LogicalResult importReduce(attn::ReduceOp reduce);
  LogicalResult importContract(attn::ContractOp contract);
  LogicalResult importConcat(attn::ConcatOp concat);
  LogicalResult importTake(attn::TakeOp take);
  LogicalResult importList(attn::VisibleKeysOp op);
  LogicalResult importScan(Operation *op, ValueRange inputs, ValueRange identities);
  LogicalResult importFold(attn::FoldOp fold);
  LogicalResult importReturn(attn::ReturnOp op);

  FailureOr<VirtualValue> importRegion(Operation *op, Type placeType);
  LogicalResult bindInputs(Operation *op, ValueRange inputs, Type placeType, VirtualValue &result);
  LogicalResult bindIndices(Operation *op, size_t inputs, Type placeType, bool allHeads);
  const Node *reduction(GraphReduction reduction);
  LogicalResult checkTokens(Operation *op, Value tokens, StringRef what);

  attn::KernelOp kernel;
  ExpressionGraph &graph;
  ScalarImporter scalars;
  llvm::DenseMap<Value, VirtualValue> values;
  /// The reductions that append to lists.
  llvm::DenseMap<Operation *, unsigned> lists;
};

} // namespace

//===--- Scalar ops ----------------------------------------------------------------------------===//

static std::optional<NodeKind> algebraKind(StringRef name) {
  return llvm::StringSwitch<std::optional<NodeKind>>(name)
      .Case("arith.addf", NodeKind::Add)
      .Case("arith.subf", NodeKind::Sub)
      .Case("arith.mulf", NodeKind::Mul)
      .Case("arith.divf", NodeKind::Div)
      .Case("arith.negf", NodeKind::Neg)
      .Cases({"arith.maximumf", "arith.maxnumf"}, NodeKind::Max)
      .Cases({"arith.minimumf", "arith.minnumf"}, NodeKind::Min)
      .Case("math.powf", NodeKind::Pow)
      .Case("math.exp", NodeKind::Exp)
      .Case("math.log", NodeKind::Log)
      .Case("math.sqrt", NodeKind::Sqrt)
      .Case("math.absf", NodeKind::Abs)
      .Case("math.sin", NodeKind::Sin)
      .Case("math.cos", NodeKind::Cos)
      .Case("arith.select", NodeKind::Select)
      .Default(std::nullopt);
}

/// Ops that are short for several nodes; null for any other.
const Node *ScalarImporter::importComposite(StringRef name, ArrayRef<const Node *> x) {
  auto number = [&](double value) { return graph.constant(value, x[0]->type); };
  if (name == "math.fma")
    return graph.make(NodeKind::Add, {graph.make(NodeKind::Mul, {x[0], x[1]}), x[2]});
  if (name == "math.exp2")
    return graph.make(NodeKind::Exp,
                      {graph.make(NodeKind::Mul, {x[0], number(std::numbers::ln2)})});
  if (name == "math.log2")
    return graph.make(NodeKind::Mul,
                      {graph.make(NodeKind::Log, {x[0]}), number(std::numbers::log2e)});
  if (name == "math.rsqrt")
    return graph.make(NodeKind::Div, {number(1), graph.make(NodeKind::Sqrt, {x[0]})});
  return nullptr;
}

const Node *ScalarImporter::importOp(Operation *op, unsigned result) {
  Type type = op->getResult(result).getType();
  bool inAlgebra = type.isF32() || type.isF64();
  if (auto value = op->getAttrOfType<FloatAttr>("value");
      value && inAlgebra && op->getName().getStringRef() == "arith.constant")
    return graph.constant(value.getValueAsDouble(), type);
  llvm::SmallVector<const Node *, 4> operands;
  for (Value operand : op->getOperands())
    operands.push_back(import(operand));
  if (auto size = dyn_cast<attn::SizeOp>(op))
    return graph.size(size.getAxisAttr(), type, operands[0]);
  if (inAlgebra) {
    if (std::optional<NodeKind> kind = algebraKind(op->getName().getStringRef()))
      return graph.make(*kind, operands);
    if (const Node *node = importComposite(op->getName().getStringRef(), operands))
      return node;
  }
  return graph.opaque(op, result, operands);
}

const Node *ScalarImporter::import(Value value) {
  if (const Node *known = nodes.lookup(value))
    return known;
  const Node *node;
  if (auto result = dyn_cast<OpResult>(value))
    node = importOp(result.getOwner(), result.getResultNumber());
  else
    node = graph.leaf(NodeKind::Scalar, value.getType(), value);
  nodes[value] = node;
  return node;
}

//===--- Places --------------------------------------------------------------------------------===//

/// Adds `predicate` to `domain`; a conjunction is its parts.
static void restrictDomain(Domain &domain, const Node *predicate) {
  if (predicate->kind == NodeKind::Opaque &&
      predicate->operation->getName().getStringRef() == "arith.andi") {
    restrictDomain(domain, predicate->operands[0]);
    restrictDomain(domain, predicate->operands[1]);
    return;
  }
  auto place = llvm::lower_bound(domain, predicate,
                                 [](const Node *a, const Node *b) { return a->id < b->id; });
  if (place == domain.end() || *place != predicate)
    domain.insert(place, predicate);
}

/// Binds the elements that the region of `op` receives, and gathers in `result` where all are visible.
LogicalResult Importer::bindInputs(Operation *op, ValueRange inputs, Type placeType,
                                   VirtualValue &result) {
  Block &block = op->getRegion(0).front();
  for (auto [index, input] : llvm::enumerate(inputs)) {
    for (StringAttr axis : attn::getAxes(input.getType()))
      if (!llvm::is_contained(attn::getAxes(placeType), axis))
        return op->emitOpError("reads operand ")
               << index << " by blocks, of axis '" << axis.getValue()
               << "', which is not supported yet; expected it on an axis of the result";
    const VirtualValue &value = values[input];
    if (!value.node)
      return op->emitOpError("expected operand ")
             << index << " to have scalar elements or to be an operand of the kernel: computed "
             << "vectors can be mapped to rows of vectors only";
    result.allHeads |= value.allHeads;
    for (const Node *predicate : value.domain)
      restrictDomain(result.domain, predicate);
    scalars.bind(block.getArgument(index), value.node);
  }
  return success();
}

LogicalResult Importer::bindIndices(Operation *op, size_t inputs, Type placeType, bool allHeads) {
  Block &block = op->getRegion(0).front();
  auto indices = block.getArguments().drop_front(inputs);
  for (unsigned place : {0u, 1u})
    if (!allHeads && !indices[place].use_empty())
      return op->emitOpError("uses its ")
             << (place ? "head" : "batch")
             << " index, but its operands may have fewer heads and batches than the scores, which "
                "is not supported yet; do it in a map of scores or of their reductions";
  Type type = IndexType::get(op->getContext());
  scalars.bind(indices[0], graph.leaf(NodeKind::IndexB, type));
  scalars.bind(indices[1], graph.leaf(NodeKind::IndexH, type));
  bool hasSegments = attn::getAxes(placeType).back().getValue().contains('+');
  const Node *key = graph.leaf(hasSegments ? NodeKind::ConcatIndex : NodeKind::IndexJ, type);
  scalars.bind(indices[2],
               isa<attn::ColsType>(placeType) ? key : graph.leaf(NodeKind::IndexI, type));
  if (indices.size() > 3)
    scalars.bind(indices[3], key);
  return success();
}

FailureOr<VirtualValue> Importer::importRegion(Operation *op, Type placeType) {
  VirtualValue result;
  result.allHeads = isa<attn::MatrixType>(placeType);
  if (failed(bindInputs(op, op->getOperands(), placeType, result)) ||
      failed(bindIndices(op, op->getNumOperands(), placeType, result.allHeads)))
    return failure();
  result.node = scalars.import(op->getRegion(0).front().getTerminator()->getOperand(0));
  return result;
}

//===--- Ops of the kernel ---------------------------------------------------------------------===//

void Importer::importOperand(BlockArgument argument) {
  if (!attn::isVirtual(argument.getType()))
    return;
  VirtualValue value;
  value.node =
      graph.leaf(NodeKind::Element, attn::getPlaceElementType(argument.getType()), argument);
  values[argument] = value;
}

/// Tokens that a product reads must be stored: they are operands of the kernel.
LogicalResult Importer::checkTokens(Operation *op, Value tokens, StringRef what) {
  auto concat = tokens.getDefiningOp<attn::ConcatOp>();
  if (isa<BlockArgument>(tokens) ||
      (concat && llvm::all_of(concat.getSegments(),
                              [](Value segment) { return isa<BlockArgument>(segment); })))
    return success();
  return op->emitOpError("expected ")
         << what
         << " to be an operand of the kernel: products of computed tokens are not supported yet";
}

LogicalResult Importer::importDot(attn::DotOp dot) {
  if (failed(checkTokens(dot, dot.getRows(), "its rows")) ||
      failed(checkTokens(dot, dot.getCols(), "its cols")))
    return failure();
  Type type = attn::getPlaceElementType(dot.getType());
  if (type.isF64())
    graph.setFloatType(type);
  VirtualValue value;
  value.allHeads = true;
  value.node = graph.leaf(NodeKind::Dot, type, dot.getResult());
  if (std::optional<APFloat> scale = dot.getScale())
    value.node =
        graph.make(NodeKind::Mul, {graph.constant(scale->convertToDouble(), type), value.node});
  values[dot.getResult()] = value;
  return success();
}

LogicalResult Importer::importMap(attn::MapOp map) {
  Type type = map.getResult().getType();
  if (isa<attn::RowsType>(type) && isa<VectorType>(attn::getPlaceElementType(type)))
    return importVectorMap(map);
  FailureOr<VirtualValue> value = importRegion(map, type);
  if (failed(value))
    return failure();
  values[map.getResult()] = *value;
  return success();
}

LogicalResult Importer::importVectorMap(attn::MapOp map) {
  bool allHeads = llvm::any_of(map.getInputs(), [&](Value v) { return values[v].allHeads; });
  if (failed(bindIndices(map, map.getInputs().size(), map.getResult().getType(), allHeads)))
    return failure();
  FailureOr<VirtualValue> value = attune::importVectorMap(map, graph, scalars, values);
  if (failed(value))
    return failure();
  value->allHeads = allHeads;
  values[map.getResult()] = *value;
  return success();
}

LogicalResult Importer::importWhere(attn::WhereOp where) {
  FailureOr<VirtualValue> value = importRegion(where, where.getResult().getType());
  if (failed(value))
    return failure();
  restrictDomain(value->domain, value->node);
  value->node = values[where.getInputs().front()].node;
  values[where.getResult()] = *value;
  return success();
}

const Node *Importer::reduction(GraphReduction reduction) {
  ArrayRef<GraphReduction> all = graph.reductions();
  for (auto [index, other] : llvm::enumerate(all))
    if (other.kind == reduction.kind && other.body == reduction.body &&
        other.domain == reduction.domain && !other.values && !reduction.values && !other.listed)
      return graph.leaf(NodeKind::Reduction, reduction.body->type, {}, index);
  Type type = reduction.body->type;
  unsigned index = graph.addReduction(std::move(reduction));
  return graph.leaf(NodeKind::Reduction, type, {}, index);
}

LogicalResult Importer::importReduce(attn::ReduceOp reduce) {
  if (reduce.getOver() != attn::ReduceOver::Keys)
    return reduce.emitOpError("over ") << attn::stringifyReduceOver(reduce.getOver())
                                       << " is not supported yet; expected a reduction over keys";
  if (!reduce.isWhole())
    return reduce.emitOpError(reduce.getBy() ? "by blocks" : "into an axis")
           << " can be evaluated by the reference, but not be compiled yet";
  const VirtualValue &input = values[reduce.getInput()];
  if (!isa<FloatType>(input.node->type))
    return reduce.emitOpError("of elements ")
           << input.node->type << " is not supported yet; expected a float";
  bool mean = reduce.getKind() == attn::ReduceKind::Mean;
  VirtualValue value;
  value.allHeads = true;
  value.node = reduction({mean ? attn::ReduceKind::Sum : reduce.getKind(), reduce.getOver(),
                          input.node, input.domain, Value(), reduce.getResult()});
  if (mean) {
    const Node *one = graph.constant(1, input.node->type);
    const Node *count =
        reduction({attn::ReduceKind::Sum, reduce.getOver(), one, input.domain, Value(), Value()});
    value.node = graph.make(NodeKind::Div, {value.node, count});
  }
  values[reduce.getResult()] = value;
  return success();
}

LogicalResult Importer::importContract(attn::ContractOp contract) {
  if (failed(checkTokens(contract, contract.getValues(), "its values")))
    return failure();
  const VirtualValue &weights = values[contract.getWeights()];
  VirtualValue value;
  value.allHeads = true;
  unsigned index = graph.addReduction({attn::ReduceKind::Sum, attn::ReduceOver::Keys, weights.node,
                                       weights.domain, contract.getValues(), contract.getResult()});
  value.terms.push_back({nullptr, index});
  values[contract.getResult()] = value;
  return success();
}

LogicalResult Importer::importConcat(attn::ConcatOp concat) {
  VirtualValue value;
  Segments segments = {concat, {}, {}};
  for (auto [number, segment] : llvm::enumerate(concat.getSegments())) {
    const VirtualValue &own = values[segment];
    value.allHeads |= own.allHeads;
    if (!own.node || isa<VectorType>(own.node->type)) {
      // Vectors are read by products, which ask for their tokens.
      values[concat.getResult()] = value;
      return checkTokens(concat, concat.getResult(), "segments of vectors");
    }
    bool waits = own.node->hasReduction ||
                 llvm::any_of(own.domain, [](const Node *node) { return node->hasReduction; });
    if (waits)
      return concat.emitOpError("segment ")
             << number << " depends on a reduction, which is not supported yet; map what is "
             << "reduced after the concat";
    segments.values.push_back(own.node);
    segments.domains.push_back(own.domain);
  }
  Type type = segments.values.front()->type;
  unsigned index = graph.addSegments(std::move(segments));
  value.node = graph.leaf(NodeKind::Concat, type, {}, index);
  if (isa<attn::MatrixType>(concat.getType()))
    value.domain.push_back(
        graph.leaf(NodeKind::ConcatDomain, IntegerType::get(concat.getContext(), 1), {}, index));
  values[concat.getResult()] = value;
  return success();
}

/// An entry of a matrix that an earlier kernel stored, or of the cols' tokens: a read of memory.
LogicalResult Importer::importTake(attn::TakeOp take) {
  if (!isa<BlockArgument>(take.getSource()) ||
      isa<VectorType>(attn::getPlaceElementType(take.getSource().getType())))
    return take.emitOpError(
        "expected its source to be stored: a matrix of numbers, or cols of them "
        "that are an operand of the kernel");
  Type placeType = take.getResult().getType();
  VirtualValue value;
  value.allHeads = true;
  if (failed(bindInputs(take, take.getInputs(), placeType, value)) ||
      failed(bindIndices(take, take.getInputs().size(), placeType, true)))
    return failure();
  llvm::SmallVector<const Node *, 2> operands = {
      scalars.import(take.getBody().front().getTerminator()->getOperand(0))};
  if (isa<attn::MatrixType>(take.getSource().getType()))
    operands.push_back(graph.leaf(NodeKind::IndexI, IndexType::get(take.getContext())));
  value.node = graph.opaque(take, 0, operands);
  values[take.getResult()] = value;
  return success();
}

/// What a kernel writes to memory: others read it there.
LogicalResult Importer::importList(attn::VisibleKeysOp op) {
  if (attn::getAxes(op.getInput().getType()).back().getValue().contains('+'))
    return op.emitOpError(
               "expected keys of one axis to list, which is what is supported yet, but got ")
           << op.getInput().getType();
  if (llvm::any_of(op->getUsers(), [](Operation *user) { return !isa<attn::ReturnOp>(user); }))
    return op.emitOpError("expected its results to be those of its kernel");
  const VirtualValue &input = values[op.getInput()];
  GraphReduction reduction{attn::ReduceKind::Sum,
                           attn::ReduceOver::Keys,
                           op.getElements().use_empty() ? graph.constant(1) : input.node,
                           input.domain,
                           Value(),
                           Value(),
                           op};
  lists[op] = graph.addReduction(std::move(reduction));
  return success();
}

LogicalResult Importer::importScan(Operation *op, ValueRange inputs, ValueRange identities) {
  VirtualValue common;
  llvm::SmallVector<const Node *, 4> operands;
  for (Value input : inputs) {
    auto matrix = dyn_cast<attn::MatrixType>(input.getType());
    if (!matrix || matrix.getColAxis().getValue().contains('+'))
      return op->emitOpError("along ")
             << (matrix ? "the keys of several segments" : "tokens")
             << " can be evaluated by the reference, but not be compiled yet";
    const VirtualValue &value = values[input];
    if (!value.node->type.isF32() && !value.node->type.isInteger(32))
      return op->emitOpError("of elements ")
             << value.node->type << " is not supported yet; expected f32 or i32";
    operands.push_back(value.node);
    common.allHeads |= value.allHeads;
    for (const Node *predicate : value.domain)
      restrictDomain(common.domain, predicate);
  }
  for (Value identity : identities)
    operands.push_back(scalars.import(identity));
  llvm::append_range(operands, common.domain);
  for (OpResult result : op->getResults()) {
    VirtualValue &made = values[result] = common;
    made.node = graph.scan(op, result.getResultNumber(), operands);
  }
  return success();
}

/// The last running states, each a reduction of its own.
LogicalResult Importer::importFold(attn::FoldOp fold) {
  if (failed(importScan(fold, fold.getInputs(), fold.getIdentities())))
    return failure();
  for (auto [result, identity] : llvm::zip(fold.getResults(), fold.getIdentities())) {
    VirtualValue running = values[result];
    GraphReduction reduction{attn::ReduceKind::Sum,
                             attn::ReduceOver::Keys,
                             running.node,
                             running.domain,
                             Value(),
                             result};
    reduction.identity = scalars.import(identity);
    unsigned index = graph.addReduction(std::move(reduction));
    VirtualValue &made = values[result] = {};
    made.allHeads = true;
    made.node = graph.leaf(NodeKind::Reduction, running.node->type, {}, index);
  }
  return success();
}

LogicalResult Importer::importReturn(attn::ReturnOp op) {
  for (auto [index, operand] : llvm::enumerate(op.getValues())) {
    if (auto listed = operand.getDefiningOp<attn::VisibleKeysOp>()) {
      GraphResult result;
      result.listing = lists.lookup(listed);
      graph.addResult(std::move(result));
      continue;
    }
    const VirtualValue &value = values[operand];
    bool vectors = !value.terms.empty();
    if (!isa<attn::RowsType>(operand.getType()) || (!vectors && !value.node))
      return op.emitOpError("result ")
             << index << " of type " << operand.getType() << " is not supported yet; expected rows";
    if (!vectors && isa<VectorType>(value.node->type))
      return op.emitOpError("result ") << index
                                       << " is an operand of the kernel unchanged, which is "
                                          "not supported; expected a contraction or a reduction";
    GraphResult result;
    result.scalar = vectors ? nullptr : value.node;
    result.terms = value.terms;
    result.epilogue = value.epilogue;
    graph.addResult(std::move(result));
  }
  return success();
}

LogicalResult Importer::importOp(Operation *op) {
  if (auto dot = dyn_cast<attn::DotOp>(op))
    return importDot(dot);
  if (auto map = dyn_cast<attn::MapOp>(op))
    return importMap(map);
  if (auto where = dyn_cast<attn::WhereOp>(op))
    return importWhere(where);
  if (auto reduce = dyn_cast<attn::ReduceOp>(op))
    return importReduce(reduce);
  if (auto contract = dyn_cast<attn::ContractOp>(op))
    return importContract(contract);
  if (auto concat = dyn_cast<attn::ConcatOp>(op))
    return importConcat(concat);
  if (auto take = dyn_cast<attn::TakeOp>(op))
    return importTake(take);
  if (auto listed = dyn_cast<attn::VisibleKeysOp>(op))
    return importList(listed);
  if (auto scan = dyn_cast<attn::ScanOp>(op)) {
    if (scan.getOver() != attn::ReduceOver::Keys)
      return scan.emitOpError(
          "runs along the rows of the kernel that reads it, which is not supported "
          "yet; what is reduced over queries may read scans over queries, and "
          "what is reduced over keys scans over keys");
    return importScan(scan, scan.getInputs(), scan.getIdentities());
  }
  if (auto fold = dyn_cast<attn::FoldOp>(op))
    return importFold(fold);
  if (auto returned = dyn_cast<attn::ReturnOp>(op))
    return importReturn(returned);
  // Declarations bind nothing, and scalars are imported where they are used.
  if (isa<attn::AxisOp, attn::AssumeOp>(op) || !isa<attn::AttnDialect>(op->getDialect()))
    return success();
  if (isa<attn::LoadOp, attn::SizeOp>(op))
    return success();
  if (isa<attn::ListOp, attn::SelectOp, attn::SolveOp, attn::StencilOp, attn::TransposeOp>(op))
    return op->emitOpError("can be evaluated by the reference, but not be compiled yet");
  return op->emitOpError(
      "expected a primitive; run attn-inline-helpers and attn-expand-sugar first");
}

LogicalResult Importer::run() {
  graph.setKernel(kernel);
  for (BlockArgument argument : kernel.getBody().getArguments())
    importOperand(argument);
  for (Operation &op : kernel.getBody().front())
    if (failed(importOp(&op)))
      return failure();
  return success();
}

FailureOr<std::unique_ptr<ExpressionGraph>> ExpressionGraph::build(attn::KernelOp kernel,
                                                                   bool headsOnRows) {
  auto graph = std::make_unique<ExpressionGraph>(kernel.getContext());
  if (headsOnRows)
    graph->setHeadsOnRows();
  if (failed(Importer(kernel, *graph).run()))
    return failure();
  return graph;
}

} // namespace attune
