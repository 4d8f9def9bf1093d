// SPDX-License-Identifier: Apache-2.0
// Which atoms are the leaves of a mask: tokens, scalars, lengths, table entries, and whatever is only
// known to be a number of the launch or of one side?
#include "compiler/mask/NodeReader.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;
using namespace attune::mask;

//===--- tokens and lengths -------------------------------------------------------------------===//

void NodeReader::placeOnGrid(Side side, const TokenGrid &grid) {
  // Any product of different sizes, one of them perhaps replaced by its coordinate, is a number of
  // tokens at most.
  SmallVector<LinearForm> sizes, coordinates;
  for (const Node *node : grid.sizes) {
    Parsed size = read(node);
    if (!size)
      return;
    sizes.push_back(*size);
  }
  size_t dims = sizes.size();
  for (size_t subset = 1; subset < size_t(1) << dims; ++subset) {
    SmallVector<LinearForm> chosen;
    for (size_t dim = 0; dim < dims; ++dim)
      if (subset >> dim & 1)
        chosen.push_back(sizes[dim]);
    algebra.bound(chosen, {1, lengthLimit - 1});
  }
  Parsed stride = constantForm(1), sum = LinearForm();
  for (size_t dim = dims; dim-- > 0;) {
    if (!stride)
      return;
    LinearForm coordinate = algebra.coordinate(side, dim, sizes[dim], *stride);
    for (size_t subset = 1; subset < size_t(1) << dims; ++subset) {
      SmallVector<LinearForm> chosen = {coordinate};
      for (size_t other = 0; other < dims; ++other)
        if (other != dim && subset >> other & 1)
          chosen.push_back(sizes[other]);
      algebra.bound(chosen, {0, lengthLimit - 2});
    }
    Parsed term = algebra.multiply(coordinate, *stride);
    sum = sum && term ? algebra.add(*sum, *term) : std::nullopt;
    stride = algebra.multiply(*stride, sizes[dim]);
  }
  tokens[unsigned(side)] = sum;
  lengths[unsigned(side)] = std::optional<std::optional<LinearForm>>(stride);
}

LinearForm NodeReader::token(Side side) {
  unsigned index = unsigned(side);
  if (!tokens[index] && !grids[index].sizes.empty())
    placeOnGrid(side, grids[index]);
  if (!tokens[index])
    tokens[index] = algebra.token(side, length(side));
  return *tokens[index];
}

/// The axis of a side, if all matrices of the kernel are on it.
static StringAttr axisOf(attn::KernelOp kernel, Side side) {
  StringAttr axis;
  bool isOne = true;
  kernel.getBody().walk([&](Operation *op) {
    for (Type type : op->getResultTypes()) {
      if (!isa<attn::MatrixType>(type))
        continue;
      StringAttr found = attn::getAxes(type)[side == Side::Query ? 0 : 1];
      isOne &= !axis || axis == found;
      axis = found;
    }
  });
  bool isPlain = isOne && axis && axis.getValue().find_first_of("/+") == StringRef::npos;
  return isPlain ? axis : StringAttr();
}

std::optional<LinearForm> NodeReader::length(Side side) {
  unsigned index = unsigned(side);
  if (!lengths[index] && !grids[index].sizes.empty())
    token(side);
  if (lengths[index])
    return *lengths[index];
  std::optional<LinearForm> found;
  StringAttr axis = grids[index].axis;
  if (!axis && graph.kernel())
    axis = axisOf(graph.kernel(), side);
  if (axis) {
    Type type = IndexType::get(axis.getContext());
    Node &sequence = ownNodes.emplace_back();
    sequence.kind = NodeKind::IndexB;
    sequence.type = type;
    Node &node = ownNodes.emplace_back();
    node.kind = NodeKind::Size;
    node.type = type;
    node.axis = axis;
    node.operands = {&sequence};
    found = size(&node);
  }
  lengths[index] = std::optional<std::optional<LinearForm>>(found);
  return found;
}

/// Axes that have the length of another one are that one.
static StringAttr findLike(attn::KernelOp kernel, StringAttr axis) {
  for (unsigned steps = 0; kernel && steps < 8; ++steps) {
    StringAttr next;
    for (auto op : kernel.getBody().getOps<attn::AxisOp>())
      if (op.getAxis() == axis.getValue() && op.getLike())
        next = op.getLikeAttr();
    if (!next)
      break;
    axis = next;
  }
  return axis;
}

