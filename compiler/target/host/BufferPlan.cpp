// SPDX-License-Identifier: Apache-2.0
// Liveness, merging and first-fit placement of a kernel's tiles.
//
// 1. Number ops in program order; the members of a map group run together and have one number.
// 2. The live slots of a tile: from its definition to each use, along the blocks between; all of a
//    loop's body if it is used there and defined outside.
// 3. Merge what should be updated in place where live slots are disjoint.
// 4. Place buffers, largest first, at the lowest offset free of others that are live at one position.
#include "compiler/target/host/BufferPlan.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attune {

bool livesInMemory(Type tile) {
  if (isa<tile::RowsType>(tile))
    return isa<VectorType>(tile::getElementType(tile));
  return isa<tile::MatrixType, tile::ColsType>(tile);
}

/// Bytes of a tile in scratch memory: narrow floats are held as f32, i1 as a byte, index as i64.
static int64_t getTileBytes(Type tile) {
  Type scalar = tile::getScalarType(tile);
  int64_t bytes = scalar.isIndex() ? 8 : (scalar.getIntOrFloatBitWidth() + 7) / 8;
  if (scalar.isBF16() || scalar.isF16())
    bytes = 4;
  int64_t places = 0;
  if (auto matrix = dyn_cast<tile::MatrixType>(tile))
    places = matrix.getRows() * matrix.getCols();
  else if (auto cols = dyn_cast<tile::ColsType>(tile))
    places = cols.getTokens();
  else
    places = cast<tile::RowsType>(tile).getTokens();
  return places * tile::getComponents(tile) * bytes;
}

static bool isLoop(Operation *op) { return isa<scf::ForOp, tile::SweepOp>(op); }

/// Have the op's regions tiles? Those of other ops compute with scalars alone.
static bool holdsTiles(Operation *op) { return isLoop(op) || isa<scf::IfOp>(op); }

BufferPlan::BufferPlan(tile::KernelOp kernel, const MapGroups &groups) : groups(groups) {
  Block &body = kernel.getBody().front();
  number(body);
  addTiles(body);
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isLoop(op))
      mergeLoop(op);
    else if (isa<scf::IfOp>(op))
      mergeIf(op);
  });
  kernel.walk([&](Operation *op) { mergeElementwise(op); });
  place();
}

void BufferPlan::number(Block &block) {
  blockSpans[&block].begin = positions;
  ++positions;
  for (Operation &op : block) {
    MapGroup *group = groups.find(&op);
    if (group && group->ops.front() != &op) {
      // Looked up apart: a new entry may move the others.
      Span first = spans.lookup(group->ops.front());
      spans[&op] = first;
      continue;
    }
    unsigned begin = positions++;
    if (holdsTiles(&op))
      for (Region &region : op.getRegions())
        for (Block &nested : region)
          number(nested);
    unsigned end = op.getNumRegions() && !isa<tile::MapOp, tile::ScanOp>(op) ? positions++ : begin;
    spans[&op] = {begin, end};
  }
  blockSpans[&block].end = positions++;
}

void BufferPlan::addTiles(Block &block) {
  for (Value argument : block.getArguments())
    addTile(argument, 2 * blockSpans[&block].begin + 1);
  for (Operation &op : block) {
    for (Value result : op.getResults())
      addTile(result, 2 * spans[&op].end + 1);
    auto load = dyn_cast<tile::LoadOp>(op);
    if (load && isa<tile::RowsType>(load.getResult().getType()) &&
        livesInMemory(load.getResult().getType()))
      addTemporary(&op, getTileBytes(load.getResult().getType()));
    if (load && load.getList() &&
        tile::getComponents(load.getResult().getType()) > 1) // addresses, zeros
      addTemporary(&op, 8 * (cast<tile::ColsType>(load.getResult().getType()).getTokens() +
                             tile::getComponents(load.getResult().getType())));
    if (auto store = dyn_cast<tile::StoreOp>(op);
        store && livesInMemory(store.getValue().getType()))
      addTemporary(&op, getTileBytes(store.getValue().getType()));
    if (auto contract = dyn_cast<tile::ContractOp>(op)) {
      auto weights = cast<tile::MatrixType>(contract.getWeights().getType());
      Type values = tile::getScalarType(contract.getValues().getType());
      bool rounds = values.getIntOrFloatBitWidth() == 16 &&
                    groups.getStoredRounding(contract.getWeights()) != values;
      addTemporary(&op, 4 * weights.getRows() * (1 + (rounds ? weights.getCols() : 0)));
    }
    if (holdsTiles(&op))
      for (Region &region : op.getRegions())
        for (Block &nested : region)
          addTiles(nested);
  }
}

void BufferPlan::addTile(Value tile, unsigned definitionSlot) {
  if (!livesInMemory(tile.getType()) || groups.isInternal(tile))
    return;
  Buffer buffer;
  buffer.bytes = getTileBytes(tile.getType());
  buffer.live.resize(2 * positions);
  buffer.live.set(definitionSlot);
  buffer.representative = buffers.size();
  for (Operation *user : tile.getUsers())
    markUse(buffer, definitionSlot, tile, user);
  tiles[tile] = buffers.size();
  buffers.push_back(std::move(buffer));
}

void BufferPlan::addTemporary(Operation *op, int64_t bytes) {
  Buffer buffer;
  buffer.bytes = bytes;
  buffer.live.resize(2 * positions);
  buffer.live.set(2 * spans[op].begin, 2 * spans[op].begin + 2);
  buffer.representative = buffers.size();
  temporaries[op] = buffers.size();
  buffers.push_back(std::move(buffer));
}

