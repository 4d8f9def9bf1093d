// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: how do expression nodes become scalars, tiles and maps of a tile kernel?
#include "compiler/passes/LowerToTileScope.h"

#include "compiler/problem/Problem.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attune;

TileScope::TileScope(const SweepPlan &plan, tile::KernelOp kernel)
    : plan(plan), kernel(kernel), loc(kernel.getLoc()),
      topBuilder(OpBuilder::atBlockEnd(&kernel.getBody().front())),
      gathered(GatheredKeys::find(plan.graph->kernel())) {
  auto axis = cast<attn::RowsType>(plan.graph->kernel().getResultTypes().front()).getAxis();
  packsHeads() ? placePackedRows(axis) : placeRows(axis);
}

void TileScope::placeRows(StringAttr axis) {
  TileGrid tiles = tilesOf(axis, config().getQueries(), config().getQueryBox());
  auto coordinates = tile::CoordinatesOp::create(
      topBuilder, loc, tiles.isBox ? ValueRange(tiles.extents) : ValueRange(), Value());
  batch = coordinates.getBatch();
  head = coordinates.getHead();
  blockFirst = coordinates.getFirstQuery();
  queryPlace = {blockFirst, tiles.sizes, {blockFirst}, tiles.extents};
  if (tiles.isBox)
    queryPlace =
        tiles.at(topBuilder, loc,
                 arith::DivUIOp::create(topBuilder, loc, blockFirst, index(config().getQueries())));
}

/// The most heads that an operand of keys, or a list of them, has: those of the others divide it
/// (describeLaunch).
Value TileScope::countKeyHeads() {
  Value most;
  for (Value operand : plan.graph->kernel().getBody().getArguments()) {
    if (!isa<attn::ColsType>(operand.getType()) && !(gathered && operand == gathered->list))
      continue;
    Value heads = memref::DimOp::create(topBuilder, loc, argument(operand), 1);
    most = most ? topBuilder.createOrFold<arith::MaxUIOp>(loc, most, heads) : heads;
  }
  assert(most && "findPackingObstacle refuses kernels without keys");
  return most;
}

/// Tiles are boxes of the grid (heads of a group, queries).
void TileScope::placePackedRows(StringAttr axis) {
  Value result = kernel.getBody().getArguments().take_back(kernel.getResultCount()).front();
  Value heads = memref::DimOp::create(topBuilder, loc, result, 1), groups = countKeyHeads();
  Value own = arith::DivUIOp::create(topBuilder, loc, heads, groups);
  int64_t packed = config().getPackedHeads(), queries = config().getQueries();
  TileGrid tiles = {/*isBox=*/true, {packed, queries / packed}, {own, length(axis)}};
  auto coordinates = tile::CoordinatesOp::create(topBuilder, loc, tiles.extents, groups);
  batch = coordinates.getBatch();
  blockFirst = coordinates.getFirstQuery();
  TilePlace inGroup = tiles.at(topBuilder, loc,
                               arith::DivUIOp::create(topBuilder, loc, blockFirst, index(queries)));
  // No bound of it, but one of what is known of it: there are fewer heads.
  head = arith::MinUIOp::create(topBuilder, loc,
                                arith::MulIOp::create(topBuilder, loc, coordinates.getHead(), own),
                                index((int64_t(1) << 31) - 2));
  Value first = arith::AddIOp::create(topBuilder, loc, head, inGroup.first[0]);
  Value end = arith::AddIOp::create(topBuilder, loc, head, own);
  tokenPlace = {inGroup.first[1], {tiles.sizes[1]}, {inGroup.first[1]}, {tiles.extents[1]}};
  queryPlace = {Value(), tiles.sizes, {first, inGroup.first[1]}, {end, tiles.extents[1]}};
  queryPlace.place =
      tile::BoxOp::create(topBuilder, loc, tile::BoxType::get(topBuilder.getContext(), tiles.sizes),
                          queryPlace.first, queryPlace.extents, /*heads=*/true);
}