/// One atom an axis, whichever node asks: lengths are of the sequence that the block is in.
LinearForm NodeReader::size(const Node *node) {
  const Node *&known = sizes[findLike(graph.kernel(), node->axis)];
  if (!known)
    known = node;
  return algebra.uniform(known, {0, lengthLimit - 1});
}

//===--- ranges of numbers that nodes compute -------------------------------------------------===//

static std::optional<NumberRange> declaredRange(attn::KernelOp kernel, Value operand) {
  auto argument = dyn_cast_or_null<BlockArgument>(operand);
  if (!argument || !isa_and_nonnull<attn::KernelOp>(argument.getOwner()->getParentOp()))
    return std::nullopt;
  auto ends = dyn_cast_or_null<ArrayAttr>(kernel.getArgAttr(argument.getArgNumber(), "attn.range"));
  if (!ends || ends.size() != 2)
    return std::nullopt;
  auto low = dyn_cast<IntegerAttr>(ends[0]), high = dyn_cast<IntegerAttr>(ends[1]);
  if (!low || !high || !low.getValue().isSignedIntN(61) || !high.getValue().isSignedIntN(61))
    return std::nullopt;
  return NumberRange{low.getValue().getSExtValue(), high.getValue().getSExtValue()};
}

static bool isDeclaredSorted(attn::KernelOp kernel, Value operand) {
  auto argument = dyn_cast_or_null<BlockArgument>(operand);
  return argument && isa_and_nonnull<attn::KernelOp>(argument.getOwner()->getParentOp()) &&
         kernel.getArgAttr(argument.getArgNumber(), "attn.sorted");
}

/// What type and declaration say, together.
static std::optional<NumberRange> meet(std::optional<NumberRange> a, std::optional<NumberRange> b) {
  if (!a || !b)
    return a ? a : b;
  NumberRange both{std::max(a->low, b->low), std::min(a->high, b->high)};
  return both.low <= both.high ? both : *a;
}

/// Are all indices of a load inside of its table, at each pair?
bool NodeReader::staysInTable(const Node *node) {
  auto type = cast<attn::LoadOp>(node->operation).getTable().getType();
  for (size_t dim = 0; dim + 1 < node->operands.size(); ++dim) {
    Parsed index = read(node->operands[dim + 1]);
    std::optional<NumberRange> range = index ? rangeOf(*index) : std::nullopt;
    if (!range || type.isDynamicDim(dim) || range->low < 0 || range->high >= type.getDimSize(dim))
      return false;
  }
  return true;
}

/// What is read out of range is 0.
std::optional<NumberRange> NodeReader::rangeOfLoad(const Node *node) {
  auto load = cast<attn::LoadOp>(node->operation);
  std::optional<NumberRange> range = meet(rangeOfType(load.getTable().getType().getElementType()),
                                          declaredRange(graph.kernel(), node->operands[0]->source));
  if (range && !staysInTable(node))
    range = NumberRange{std::min<int64_t>(range->low, 0), std::max<int64_t>(range->high, 0)};
  return range;
}

std::optional<NumberRange> NodeReader::rangeOfNode(const Node *node) {
  if (node->kind == NodeKind::Element)
    return meet(rangeOfType(node->type), declaredRange(graph.kernel(), node->source));
  if (node->kind != NodeKind::Opaque)
    return rangeOfType(node->type);
  Operation *op = node->operation;
  if (isa<attn::LoadOp>(op))
    return rangeOfLoad(node);
  StringRef name = op->getName().getStringRef();
  if (name == "math.ctpop" || name == "math.ctlz" || name == "math.cttz") {
    int64_t width = node->type.isIndex() ? 64 : node->type.getIntOrFloatBitWidth();
    return NumberRange{0, width};
  }
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op)) {
    Type from = node->operands[0]->type;
    if (from.isInteger() && from.getIntOrFloatBitWidth() <= 32)
      return NumberRange{0, (int64_t(1) << from.getIntOrFloatBitWidth()) - 1};
  }
  if (isa<arith::ExtSIOp, arith::IndexCastOp>(op))
    if (std::optional<NumberRange> range = rangeOfType(node->operands[0]->type))
      return node->operands[0]->type.isInteger(1) ? NumberRange{-1, 0} : *range;
  if (isa<arith::ShLIOp>(op)) {
    Parsed shifted = read(node->operands[0]), distance = read(node->operands[1]);
    std::optional<NumberRange> values = shifted ? rangeOf(*shifted) : std::nullopt;
    std::optional<NumberRange> steps = distance ? rangeOf(*distance) : std::nullopt;
    if (node->type.isIndex() && values && steps && values->low >= 0 && steps->low >= 0 &&
        steps->high <= 60 && values->high <= valueLimit >> steps->high)
      return NumberRange{values->low << steps->low, values->high << steps->high};
  }
  return rangeOfType(node->type);
}

