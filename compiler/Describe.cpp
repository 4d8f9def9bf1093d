// SPDX-License-Identifier: Apache-2.0
// Operand roles and sizes from attn types, parameters from the tile kernel's signature.
#include "compiler/Describe.h"

#include "compiler/ElementTypes.h"
#include "compiler/ScalarExpressions.h"
#include "compiler/target/Signature.h"

using namespace mlir;

namespace attune {

/// Describes a value of `type` called `name`; fails with a message at `op`.
static FailureOr<bundle::OperandInfo> describeOperand(Operation *op, StringRef name, Type type) {
  bundle::OperandInfo info;
  info.name = name.str();
  Type element = type;
  auto describeTokens = [&](bundle::OperandRole role, StringAttr axis, Type elementType) {
    info.role = role;
    info.axis = axis.str();
    info.shape.assign(3, bundle::dynamicSize);
    element = elementType;
    if (auto vector = dyn_cast<VectorType>(elementType)) {
      info.shape.insert(info.shape.end(), vector.getShape().begin(), vector.getShape().end());
      element = vector.getElementType();
    }
  };
  if (auto rows = dyn_cast<attn::RowsType>(type)) {
    describeTokens(bundle::OperandRole::Rows, rows.getAxis(), rows.getElementType());
  } else if (auto cols = dyn_cast<attn::ColsType>(type)) {
    describeTokens(bundle::OperandRole::Cols, cols.getAxis(), cols.getElementType());
  } else if (isa<attn::MatrixType>(type)) { // between the kernels of a program, or a result
    info.role = bundle::OperandRole::Table;
    info.shape.assign(4, bundle::dynamicSize);
    element = attn::getPlaceElementType(type);
  } else if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    info.role = bundle::OperandRole::Table;
    for (int64_t size : tensor.getShape())
      info.shape.push_back(ShapedType::isDynamic(size) ? bundle::dynamicSize : size);
    element = tensor.getElementType();
  } else {
    info.role = bundle::OperandRole::Scalar;
  }
  auto dtype = elementTypeOf(element);
  if (!dtype) {
    op->emitOpError() << "expected '" << name
                      << "' to be of a type that a bundle carries (f64, f32, "
                      << "f16, bf16, i64, i32, i8, i1, index), but got " << type;
    return failure();
  }
  info.dtype = *dtype;
  return info;
}

/// What the argument attributes of operand `index` promise; the verifier knows their kinds.
static void describeFacts(attn::KernelOp kernel, unsigned index, bundle::OperandInfo &info) {
  info.sorted = bool(kernel.getArgAttr(index, "attn.sorted"));
  info.contiguous = bool(kernel.getArgAttr(index, "attn.contiguous"));
  if (auto range = kernel.getArgAttrOfType<ArrayAttr>(index, "attn.range"))
    info.range = {cast<IntegerAttr>(range[0]).getValue().getSExtValue(),
                  cast<IntegerAttr>(range[1]).getValue().getSExtValue()};
}

FailureOr<bundle::KernelInfo> describeKernel(attn::KernelOp kernel) {
  bundle::KernelInfo info;
  info.name = kernel.getSymName().str();
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto operand = describeOperand(kernel, kernel.getOperandName(index), type);
    if (failed(operand))
      return failure();
    describeFacts(kernel, index, *operand);
    info.operands.push_back(std::move(*operand));
  }
  for (auto [index, type] : llvm::enumerate(kernel.getResultTypes())) {
    auto result = describeOperand(kernel, kernel.getResultName(index), type);
    if (failed(result))
      return failure();
    info.results.push_back(std::move(*result));
  }
  return info;
}

/// The length of the axis of tokens: that of an operand that lies along it.
static bundle::Expression lengthOf(StringRef axis, const bundle::KernelInfo &info) {
  for (const bundle::OperandInfo &operand : info.operands)
    if (operand.isTokens() && operand.axis == axis)
      return bundle::Expression::size(operand.name, 2);
  llvm_unreachable("keys that are multiplied are an operand");
}