TileGrid TileScope::tilesOf(StringAttr axis, int64_t tokens, DenseI64ArrayAttr box) {
  TileGrid tiles;
  if (!box) {
    tiles.sizes = {tokens};
    tiles.extents = {gathered && axis == gathered->axis ? countGathered() : length(axis)};
    return tiles;
  }
  tiles.isBox = true;
  llvm::append_range(tiles.sizes, box.asArrayRef());
  for (const Node *size : getGrid(plan, axis).sizes)
    tiles.extents.push_back(scalar(size));
  return tiles;
}

InFlightDiagnostic TileScope::refuse(Location where) {
  failed = true;
  return emitError(where);
}

//===--- scalars ------------------------------------------------------------------------------===//

Value TileScope::number(double value) {
  auto type = topBuilder.getF32Type();
  return arith::ConstantOp::create(topBuilder, loc, topBuilder.getFloatAttr(type, value));
}

Value TileScope::index(int64_t value) {
  return arith::ConstantIndexOp::create(topBuilder, loc, value);
}

Value TileScope::argument(Value operand) {
  return kernel.getBody().getArgument(cast<BlockArgument>(operand).getArgNumber());
}

void TileScope::mapOperands(IRMapping &values) {
  attn::KernelOp source = plan.graph->kernel();
  for (Value operand : source.getBody().getArguments())
    if (!attn::isVirtual(operand.getType()))
      values.map(operand, argument(operand));
}

Value TileScope::scalar(const Node *node) {
  // Not by reference: emitting operands may grow the map.
  if (Value known = scalars.lookup(node))
    return known;
  Value value = emitScalar(node);
  scalars[node] = value;
  return value;
}

Value TileScope::emitScalar(const Node *node) {
  switch (node->kind) {
  case NodeKind::Constant:
    if (isa<FloatType>(node->type))
      return arith::ConstantOp::create(topBuilder, loc,
                                       topBuilder.getFloatAttr(node->type, node->number));
    return arith::ConstantOp::create(topBuilder, loc,
                                     topBuilder.getIntegerAttr(node->type, int64_t(node->number)));
  case NodeKind::Scalar: return argument(node->source);
  case NodeKind::IndexB: return batch;
  case NodeKind::IndexH: return head;
  case NodeKind::Size: return length(node->axis);
  default: break;
  }
  SmallVector<Value> operands;
  for (const Node *operand : node->operands)
    operands.push_back(scalar(operand));
  return emitOperation(topBuilder, node, operands);
}

Value TileScope::length(StringAttr axis) {
  if (Value known = lengths.lookup(axis))
    return known;
  attn::KernelOp source = plan.graph->kernel();
  Value value;
  for (Value operand : source.getBody().getArguments()) {
    Type type = operand.getType();
    if ((isa<attn::RowsType>(type) && cast<attn::RowsType>(type).getAxis() == axis) ||
        (isa<attn::ColsType>(type) && cast<attn::ColsType>(type).getAxis() == axis)) {
      value = memref::DimOp::create(topBuilder, loc, argument(operand), 2);
      break;
    }
  }
  if (!value)
    for (auto axisOp : source.getBody().getOps<attn::AxisOp>())
      if (axisOp.getAxisAttr() == axis && axisOp.getSize()) {
        IntegerAttr number;
        if (matchPattern(axisOp.getSize(), m_Constant(&number)))
          value = index(number.getInt());
        else if (isa<BlockArgument>(axisOp.getSize()))
          value = argument(axisOp.getSize());
      }
  // A length that another axis tells: that of blocks, or one like it.
  if (!value)
    for (auto axisOp : source.getBody().getOps<attn::AxisOp>())
      if (axisOp.getAxisAttr() == axis && axisOp.getLike())
        value = length(topBuilder.getStringAttr(*axisOp.getLike()));
  if (int64_t block = attn::getAxisBlock(axis); !value && block > 1) {
    Value whole = length(topBuilder.getStringAttr(attn::getAxisRoot(axis)));
    value = arith::CeilDivUIOp::create(topBuilder, loc, whole, index(block));
  }
  if (!value) {
    refuse(source.getLoc()) << "expected an operand on axis '" << axis.getValue()
                            << "' that gives its length, but there is none";
    value = index(0);
  }
  lengths[axis] = value;
  return value;
}

