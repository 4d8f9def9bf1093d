// SPDX-License-Identifier: Apache-2.0
// Binds what is given of a launch to the kernel, and makes up the tables that are missing.
#include "compiler/problem/Problem.h"

#include "compiler/ElementTypes.h"
#include "compiler/analysis/VectorMaps.h"
#include "compiler/problem/MadeUp.h"
#include "compiler/reference/Failure.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using attune::reference::makeError;
using llvm::Error;

namespace attune {

MaskProblem::MaskProblem(const SweepPlan &plan, const ProblemSizes &sizes)
    : plan(plan), sizes(sizes), kernel(plan.graph->kernel()) {
  problem.kernel = kernel;
  auto [rows, columns] = getScoreAxes(kernel);
  rowAxis = rows.str();
  columnAxis = columns.str();
  batches = std::max<int64_t>(1, sizes.batch);
  headCount = std::max<int64_t>(1, sizes.heads);
  for (unsigned index = 0; index < kernel.getArgumentTypes().size(); ++index) {
    if (auto declared = kernel.getArgAttrOfType<IntegerAttr>(index, "attn.batch"))
      batches = std::max(batches, declared.getInt());
    if (auto declared = kernel.getArgAttrOfType<IntegerAttr>(index, "attn.heads"))
      headCount = std::max(headCount, declared.getInt());
  }
}

llvm::Expected<std::unique_ptr<MaskProblem>> MaskProblem::make(const SweepPlan &plan,
                                                               const ProblemSizes &sizes) {
  std::unique_ptr<MaskProblem> problem(new MaskProblem(plan, sizes));
  problem->bindScalars();
  if (Error error = problem->bindGiven())
    return std::move(error);
  if (Error error = problem->bindLengths())
    return std::move(error);
  if (Error error = problem->bindTables())
    return std::move(error);
  return std::move(problem);
}

//===--- What is given ------------------------------------------------------------------------===//

void MaskProblem::bindScalars() {
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto given = sizes.scalars.find(kernel.getOperandName(unsigned(index)).str());
    if (given == sizes.scalars.end() || isa<RankedTensorType>(type) || attn::isVirtual(type))
      continue;
    problem.environment.scalars[kernel.getBody().getArgument(unsigned(index))] =
        reference::isInteger(type) ? reference::Lanes::ofInteger(int64_t(given->second))
                                   : reference::Lanes::ofReal(given->second);
  }
}

/// Rank, known sizes and element type of a tensor that was given.
static Error checkTensor(attn::KernelOp kernel, unsigned index, const reference::Tensor &tensor) {
  Type type = kernel.getArgumentTypes()[index], element;
  SmallVector<int64_t> expected;
  if (auto table = dyn_cast<RankedTensorType>(type)) {
    element = table.getElementType();
    expected.append(table.getShape().begin(), table.getShape().end());
  } else {
    element = attn::getPlaceElementType(type);
    expected.assign(3, ShapedType::kDynamic);
    expected.append(reference::placeShape(element));
  }
  std::optional<bundle::ElementType> elementType = elementTypeOf(element);
  if (elementType != tensor.type)
    return makeError(
        "{0}: expected elements of type {1}, found {2}", reference::operandName(kernel, index),
        elementType ? bundle::spelling(*elementType) : "unknown", bundle::spelling(tensor.type));
  bool fits = tensor.rank() == int64_t(expected.size());
  for (size_t dim = 0; fits && dim < expected.size(); ++dim)
    fits = expected[dim] < 0 || expected[dim] == tensor.shape[dim];
  if (fits)
    return Error::success();
  std::string shape;
  for (int64_t size : expected)
    shape += (shape.empty() ? "" : "x") + (size < 0 ? std::string("?") : std::to_string(size));
  return makeError("{0}: expected a tensor of shape {1}, found {2}",
                   reference::operandName(kernel, index), shape,
                   reference::spellShape(tensor.shape));
}