/// How many boxes cover a grid.
static bundle::Expression countBoxes(ArrayRef<bundle::Expression> extents, ArrayRef<int64_t> box) {
  using bundle::Expression;
  std::optional<Expression> tiles;
  for (auto [extent, size] : llvm::zip_equal(extents, box)) {
    Expression count = Expression::ceilDiv(extent, Expression::constant(size));
    tiles = tiles ? Expression::binary(Expression::Kind::Mul, std::move(*tiles), std::move(count))
                  : std::move(count);
  }
  return std::move(*tiles);
}

/// Tiles of keys that are summarised. `facts`: the attribute tile.workspace.
static FailureOr<bundle::Expression> countKeyTiles(tile::KernelOp kernel, DictionaryAttr facts,
                                                   const bundle::KernelInfo &info) {
  using bundle::Expression;
  auto grid = facts.getAs<DenseI64ArrayAttr>("grid");
  if (!grid)
    return Expression::ceilDiv(lengthOf(cast<StringAttr>(facts.get("axis")).getValue(), info),
                               Expression::constant(kernel.getConfig().getKeys()));
  SmallVector<Expression> extents;
  for (int64_t operand : grid.asArrayRef()) {
    Value size = kernel.getBody().getArgument(unsigned(operand));
    FailureOr<Expression> extent = translateScalar(kernel, size, info);
    if (failed(extent))
      return failure();
    extents.push_back(std::move(*extent));
  }
  return countBoxes(extents, kernel.getConfig().getKeyBox().asArrayRef());
}

/// The shape of the memory argument `index`, which has the attribute tile.workspace.
static FailureOr<bundle::Workspace> describeWorkspace(tile::KernelOp kernel, unsigned index,
                                                      const bundle::KernelInfo &info) {
  using bundle::Expression;
  auto facts = kernel.getArgAttrOfType<DictionaryAttr>(index, "tile.workspace");
  const std::string &result = info.results.front().name;
  auto sizeOf = [&](StringRef fact, int64_t dimension) {
    return cast<BoolAttr>(facts.get(fact)).getValue() ? Expression::size(result, dimension)
                                                      : Expression::constant(1);
  };
  auto memory = cast<MemRefType>(kernel.getArgumentTypes()[index]);
  FailureOr<Expression> tiles = countKeyTiles(kernel, facts, info);
  if (failed(tiles))
    return failure();
  bundle::Workspace workspace;
  workspace.name = kernel.getArgumentName(index).str();
  workspace.dtype = *elementTypeOf(memory.getElementType());
  workspace.shape = {sizeOf("batch", 0), sizeOf("head", 1), std::move(*tiles),
                     Expression::constant(memory.getShape().back())};
  return workspace;
}

/// What the lowering wrote of each mask (MaskSchedules::describe). `workspaces` are those of the kernel.
static FailureOr<std::vector<bundle::MaskInfo>>
describeMasks(tile::KernelOp kernel, ArrayRef<bundle::Workspace> workspaces) {
  using bundle::Expression;
  std::vector<bundle::MaskInfo> masks;
  auto attributes = kernel->getAttrOfType<ArrayAttr>("tile.masks");
  for (Attribute attribute : attributes ? attributes.getValue() : ArrayRef<Attribute>()) {
    auto facts = dyn_cast<DictionaryAttr>(attribute);
    auto level = facts ? facts.getAs<StringAttr>("level") : StringAttr();
    auto summaries = facts ? facts.getAs<IntegerAttr>("summaries") : IntegerAttr();
    auto operations = facts ? facts.getAs<DenseI64ArrayAttr>("operations") : DenseI64ArrayAttr();
    auto exact = facts ? facts.getAs<BoolAttr>("exact") : BoolAttr();
    std::optional<bundle::MaskLevel> parsed;
    if (level)
      parsed = bundle::parseMaskLevel(level.getValue());
    if (!parsed || !summaries || !operations || operations.size() != 4 || !exact ||
        (summaries.getInt() && workspaces.size() != 1))
      return kernel.emitOpError()
             << "expected 'tile.masks' to hold, for each mask, level, summaries, four operations "
                "and exact, but got "
             << attribute;
    ArrayRef<int64_t> counts = operations.asArrayRef();
    bundle::MaskInfo &mask = masks.emplace_back();
    mask = {*parsed,   summaries.getInt(), counts[0],    counts[1],
            counts[2], counts[3],          Expression(), exact.getValue()};
    if (mask.summaries == 0)
      continue;
    mask.metadataBytes = Expression::constant(mask.summaries * int64_t(sizeof(int64_t)));
    for (const Expression &size : ArrayRef(workspaces.front().shape).drop_back())
      if (size != Expression::constant(1))
        mask.metadataBytes =
            Expression::binary(Expression::Kind::Mul, size, std::move(mask.metadataBytes));
  }
  return masks;
}

