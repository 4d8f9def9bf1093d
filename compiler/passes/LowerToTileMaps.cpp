// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: what does a map of rows, of cols or of pairs read, and what does it compute?
#include "compiler/passes/LowerToTileScope.h"

using namespace mlir;
using namespace attune;

static bool isUniform(const Node *node) { return !node->onQuery && !node->onKey; }

/// Is computing it a place more than an index calculation?
static bool isCostly(const Node *node) {
  if (isa<FloatType>(node->type))
    return true;
  if (node->kind == NodeKind::Opaque && isa<attn::LoadOp>(node->operation))
    return true;
  return llvm::any_of(node->operands,
                      [](const Node *operand) { return !isUniform(operand) && isCostly(operand); });
}

unsigned MapBuilder::read(Value tile) {
  auto found = llvm::find(inputs, tile);
  if (found != inputs.end())
    return found - inputs.begin();
  inputs.push_back(tile);
  return inputs.size() - 1;
}

void MapBuilder::read(const Node *node) {
  if (!seen.insert(node).second)
    return;
  if (isUniform(node)) {
    scope.scalar(node);
    return;
  }
  switch (node->kind) {
  case NodeKind::IndexH:
  case NodeKind::IndexI: hasIndices = true; return;
  case NodeKind::IndexJ:
    if (Value entries = scope.keyEntries())
      elements[node] = read(entries);
    else
      hasIndices = true;
    return;
  case NodeKind::Element:
  case NodeKind::Dot:
  case NodeKind::Scan:
  case NodeKind::AccumulatorRef:
  case NodeKind::FrameRef:
  case NodeKind::RowRef: elements[node] = read(scope.leaf(node)); return;
  default: break;
  }
  if (places == Places::Matrix && node->onQuery != node->onKey && isCostly(node)) {
    elements[node] = read(scope.oneSided(node));
    return;
  }
  for (const Node *operand : node->operands)
    read(operand);
}

/// The index of a token of `tile`; takes its coordinates from the front of `indices`.
static TokenIndex indexOf(const TilePlace &tile, ValueRange &indices) {
  size_t count = tile.isBox() ? tile.sizes.size() : 1;
  TokenIndex index;
  llvm::append_range(index.coordinates, indices.take_front(count));
  index.extents = tile.extents;
  if (!tile.isBox())
    index.number = indices.front();
  indices = indices.drop_front(count);
  return index;
}

Value MapBuilder::build(OpBuilder &place, Type result, Body body) {
  // A copy: the scope's own builder stays outside of the region.
  OpBuilder builder = place;
  SmallVector<Value> origins;
  if (hasIndices && places != Places::Cols)
    origins.push_back(scope.queries().place);
  if (hasIndices && places != Places::Rows)
    origins.push_back(scope.keys().place);
  auto emit = [&](OpBuilder &inner, Location, ValueRange arguments) -> Value {
    PlaceEmitter at(scope, inner);
    for (auto [node, position] : elements)
      at.bind(node, arguments[position]);
    ValueRange indices = arguments.drop_front(inputs.size());
    if (hasIndices && places != Places::Cols)
      at.query = indexOf(scope.queries(), indices);
    if (at.query && scope.packsHeads())
      at.query.number = at.query.coordinates[1];
    if (hasIndices && places != Places::Rows)
      at.key = indexOf(scope.keys(), indices);
    return body(at, arguments.take_front(inputs.size()));
  };
  return tile::MapOp::create(builder, scope.location(), result, inputs, origins, emit);
}

Value PlaceEmitter::token(TokenIndex &index) {
  if (!index.number)
    index.number = tokenAt(builder, scope.location(), index.coordinates, index.extents);
  return index.number;
}

Value PlaceEmitter::emit(const Node *node) {
  if (isUniform(node))
    return scope.scalar(node);
  if (node->kind == NodeKind::IndexH)
    return query.coordinates[0];
  if (node->kind == NodeKind::IndexI)
    return token(query);
  Value known = values.lookup(node);
  if (node->kind == NodeKind::IndexJ)
    return known ? scope.asIndex(builder, known) : token(key);
  if (known)
    return known;
  // Maps read elements as tiles; code of single tokens reads them here.
  if (node->kind == NodeKind::Element)
    return values[node] = scope.readElement(builder, node, token(node->onKey ? key : query));
  SmallVector<Value> operands;
  for (const Node *operand : node->operands)
    operands.push_back(emit(operand));
  Value value = scope.emitOperation(builder, node, operands);
  values[node] = value;
  return value;
}