Error MaskProblem::bindTensor(unsigned index, const reference::Tensor &tensor) {
  Value value = kernel.getBody().getArgument(index);
  if (!attn::isVirtual(value.getType())) {
    auto table = std::make_unique<reference::Table>();
    table->tensor = tensor;
    table->name = kernel.getOperandName(index).str();
    problem.environment.tables[value] = table.get();
    problem.tables.push_back(std::move(table));
    return Error::success();
  }
  Type element = attn::getPlaceElementType(value.getType());
  StringRef axis = attn::getAxes(value.getType()).front().getValue();
  auto [length, isNew] = problem.environment.lengths.try_emplace(axis, tensor.shape[2]);
  if (length->second != tensor.shape[2])
    return makeError("{0} has {1} tokens on axis {2}, which has {3}",
                     reference::operandName(kernel, index), tensor.shape[2], axis, length->second);
  batches = std::max(batches, tensor.shape[0]);
  headCount = std::max(headCount, tensor.shape[1]);
  // Vectors of floats are what scores are made of: only their sizes matter here.
  if (!isa<VectorType>(element) || reference::isInteger(element))
    problem.tokens[value] = reference::readTokens(tensor, element);
  return Error::success();
}

Error MaskProblem::bindGiven() {
  for (unsigned index = 0; index < kernel.getArgumentTypes().size(); ++index) {
    auto given = sizes.tensors.find(kernel.getOperandName(index).str());
    if (given == sizes.tensors.end())
      continue;
    if (Error error = checkTensor(kernel, index, given->second))
      return error;
    if (Error error = reference::checkFacts(kernel, index, given->second))
      broken.push_back(llvm::toString(std::move(error)));
    if (Error error = bindTensor(index, given->second))
      return error;
  }
  return Error::success();
}

//===--- Lengths ------------------------------------------------------------------------------===//

std::optional<int64_t> MaskProblem::scalarValue(Value value) const {
  return NodeValues(problem, {}).uniform(ScalarImporter(*plan.graph).import(value));
}

attn::AxisOp MaskProblem::axisOp(StringRef axis) const {
  for (auto op : kernel.getBody().getOps<attn::AxisOp>())
    if (op.getAxis() == axis)
      return op;
  return nullptr;
}

SmallVector<int64_t, 3> MaskProblem::grid(StringRef axis) const {
  SmallVector<int64_t, 3> sizes;
  if (attn::AxisOp op = axisOp(axis))
    for (Value size : op.getGrid())
      sizes.push_back(scalarValue(size).value_or(0));
  return llvm::is_contained(sizes, 0) ? SmallVector<int64_t, 3>() : sizes;
}

static int64_t product(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<int64_t>());
}

int64_t MaskProblem::lengthOf(StringRef axis, unsigned depth) {
  if (auto known = problem.environment.lengths.find(axis);
      known != problem.environment.lengths.end())
    return known->second;
  constexpr int64_t usual = 1024;
  constexpr unsigned deepest = 8; // of axes that are like one another in a circle
  auto given = sizes.axes.find(axis.str());
  int64_t length = given == sizes.axes.end() ? usual : int64_t(given->second);
  if (attn::AxisOp op = axisOp(axis)) {
    if (given == sizes.axes.end() && op.getMultiple())
      length = llvm::alignTo(uint64_t(length), uint64_t(*op.getMultiple()));
    if (SmallVector<int64_t, 3> sizes = grid(axis); !sizes.empty())
      length = product(sizes);
    if (op.getSize())
      length = scalarValue(op.getSize()).value_or(length);
    if (op.getLike() && depth < deepest)
      length = lengthOf(*op.getLike(), depth + 1);
  }
  if (axis.contains('/')) {
    int64_t block = attn::getAxisBlock(axis);
    length = llvm::divideCeil(lengthOf(attn::getAxisRoot(axis), depth + 1), block);
  }
  problem.environment.lengths[axis] = length;
  return length;
}

/// Do what the kernel states of an axis and what was given agree?
Error MaskProblem::checkGrid(attn::AxisOp op) const {
  StringRef axis = op.getAxis();
  int64_t length = problem.length(axis);
  auto given = sizes.axes.find(axis.str());
  SmallVector<int64_t, 3> sizes = grid(axis);
  if (!sizes.empty() && product(sizes) != length)
    return makeError("axis '{0}': a grid of {1} tokens stands on an axis of {2}", axis,
                     product(sizes), length);
  if (given != this->sizes.axes.end() && int64_t(given->second) != length)
    return makeError("axis '{0}': {1} tokens are given, but its size, grid, 'like' or an operand "
                     "gives it {2}; leave '{0}' out",
                     axis, int64_t(given->second), length);
  if (op.getMultiple() && length % int64_t(*op.getMultiple()) != 0)
    return makeError("axis '{0}': expected a multiple of {1} tokens, but got {2}", axis,
                     int64_t(*op.getMultiple()), length);
  return Error::success();
}