//===--- tiles --------------------------------------------------------------------------------===//

Type TileScope::rowsType(Type element) {
  return tile::RowsType::get(element.getContext(), config().getQueries(), element);
}
Type TileScope::partialType(Type element) {
  return tile::PartialType::get(element.getContext(), config().getQueries(), element);
}
Type TileScope::colsType(Type element) {
  return tile::ColsType::get(element.getContext(), config().getKeys(), element);
}
Type TileScope::matrixType(Type element) {
  return tile::MatrixType::get(element.getContext(), config().getQueries(), config().getKeys(),
                               element);
}
Type TileScope::placesType(Places places, Type element) {
  return places == Places::Rows   ? rowsType(element)
         : places == Places::Cols ? colsType(element)
                                  : matrixType(element);
}

/// Fewer heads than the block counts are shared by groups of neighbours.
Value TileScope::headOf(Value argument) {
  Value result = kernel.getBody().getArguments().take_back(kernel.getResultCount()).front();
  if (argument == result)
    return head;
  Value heads = memref::DimOp::create(topBuilder, loc, result, 1);
  Value own = memref::DimOp::create(topBuilder, loc, argument, 1);
  Value ratio = arith::DivUIOp::create(topBuilder, loc, heads, own);
  return arith::DivUIOp::create(topBuilder, loc, head, ratio);
}

/// A batch of one is shared by all.
Value TileScope::batchOf(Value argument) {
  Value size = memref::DimOp::create(topBuilder, loc, argument, 0);
  Value shared = arith::CmpIOp::create(topBuilder, loc, arith::CmpIPredicate::eq, size, index(1));
  return arith::SelectOp::create(topBuilder, loc, shared, index(0), batch);
}

/// The batch and the head of an argument that belong to the block's.
std::pair<Value, Value> TileScope::sequenceOf(Value argument) {
  auto [place, inserted] = sequences.try_emplace(argument);
  if (inserted)
    place->second = {batchOf(argument), headOf(argument)};
  return place->second;
}

/// Of an operand with numbers of each query, the indices that lead to the block's query.
SmallVector<Value, 3> TileScope::rowOf(Value operand) {
  auto [ownBatch, ownHead] = sequenceOf(argument(operand));
  return {ownBatch, ownHead, tokenPlace.first.front()};
}

/// How many keys the list of the block's query names.
Value TileScope::countGathered() {
  if (!gatheredCount) {
    Value count = tile::ReadOp::create(topBuilder, loc, topBuilder.getI32Type(),
                                       argument(gathered->count), rowOf(gathered->count));
    gatheredCount = arith::MaxSIOp::create(topBuilder, loc, asIndex(topBuilder, count), index(0));
  }
  return gatheredCount;
}

Value TileScope::keyEntries() {
  if (!gathered || entryTile)
    return entryTile;
  SmallVector<Value, 4> indices = rowOf(gathered->list);
  Value list = argument(gathered->list);
  entryTile = tile::MapOp::create(
      *bodyBuilder, loc, colsType(topBuilder.getI32Type()), ValueRange(), keyPlace.place,
      [&](OpBuilder &inner, Location, ValueRange places) -> Value {
        indices.push_back(places.front());
        return tile::ReadOp::create(inner, loc, inner.getI32Type(), list, indices);
      });
  return entryTile;
}