/// The operand of this role in a kernel whose rows walk lists of keys; none in others.
static std::optional<std::string> findGathered(tile::KernelOp kernel, StringRef role) {
  for (unsigned index = 0; index < kernel.getArgumentTypes().size(); ++index)
    if (kernel.getArgAttr(index, role))
      return kernel.getArgumentName(index).str();
  return std::nullopt;
}

/// Whose heads groups of query heads share: operands of keys, and the list of keys.
static SmallVector<std::string> getSharedOperands(tile::KernelOp kernel,
                                                  const bundle::KernelInfo &info) {
  SmallVector<std::string> names;
  for (const bundle::OperandInfo &operand : info.operands)
    if (operand.role == bundle::OperandRole::Cols)
      names.push_back(operand.name);
  if (auto list = findGathered(kernel, "tile.list"))
    names.push_back(*list);
  return names;
}

/// How many groups there are of heads that share keys, as TileScope::countKeyHeads counts them.
static bundle::Expression countGroups(tile::KernelOp kernel, const bundle::KernelInfo &info) {
  using bundle::Expression;
  std::optional<Expression> most;
  for (const std::string &name : getSharedOperands(kernel, info)) {
    Expression heads = Expression::size(name, 1);
    most = most ? Expression::binary(Expression::Kind::Max, std::move(*most), std::move(heads))
                : std::move(heads);
  }
  return std::move(*most);
}

/// How many keys a row reads.
static bundle::Expression countKeys(tile::KernelOp kernel, const bundle::KernelInfo &info) {
  using bundle::Expression;
  if (auto list = findGathered(kernel, "tile.list"))
    return Expression::size(*list, 3);
  for (const bundle::OperandInfo &operand : info.operands)
    if (operand.role == bundle::OperandRole::Cols)
      return Expression::size(operand.name, 2);
  return Expression::constant(1);
}

/// How many tiles of queries there are.
static FailureOr<bundle::Expression> countTiles(tile::KernelOp kernel,
                                                const bundle::KernelInfo &info) {
  using bundle::Expression;
  const std::string &result = info.results.front().name;
  SmallVector<int64_t, 3> box = kernel.getConfig().getQuerySizes();
  if (box.empty())
    return Expression::ceilDiv(Expression::size(result, 2),
                               Expression::constant(kernel.getConfig().getQueries()));
  auto coordinates = *kernel.getBody().getOps<tile::CoordinatesOp>().begin();
  SmallVector<Expression> extents;
  if (kernel.getConfig().getPackedHeads() > 0) {
    extents.push_back(Expression::binary(Expression::Kind::FloorDiv, Expression::size(result, 1),
                                         countGroups(kernel, info)));
    extents.push_back(Expression::size(result, 2));
  } else {
    for (Value extent : coordinates.getGrid()) {
      FailureOr<Expression> length = translateScalar(coordinates, extent, info);
      if (failed(length))
        return failure();
      extents.push_back(std::move(*length));
    }
  }
  return countBoxes(extents, box);
}