void BufferPlan::markUse(Buffer &buffer, unsigned definitionSlot, Value tile, Operation *user) {
  Operation *current = user;
  while (current->getBlock() != tile.getParentBlock()) {
    Block *block = current->getBlock();
    Operation *parent = block->getParentOp();
    Span span = blockSpans[block];
    // What a loop uses from outside must last for its next iteration.
    unsigned last = isLoop(parent) ? 2 * span.end + 1 : 2 * spans[current].begin;
    buffer.live.set(2 * span.begin, last + 1);
    current = parent;
  }
  buffer.live.set(definitionSlot, 2 * spans[current].begin + 1);
}

//===--- merging -------------------------------------------------------------------------------===//

unsigned BufferPlan::find(unsigned index) const {
  while (buffers[index].representative != index)
    index = buffers[index].representative;
  return index;
}

unsigned BufferPlan::find(Value tile) const { return find(tiles.find(tile)->second); }

void BufferPlan::extend(Value tile, unsigned slot) { buffers[find(tile)].live.set(slot); }

void BufferPlan::merge(Value left, Value right) {
  unsigned into = find(left), from = find(right);
  if (into == from || buffers[into].bytes != buffers[from].bytes ||
      buffers[into].live.anyCommon(buffers[from].live))
    return;
  buffers[into].live |= buffers[from].live;
  buffers[from].representative = into;
}

void BufferPlan::mergeLoop(Operation *op) {
  Operation *yield;
  ValueRange initial, arguments;
  if (auto sweep = dyn_cast<tile::SweepOp>(op)) {
    yield = sweep.getBody().front().getTerminator();
    initial = sweep.getInitial(), arguments = sweep.getState();
  } else {
    auto loop = cast<scf::ForOp>(op);
    yield = loop.getBody()->getTerminator();
    initial = loop.getInitArgs(), arguments = loop.getRegionIterArgs();
  }
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    if (!livesInMemory(argument.getType()))
      continue;
    merge(argument, op->getResult(index));
    merge(argument, yield->getOperand(index));
    merge(argument, initial[index]);
  }
  // A copy into a carried tile must not hit what is still to be copied.
  for (Value argument : arguments) {
    if (!livesInMemory(argument.getType()))
      continue;
    extend(argument, 2 * spans[op].begin);
    extend(argument, 2 * spans[yield].begin);
  }
}

void BufferPlan::mergeIf(Operation *op) {
  auto branch = cast<scf::IfOp>(op);
  for (auto [index, result] : llvm::enumerate(branch.getResults())) {
    if (!livesInMemory(result.getType()))
      continue;
    for (Region &region : branch->getRegions()) {
      Operation *yield = region.front().getTerminator();
      merge(result, yield->getOperand(index));
      extend(result, 2 * spans[yield].begin);
    }
  }
}

void BufferPlan::mergeElementwise(Operation *op) {
  if (auto contract = dyn_cast<tile::ContractOp>(op)) {
    merge(contract.getAccumulator(), contract.getResult());
    return;
  }
  auto map = dyn_cast<tile::MapOp>(op);
  if (!map || !tiles.contains(map.getResult()))
    return;
  for (Value input : map.getInputs())
    if (input.getType().getTypeID() == map.getResult().getType().getTypeID() &&
        !isa<tile::ColsType>(input.getType()) && tiles.contains(input))
      merge(input, map.getResult());
}

//===--- placement -----------------------------------------------------------------------------===//

/// Both slots of every position of which one is set: whoever does not share a buffer must not write
/// where another still reads.
static llvm::BitVector getPositions(const llvm::BitVector &slots) {
  llvm::BitVector positions(slots.size() / 2);
  for (unsigned slot : slots.set_bits())
    positions.set(slot / 2);
  return positions;
}

void BufferPlan::place() {
  SmallVector<unsigned> order;
  for (unsigned index = 0; index < buffers.size(); ++index)
    if (find(index) == index)
      order.push_back(index);
  llvm::sort(order, [&](unsigned left, unsigned right) {
    return std::pair(-buffers[left].bytes, left) < std::pair(-buffers[right].bytes, right);
  });
  SmallVector<unsigned> placed;
  for (unsigned index : order) {
    Buffer &buffer = buffers[index];
    buffer.live = getPositions(buffer.live);
    auto conflicts = [&](unsigned other) {
      Buffer &taken = buffers[other];
      return taken.live.anyCommon(buffer.live) && taken.offset < buffer.offset + buffer.bytes &&
             buffer.offset < taken.offset + taken.bytes;
    };
    // Offsets only grow, so this ends.
    for (auto hit = placed.begin(); hit != placed.end(); hit = llvm::find_if(placed, conflicts))
      if (conflicts(*hit))
        buffer.offset = llvm::alignTo(buffers[*hit].offset + buffers[*hit].bytes, 64);
    placed.push_back(index);
    totalBytes = std::max(totalBytes, int64_t(llvm::alignTo(buffer.offset + buffer.bytes, 64)));
  }
}

int64_t BufferPlan::getOffset(Value tile) const { return buffers[find(tile)].offset; }

int64_t BufferPlan::getTemporaryOffset(Operation *op) const {
  return buffers[temporaries.find(op)->second].offset;
}

bool BufferPlan::haveOneBuffer(Value left, Value right) const { return find(left) == find(right); }

} // namespace attune
