// SPDX-License-Identifier: Apache-2.0
// Is a map of rows of vectors linear, so that it is only another factor of each row?
#include "compiler/analysis/VectorMaps.h"

using namespace mlir;

namespace attune {
namespace {

using Terms = llvm::SmallVector<GraphResult::Term, 2>;

/// Reads a region whose vectors are sums of row factor times contraction. Nothing is emitted: a region that is
/// not of this form becomes an epilogue.
class LinearReader {
public:
  LinearReader(ExpressionGraph &graph, ScalarImporter &scalars) : graph(graph), scalars(scalars) {}
  void bind(Value value, const Terms &terms) { vectors[value] = terms; }
  std::optional<Terms> read(Value value);

private:
  /// The number that each lane of `value` is; null if they differ.
  const Node *splat(Value value);
  Terms scaled(const Terms &terms, NodeKind kind, const Node *factor);

  ExpressionGraph &graph;
  ScalarImporter &scalars;
  llvm::DenseMap<Value, Terms> vectors;
};

} // namespace

static bool isWideFloat(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isF32() || element.isF64();
}

const Node *LinearReader::splat(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !isWideFloat(value.getType()))
    return nullptr;
  if (op->getName().getStringRef() == "vector.broadcast" &&
      !isa<VectorType>(op->getOperand(0).getType()))
    return scalars.import(op->getOperand(0));
  auto constant = op->getAttrOfType<DenseFPElementsAttr>("value");
  if (constant && constant.isSplat())
    return graph.constant(constant.getSplatValue<APFloat>().convertToDouble());
  return nullptr;
}

Terms LinearReader::scaled(const Terms &terms, NodeKind kind, const Node *factor) {
  Terms result;
  for (GraphResult::Term term : terms) {
    const Node *own = term.factor ? term.factor : graph.constant(1);
    result.push_back(
        {kind == NodeKind::Neg ? graph.make(kind, {own}) : graph.make(kind, {own, factor}),
         term.contraction});
  }
  return result;
}

std::optional<Terms> LinearReader::read(Value value) {
  if (auto known = vectors.find(value); known != vectors.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  StringRef name = op->getName().getStringRef();
  // Widening is exact. Rounding in the middle is not, so the importer looks through the last one only.
  if (name == "arith.extf")
    return read(op->getOperand(0));
  if (!isWideFloat(value.getType()))
    return std::nullopt;
  if (name == "arith.negf") {
    std::optional<Terms> terms = read(op->getOperand(0));
    return terms ? std::optional(scaled(*terms, NodeKind::Neg, nullptr)) : std::nullopt;
  }
  if (name == "arith.mulf" || name == "arith.divf") {
    bool swap = name == "arith.mulf" && splat(op->getOperand(0));
    const Node *factor = splat(op->getOperand(swap ? 0 : 1));
    std::optional<Terms> terms = read(op->getOperand(swap ? 1 : 0));
    if (!factor || !terms)
      return std::nullopt;
    return scaled(*terms, name == "arith.mulf" ? NodeKind::Mul : NodeKind::Div, factor);
  }
  if (name == "arith.addf" || name == "arith.subf") {
    std::optional<Terms> left = read(op->getOperand(0)), right = read(op->getOperand(1));
    if (!left || !right)
      return std::nullopt;
    if (name == "arith.subf")
      right = scaled(*right, NodeKind::Neg, nullptr);
    left->append(right->begin(), right->end());
    return left;
  }
  return std::nullopt;
}

/// Scalars of rows are bound as expressions; true if all vectors are terms without an epilogue.
static bool bindInputs(attn::MapOp map, LinearReader &reader, ScalarImporter &scalars,
                       llvm::DenseMap<Value, VirtualValue> &values) {
  bool linear = true;
  for (auto [input, argument] : llvm::zip(map.getInputs(), map.getBody().getArguments())) {
    const VirtualValue &value = values[input];
    if (!isa<VectorType>(argument.getType()))
      scalars.bind(argument, value.node);
    else if (!value.terms.empty() && value.epilogue.empty())
      reader.bind(argument, value.terms);
    else
      linear = false;
  }
  return linear;
}

static FailureOr<VirtualValue> makeEpilogue(attn::MapOp map,
                                            llvm::DenseMap<Value, VirtualValue> &values) {
  VirtualValue result;
  EpilogueStep step{map, {}};
  for (Value input : map.getInputs()) {
    const VirtualValue &value = values[input];
    step.inputs.push_back(value.node);
    if (value.node)
      continue;
    if (!result.terms.empty())
      return map.emitOpError(
          "of several contractions is supported only if it is a sum of them times "
          "row factors");
    result = value;
  }
  if (result.terms.empty())
    return map.emitOpError("of tokens is not supported yet; expected vectors of a contraction");
  result.epilogue.push_back(std::move(step));
  return result;
}

FailureOr<VirtualValue> importVectorMap(attn::MapOp map, ExpressionGraph &graph,
                                        ScalarImporter &scalars,
                                        llvm::DenseMap<Value, VirtualValue> &values) {
  LinearReader reader(graph, scalars);
  if (bindInputs(map, reader, scalars, values)) {
    Value yielded = map.getBody().front().getTerminator()->getOperand(0);
    Operation *last = yielded.getDefiningOp();
    if (last && last->getName().getStringRef() == "arith.truncf")
      yielded = last->getOperand(0);
    if (std::optional<Terms> terms = reader.read(yielded)) {
      VirtualValue result;
      result.terms = *terms;
      return result;
    }
  }
  return makeEpilogue(map, values);
}

} // namespace attune