Value TileScope::tokens(Value operand) {
  bool isRows = isa<attn::RowsType>(operand.getType());
  Value &known = (isRows ? rowTokens : keyTokens)[operand];
  if (known)
    return known;
  Value source = argument(operand);
  auto [ownBatch, ownHead] = sequenceOf(source);
  if (isRows && packsHeads())
    ownHead = this->index(0); // the box has it
  Type element = attn::getPlaceElementType(operand.getType());
  if (!isRows && gathered && cast<attn::ColsType>(operand.getType()).getAxis() == gathered->axis)
    return known = tile::LoadOp::create(*bodyBuilder, loc, colsType(element), source, ownBatch,
                                        ownHead, keyPlace.place, argument(gathered->list),
                                        rowOf(gathered->list), countGathered());
  known = isRows ? tile::LoadOp::create(topBuilder, loc, rowsType(element), source, ownBatch,
                                        ownHead, queryPlace.place)
                 : tile::LoadOp::create(*bodyBuilder, loc, colsType(element), source, ownBatch,
                                        ownHead, keyPlace.place);
  return known;
}

Value TileScope::leaf(const Node *node) {
  switch (node->kind) {
  case NodeKind::Element: return tokens(node->source);
  case NodeKind::Scan: return keyTiles.lookup(node);
  case NodeKind::Dot: {
    if (Value known = keyTiles.lookup(node))
      return known;
    auto dot = node->source.getDefiningOp<attn::DotOp>();
    Value rows = tokens(dot.getRows()), cols = tokens(dot.getCols());
    Value value =
        tile::DotOp::create(*bodyBuilder, loc, matrixType(topBuilder.getF32Type()), rows, cols);
    keyTiles[node] = value;
    return value;
  }
  default: return finished.lookup({node->kind, node->index});
  }
}

Value TileScope::oneSided(const Node *node) {
  auto &known = node->onKey ? keyTiles : rowTiles;
  if (Value tile = known.lookup(node))
    return tile;
  bool isLeaf = node->kind == NodeKind::Element || node->kind == NodeKind::AccumulatorRef ||
                node->kind == NodeKind::FrameRef || node->kind == NodeKind::RowRef;
  Value tile;
  if (isLeaf) {
    tile = leaf(node);
  } else {
    MapBuilder map(*this, node->onKey ? Places::Cols : Places::Rows);
    map.read(node);
    tile = map.build(node->onKey ? *bodyBuilder : topBuilder,
                     placesType(node->onKey ? Places::Cols : Places::Rows, node->type),
                     [&](PlaceEmitter &at, ValueRange) { return at.emit(node); });
  }
  known[node] = tile;
  return tile;
}

void TileScope::store(Value rows, unsigned index) {
  tile::StoreOp::create(topBuilder, loc, rows, target(index), batch,
                        packsHeads() ? this->index(0) : head, queryPlace.place);
}

void TileScope::enterLoop(Operation *op, OpBuilder &body, TilePlace place) {
  loop = op;
  bodyBuilder = &body;
  keyPlace = std::move(place);
  topBuilder.setInsertionPoint(loop);
}

void TileScope::leaveLoop() {
  topBuilder.setInsertionPointAfter(loop);
  loop = nullptr;
  bodyBuilder = nullptr;
  keyTiles.clear();
  keyTokens.clear();
  entryTile = {};
}

//===--- ops ----------------------------------------------------------------------------------===//

Value TileScope::emitFloorDivision(OpBuilder &builder, Value value, Value divisor,
                                   bool isNotNegative) {
  if (std::optional<int64_t> known = getConstantIntValue(divisor)) {
    if (*known == 1)
      return value;
    if (llvm::isPowerOf2_64(*known))
      return builder.createOrFold<arith::ShRSIOp>(loc, value, index(llvm::Log2_64(*known)));
  }
  if (isNotNegative)
    return builder.createOrFold<arith::DivUIOp>(loc, value, divisor);
  // Division truncates, and x = -1 - y for a y >= 0: x / d floored is -1 - y / d. Nothing here is
  // farther from 0 than x is, which then may have 32 bits all the way.
  Value minusOne = index(-1);
  auto mirror = [&](Value number) {
    return builder.createOrFold<arith::SubIOp>(loc, minusOne, number);
  };
  Value isNegative =
      builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, value, index(0));
  Value dividend = builder.createOrFold<arith::MaxSIOp>(loc, value, mirror(value));
  Value quotient = builder.createOrFold<arith::DivSIOp>(loc, dividend, divisor);
  return builder.createOrFold<arith::SelectOp>(loc, isNegative, mirror(quotient), quotient);
}