Error MaskProblem::bindLengths() {
  auto bind = [&](Type type) {
    if (attn::isVirtual(type))
      for (StringAttr axis : attn::getAxes(type))
        lengthOf(axis.getValue(), 0);
  };
  for (auto &[axis, length] : sizes.axes)
    if (length < 0)
      return makeError("axis '{0}': expected a number of tokens, but got {1}", axis,
                       int64_t(length));
  llvm::for_each(kernel.getArgumentTypes(), bind);
  kernel.getBody().walk([&](Operation *op) {
    llvm::for_each(op->getResultTypes(), bind);
    if (auto size = dyn_cast<attn::SizeOp>(op))
      lengthOf(size.getAxis(), 0);
    if (auto axis = dyn_cast<attn::AxisOp>(op))
      lengthOf(axis.getAxis(), 0);
  });
  for (auto op : kernel.getBody().getOps<attn::AxisOp>())
    if (Error error = checkGrid(op))
      return error;
  return Error::success();
}

//===--- Tables -------------------------------------------------------------------------------===//

ScorePlane MaskProblem::plane(int64_t sequence, int64_t head) const {
  return {sequence, head, headCount, queries(), keys()};
}

/// One more than the largest value of an index, over the tokens that it depends on.
std::optional<int64_t> MaskProblem::sizeOf(const Node *index) const {
  NodeValues values(problem, plane(batches - 1, headCount - 1));
  int64_t largest = 0;
  auto join = [&](const reference::Lanes *lanes) {
    for (int64_t value : lanes->integers)
      largest = std::max(largest, value);
  };
  if (!index->onQuery || !index->onKey) {
    const reference::Lanes *lanes = values.tokens(index);
    if (!lanes)
      return std::nullopt;
    join(lanes);
    return largest + 1;
  }
  // Of a pair: at some rows, the first and the last among them.
  constexpr int64_t rows = 16;
  int64_t step = std::max<int64_t>(1, (queries() - 1) / rows);
  for (int64_t query = queries() - 1; query >= 0; query -= step) {
    const reference::Lanes *lanes = values.row(index, query);
    if (!lanes)
      return std::nullopt;
    join(lanes);
  }
  return largest + 1;
}

static void collectLoads(const Node *node, Value table, SmallVectorImpl<const Node *> &loads,
                         llvm::DenseMap<const Node *, bool> &seen) {
  if (!seen.try_emplace(node, true).second)
    return;
  for (const Node *operand : node->operands)
    collectLoads(operand, table, loads, seen);
  if (node->kind == NodeKind::Opaque && isa<attn::LoadOp>(node->operation) &&
      node->operands[0]->source == table)
    loads.push_back(node);
}

std::optional<std::vector<int64_t>> MaskProblem::shapeOf(unsigned index) {
  Value value = kernel.getBody().getArgument(index);
  if (attn::isVirtual(value.getType())) {
    auto declared = [&](StringRef fact, int64_t count) {
      auto attribute = kernel.getArgAttrOfType<IntegerAttr>(index, fact);
      return attribute ? attribute.getInt() : count;
    };
    std::vector<int64_t> shape = {declared("attn.batch", batches),
                                  declared("attn.heads", headCount),
                                  problem.length(attn::getAxes(value.getType())[0].getValue())};
    llvm::append_range(shape, reference::placeShape(attn::getPlaceElementType(value.getType())));
    return shape;
  }
  SmallVector<const Node *> loads;
  llvm::DenseMap<const Node *, bool> seen;
  for (const Domain &domain : getDomains(plan))
    for (const Node *predicate : domain)
      collectLoads(predicate, value, loads, seen);
  std::vector<int64_t> shape(cast<RankedTensorType>(value.getType()).getShape());
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (size >= 0)
      continue;
    size = 1;
    for (const Node *load : loads) {
      std::optional<int64_t> needed =
          dim + 1 < load->operands.size() ? sizeOf(load->operands[dim + 1]) : 1;
      if (!needed)
        return std::nullopt;
      size = std::max(size, *needed);
    }
  }
  return shape;
}