//===--- atoms --------------------------------------------------------------------------------===//

/// Can it be evaluated before the scores are?
bool NodeReader::isComputable(const Node *node) {
  auto [place, isNew] = computable.try_emplace(node, false);
  if (!isNew)
    return place->second;
  bool result = true;
  switch (node->kind) {
  case NodeKind::Dot:
  case NodeKind::Reduction:
  case NodeKind::AccumulatorRef:
  case NodeKind::FrameRef:
  case NodeKind::RowRef: result = false; break;
  default:
    for (const Node *operand : node->operands)
      result &= isComputable(operand);
  }
  computable[node] = result;
  return result;
}

Parsed NodeReader::readLeaf(const Node *node) {
  switch (node->kind) {
  case NodeKind::IndexI: return token(Side::Query);
  case NodeKind::IndexJ: return token(Side::Key);
  case NodeKind::IndexB:
  case NodeKind::IndexH: return algebra.uniform(node, {0, lengthLimit - 1});
  case NodeKind::Size: return size(node);
  case NodeKind::Scalar: {
    std::optional<NumberRange> range = node->type.isIndex()
                                           ? NumberRange{1 - lengthLimit, lengthLimit - 1}
                                           : rangeOfType(node->type);
    if (auto fact = scalarFacts.find(node->source); fact != scalarFacts.end())
      range = meet(range, fact->second);
    if (range && positive.contains(node))
      range->low = std::max<int64_t>(range->low, 1);
    return range ? Parsed(algebra.uniform(node, *range)) : std::nullopt;
  }
  case NodeKind::Opaque: return isa<attn::LoadOp>(node->operation) ? readLoad(node) : std::nullopt;
  default: return std::nullopt;
  }
}

/// An entry of a table at one index of one side, the last one.
Parsed NodeReader::readLoad(const Node *node) {
  std::optional<NumberRange> range = rangeOfLoad(node);
  if (node->onQuery == node->onKey || !range || node->operands.size() < 2 || !isComputable(node))
    return std::nullopt;
  for (const Node *index : ArrayRef(node->operands).drop_front().drop_back())
    if (index->onQuery || index->onKey)
      return std::nullopt;
  Parsed index = read(node->operands.back());
  if (!index)
    return std::nullopt;
  bool isSorted = isDeclaredSorted(graph.kernel(), node->operands[0]->source);
  return algebra.oneSided(node, node->onQuery ? Side::Query : Side::Key, *range, index, isSorted);
}

/// A number whose making is not understood: an atom, if it is one of the launch or of one side and
/// its range is known.
Parsed NodeReader::numberOf(const Node *node) {
  std::optional<NumberRange> range = isComputable(node) ? rangeOfNode(node) : std::nullopt;
  if (!range || (node->onQuery && node->onKey))
    return std::nullopt;
  if (positive.contains(node))
    range->low = std::max<int64_t>(range->low, 1);
  if (!node->onQuery && !node->onKey)
    return algebra.uniform(node, *range);
  Side side = node->onQuery ? Side::Query : Side::Key;
  if (node->kind == NodeKind::Element)
    return algebra.oneSided(node, side, *range, token(side),
                            isDeclaredSorted(graph.kernel(), node->source));
  return algebra.oneSided(node, side, *range);
}

/// 1 where it holds, 0 elsewhere.
Parsed NodeReader::truthAsNumber(const Node *node) {
  Formula holds = predicate(node, false), otherwise = predicate(node, true);
  if (hasUnknown(holds) || hasUnknown(otherwise))
    return std::nullopt;
  return algebra.select(holds, otherwise, constantForm(1), LinearForm());
}