Value TileScope::emitModulo(OpBuilder &builder, Value value, Value divisor, bool isNotNegative) {
  std::optional<int64_t> known = getConstantIntValue(divisor);
  if (known && llvm::isPowerOf2_64(*known))
    return builder.createOrFold<arith::AndIOp>(loc, value, index(*known - 1));
  Value quotient = emitFloorDivision(builder, value, divisor, isNotNegative);
  Value whole = builder.createOrFold<arith::MulIOp>(loc, quotient, divisor);
  return builder.createOrFold<arith::SubIOp>(loc, value, whole);
}

Value TileScope::asIndex(OpBuilder &builder, Value value) {
  if (value.getType().isInteger(1))
    return builder.createOrFold<arith::IndexCastUIOp>(loc, builder.getIndexType(), value);
  if (!value.getType().isIndex())
    return builder.createOrFold<arith::IndexCastOp>(loc, builder.getIndexType(), value);
  return value;
}

Value TileScope::emitAffine(OpBuilder &builder, AffineExpr expression, ValueRange operands,
                            unsigned dimensions) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return index(constant.getValue());
  if (auto dimension = dyn_cast<AffineDimExpr>(expression))
    return operands[dimension.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return operands[dimensions + symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expression);
  Value left = emitAffine(builder, binary.getLHS(), operands, dimensions);
  if (expression.getKind() == AffineExprKind::Add) {
    // left + -1 * x is how a set spells a difference.
    auto product = dyn_cast<AffineBinaryOpExpr>(binary.getRHS());
    if (product && product.getKind() == AffineExprKind::Mul &&
        product.getRHS() == getAffineConstantExpr(-1, expression.getContext()))
      return arith::SubIOp::create(builder, loc, left,
                                   emitAffine(builder, product.getLHS(), operands, dimensions));
    Value right = emitAffine(builder, binary.getRHS(), operands, dimensions);
    return arith::AddIOp::create(builder, loc, left, right);
  }
  if (expression.getKind() == AffineExprKind::Mul)
    return arith::MulIOp::create(builder, loc, left,
                                 emitAffine(builder, binary.getRHS(), operands, dimensions));
  int64_t divisor = cast<AffineConstantExpr>(binary.getRHS()).getValue();
  if (expression.getKind() == AffineExprKind::FloorDiv)
    return emitFloorDivision(builder, left, divisor);
  if (expression.getKind() == AffineExprKind::CeilDiv) {
    Value raised = arith::AddIOp::create(builder, loc, left, index(divisor - 1));
    return emitFloorDivision(builder, raised, divisor);
  }
  return emitModulo(builder, left, divisor);
}

Value TileScope::emitLoad(OpBuilder &builder, attn::LoadOp load, ValueRange operands) {
  Type element = cast<MemRefType>(operands.front().getType()).getElementType();
  Value entry =
      tile::ReadOp::create(builder, loc, element, operands.front(), operands.drop_front());
  if (element != load.getType())
    return arith::IndexCastOp::create(builder, loc, load.getType(), entry);
  return entry;
}

Value TileScope::readElement(OpBuilder &builder, const Node *node, Value token) {
  Value source = argument(node->source);
  auto [ownBatch, ownHead] = sequenceOf(source);
  return tile::ReadOp::create(builder, loc, node->type, source,
                              ValueRange{ownBatch, ownHead, token});
}

Value TileScope::readEntry(OpBuilder &builder, const Node *node, Value index) {
  if (node->kind == NodeKind::Element)
    return readElement(builder, node, index);
  auto load = dyn_cast<attn::LoadOp>(node->operation);
  if (!load) // a cast of an entry
    return emitOperation(builder, node, readEntry(builder, node->operands.front(), index));
  SmallVector<Value> operands;
  for (const Node *operand : ArrayRef(node->operands).drop_back())
    operands.push_back(scalar(operand));
  operands.push_back(index);
  return emitLoad(builder, load, operands);
}