/// What packed heads take for granted: rows have the result's heads, and whatever heads the other
/// operands of keys have, a group has one of them.
static std::vector<bundle::Condition> describeGroups(tile::KernelOp kernel,
                                                     const bundle::KernelInfo &info) {
  using bundle::Expression;
  using Kind = Expression::Kind;
  const std::string &result = info.results.front().name;
  auto headsOf = [](const std::string &name) { return Expression::size(name, 1); };
  auto text = [](const std::string &name) { return "heads of " + name; };
  std::vector<bundle::Condition> when = {
      {Expression::binary(Kind::Lt, Expression::constant(0), countGroups(kernel, info)),
       "heads of keys > 0"}};
  auto count = findGathered(kernel, "tile.count"); // read as a number of the query, not as rows
  auto add = [&](const bundle::OperandInfo &operand) {
    if (operand.role == bundle::OperandRole::Rows && operand.name != result &&
        operand.name != count)
      when.push_back({Expression::binary(Kind::Eq, headsOf(operand.name), headsOf(result)),
                      text(operand.name) + " == " + text(result)});
  };
  llvm::for_each(info.operands, add);
  llvm::for_each(info.results, add);
  for (const std::string &name : getSharedOperands(kernel, info))
    when.push_back(
        {Expression::binary(Kind::Eq,
                            Expression::binary(Kind::Mod, countGroups(kernel, info), headsOf(name)),
                            Expression::constant(0)),
         "heads of keys % " + text(name) + " == 0"});
  return when;
}

/// The permutation that keeps copies and products of tiles with so many 16-bit columns free of bank
/// conflicts (SharedLayout).
static bundle::Swizzle swizzleOf(int64_t columns) {
  return columns == 64   ? bundle::Swizzle::B128
         : columns == 32 ? bundle::Swizzle::B64
                         : bundle::Swizzle::B32;
}

FailureOr<bundle::Variant> describeLaunch(tile::KernelOp kernel, const bundle::KernelInfo &info) {
  bundle::Variant variant;
  for (const LaunchParameter &parameter : getLaunchParameters(kernel)) {
    std::string name = kernel.getArgumentName(parameter.argument).str();
    switch (parameter.kind) {
    case ParameterKind::Pointer:
      variant.parameters.push_back(bundle::Parameter::pointer(name));
      break;
    case ParameterKind::Size:
      variant.parameters.push_back(bundle::Parameter::size(name, parameter.dim));
      break;
    case ParameterKind::Stride:
      variant.parameters.push_back(bundle::Parameter::stride(name, parameter.dim));
      break;
    case ParameterKind::Scalar:
      variant.parameters.push_back(bundle::Parameter::scalar(name, info.find(name)->dtype));
      break;
    case ParameterKind::TensorMap:
      variant.parameters.push_back(bundle::Parameter::tensorMap(
          name, {1, 1, parameter.tokens, parameter.columns}, swizzleOf(parameter.columns)));
      break;
    }
  }
  using bundle::Expression;
  for (unsigned index = 0; index < kernel.getArgumentTypes().size(); ++index)
    if (kernel.getArgAttr(index, "tile.workspace")) {
      FailureOr<bundle::Workspace> workspace = describeWorkspace(kernel, index, info);
      if (failed(workspace))
        return failure();
      variant.workspaces.push_back(std::move(*workspace));
    }
  unsigned first = kernel.getArgumentTypes().size() - kernel.getResultCount();
  if (kernel.getArgAttr(first, "tile.workspace")) {
    // A pass before the kernel: a block a tile of keys.
    const auto &shape = variant.workspaces.front().shape;
    variant.grid = {shape[2], shape[1], shape[0]};
    variant.workspaces.clear();
    return variant;
  }
  auto masks = describeMasks(kernel, variant.workspaces);
  if (failed(masks))
    return failure();
  variant.masks = std::move(*masks);
  const std::string &result = info.results.front().name;
  FailureOr<Expression> tiles = countTiles(kernel, info);
  if (failed(tiles))
    return failure();
  variant.rows = kernel.getConfig().getQueries();
  variant.keys = countKeys(kernel, info);
  bool packed = kernel.getConfig().getPackedHeads() > 0;
  if (packed)
    variant.when = describeGroups(kernel, info);
  variant.grid = {std::move(*tiles),
                  packed ? countGroups(kernel, info) : Expression::size(result, 1),
                  Expression::size(result, 0)};
  return variant;
}

} // namespace attune