Error MaskProblem::bindTables() {
  auto isKnown = [&](unsigned index) {
    Value value = kernel.getBody().getArgument(index);
    return problem.tokens.contains(value) || problem.environment.tables.contains(value);
  };
  auto pending = findTables(kernel, getDomains(plan));
  llvm::erase_if(pending, [&](auto &entry) { return isKnown(entry.first); });
  constexpr int64_t usualEntries = 8; // of a table that another table's entries lead to
  while (!pending.empty()) {
    size_t before = pending.size();
    for (auto &[index, use] : pending) {
      std::optional<std::vector<int64_t>> shape = shapeOf(index);
      if (!shape)
        continue;
      reference::Tensor tensor =
          makeUp(kernel, index, *shape, use, std::max(queries(), keys()), usualEntries, sizes.seed);
      invented.push_back(kernel.getOperandName(index).str());
      if (Error error = bindTensor(index, tensor))
        return error;
    }
    llvm::erase_if(pending, [&](auto &entry) { return isKnown(entry.first); });
    // What is left depends on scalars that nobody gave.
    if (pending.size() == before)
      break;
  }
  return Error::success();
}

const MaskNumbers &MaskProblem::numbers(int64_t sequence, int64_t head) const {
  std::unique_ptr<MaskNumbers> &numbers = planes[{sequence, head}];
  if (!numbers)
    numbers = std::make_unique<MaskNumbers>(problem, plane(sequence, head));
  return *numbers;
}

//===--- The masks of a plan ------------------------------------------------------------------===//

std::vector<Domain> getDomains(const SweepPlan &plan) {
  std::vector<Domain> domains;
  auto add = [&](const Domain &domain) {
    if (!llvm::is_contained(domains, domain))
      domains.push_back(domain);
  };
  StringRef axis = getScoreAxes(plan.graph->kernel()).second;
  for (const Sweep &sweep : plan.sweeps) {
    if (sweep.keyAxis.getValue() != axis)
      continue;
    llvm::for_each(domainsOf(plan, sweep), add);
  }
  return domains;
}

mask::MaskFormula buildMask(const SweepPlan &plan, mask::FormulaBuilder &formulas) {
  std::vector<mask::MaskFormula> masks;
  for (const Domain &domain : getDomains(plan))
    masks.push_back(formulas.build(domain));
  if (masks.size() == 1)
    return masks.front();
  mask::MaskFormula all;
  all.visible.kind = all.hidden.kind = mask::FormulaKind::Or;
  for (mask::MaskFormula &mask : masks) {
    all.visible.parts.push_back(std::move(mask.visible));
    all.hidden.parts.push_back(std::move(mask.hidden));
  }
  return all;
}

mask::TokenGrid getGrid(const SweepPlan &plan, StringRef axis) {
  mask::TokenGrid grid;
  ScalarImporter importer(*plan.graph);
  for (auto op : plan.graph->kernel().getBody().getOps<attn::AxisOp>())
    if (op.getAxis() == axis)
      for (Value size : op.getGrid())
        grid.sizes.push_back(importer.import(size));
  return grid;
}

mask::TokenGrid getKeys(const SweepPlan &plan, StringRef axis, bool inBoxes) {
  mask::TokenGrid keys = inBoxes ? getGrid(plan, axis) : mask::TokenGrid();
  keys.axis = StringAttr::get(plan.graph->floatType().getContext(), axis);
  return keys;
}

std::optional<SmallVector<int64_t, 3>> getGridOperands(attn::KernelOp kernel, StringRef axis) {
  SmallVector<int64_t, 3> operands;
  for (auto op : kernel.getBody().getOps<attn::AxisOp>())
    if (op.getAxis() == axis)
      for (Value size : op.getGrid()) {
        auto operand = dyn_cast<BlockArgument>(size);
        if (!operand)
          return std::nullopt;
        operands.push_back(operand.getArgNumber());
      }
  return operands;
}

std::pair<StringRef, StringRef> getScoreAxes(attn::KernelOp kernel) {
  attn::MatrixType first;
  auto find = [&](Operation *operation) {
    for (Value value : operation->getResults())
      if (auto matrix = dyn_cast<attn::MatrixType>(value.getType()))
        if (!matrix.getColAxis().getValue().contains('+')) {
          first = matrix;
          return WalkResult::interrupt();
        }
    return WalkResult::advance();
  };
  // Of several axes of keys one with a mask.
  kernel.walk([&](attn::WhereOp where) { return find(where); });
  if (!first)
    kernel.walk(find);
  if (!first)
    return {"q", "k"};
  return {first.getRowAxis().getValue(), first.getColAxis().getValue()};
}

} // namespace attune