Value TileScope::countEntries(const Node *node) {
  if (node->kind == NodeKind::Element)
    return topBuilder.createOrFold<memref::DimOp>(loc, argument(node->source), 2);
  if (!isa<attn::LoadOp>(node->operation))
    return countEntries(node->operands.front());
  Value table = scalar(node->operands.front());
  int64_t last = cast<MemRefType>(table.getType()).getRank() - 1;
  return topBuilder.createOrFold<memref::DimOp>(loc, table, last);
}

Value TileScope::workspace() {
  for (auto [index, value] : llvm::enumerate(kernel.getBody().getArguments()))
    if (kernel.getArgAttr(index, "tile.workspace"))
      return value;
  llvm_unreachable("a kernel whose masks have summaries has a workspace");
}

Value TileScope::emitOperation(OpBuilder &builder, const Node *node, ValueRange operands) {
  if (node->kind != NodeKind::Opaque)
    return emitAlgebra(builder, node, operands);
  Operation *op = node->operation;
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return emitAffine(builder, apply.getAffineMap().getResult(0), operands,
                      apply.getAffineMap().getNumDims());
  if (auto load = dyn_cast<attn::LoadOp>(op))
    return emitLoad(builder, load, operands);
  if (auto take = dyn_cast<attn::TakeOp>(op)) {
    Value memory = argument(take.getSource());
    auto [ownBatch, ownHead] = sequenceOf(memory);
    SmallVector<Value> indices = {ownBatch, ownHead};
    if (operands.size() > 1) {
      int64_t block = attn::getAxisBlock(attn::getAxes(take.getSource().getType()).front()) /
                      attn::getAxisBlock(attn::getAxes(take.getType()).front());
      Value row = operands[1];
      if (block > 1)
        row = arith::DivUIOp::create(builder, loc, row,
                                     arith::ConstantIndexOp::create(builder, loc, block));
      indices.push_back(row);
    }
    indices.push_back(operands[0]);
    return tile::ReadOp::create(builder, loc, node->type, memory, indices);
  }
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  return builder.clone(*op, mapping)->getResult(node->index);
}

template <class Op> static Value emitFloat(OpBuilder &builder, Location loc, ValueRange operands) {
  // Products and sums may be fused: that is what the meaning, exact arithmetic, is nearest to.
  return Op::create(builder, loc, operands[0], operands[1], arith::FastMathFlags::contract);
}

Value TileScope::emitAlgebra(OpBuilder &builder, const Node *node, ValueRange operands) {
  Value x = operands[0];
  switch (node->kind) {
  case NodeKind::Add: return emitFloat<arith::AddFOp>(builder, loc, operands);
  case NodeKind::Sub: return emitFloat<arith::SubFOp>(builder, loc, operands);
  case NodeKind::Mul: return emitFloat<arith::MulFOp>(builder, loc, operands);
  case NodeKind::Div: return arith::DivFOp::create(builder, loc, x, operands[1]);
  case NodeKind::Neg: return arith::NegFOp::create(builder, loc, x);
  case NodeKind::Max: return arith::MaximumFOp::create(builder, loc, x, operands[1]);
  case NodeKind::Min: return arith::MinimumFOp::create(builder, loc, x, operands[1]);
  case NodeKind::Pow: return math::PowFOp::create(builder, loc, x, operands[1]);
  case NodeKind::Exp: return math::ExpOp::create(builder, loc, x);
  case NodeKind::Log: return math::LogOp::create(builder, loc, x);
  case NodeKind::Sqrt: return math::SqrtOp::create(builder, loc, x);
  case NodeKind::Abs: return math::AbsFOp::create(builder, loc, x);
  case NodeKind::Sin: return math::SinOp::create(builder, loc, x);
  case NodeKind::Cos: return math::CosOp::create(builder, loc, x);
  case NodeKind::Select: return arith::SelectOp::create(builder, loc, x, operands[1], operands[2]);
  case NodeKind::NotEqual:
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, x, operands[1]);
  default: llvm_unreachable("leaves are not ops");
  }
}
