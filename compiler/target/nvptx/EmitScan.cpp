// SPDX-License-Identifier: Apache-2.0
// Running states along a row: in a lane's pair of columns, across the quad, and on from eight columns to
// the next.
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// Where a lane stands among the four of its quad, in the direction of the scan: an odd one, one of the
/// upper two?
struct KernelEmitter::QuadPlace {
  Value isOdd, isUpper;
  bool failed = false;
};

/// The states joined, `earlier` before `later` in the direction of the scan.
KernelEmitter::States KernelEmitter::joinStates(tile::ScanOp op, QuadPlace &place,
                                                const States &earlier, const States &later) {
  States arguments(op.getReverse() ? later : earlier);
  llvm::append_range(arguments, op.getReverse() ? earlier : later);
  auto joined = evaluate(op.getBody(), arguments);
  if (failed(joined)) {
    place.failed = true;
    return earlier;
  }
  return llvm::to_vector<2>(*joined);
}

KernelEmitter::States KernelEmitter::chooseStates(Value condition, const States &yes,
                                                  const States &no) {
  States chosen;
  for (auto [a, b] : llvm::zip(yes, no))
    chosen.push_back(arith::SelectOp::create(builder, condition, a, b));
  return chosen;
}

/// Those of the lane `distance` away in the quad.
KernelEmitter::States KernelEmitter::exchangeStates(const States &states, int64_t distance) {
  States others;
  for (Value state : states)
    others.push_back(NVVM::ShflOp::create(builder, state.getType(), i32(-1), state, i32(distance),
                                          i32(31), NVVM::ShflKind::bfly, UnitAttr()));
  return others;
}

/// The state before a lane's pair of columns, whose own states join to `own`; moves `carried` behind the
/// eight columns of the quad.
KernelEmitter::States KernelEmitter::scanQuad(tile::ScanOp op, QuadPlace &place, const States &own,
                                              States &carried) {
  auto join = [&](const States &earlier, const States &later) {
    return joinStates(op, place, earlier, later);
  };
  States neighbour = exchangeStates(own, 1);
  States half =
      join(chooseStates(place.isOdd, neighbour, own), chooseStates(place.isOdd, own, neighbour));
  States otherHalf = exchangeStates(half, 2);
  States before = chooseStates(place.isUpper, join(carried, otherHalf), carried);
  before = chooseStates(place.isOdd, join(before, neighbour), before);
  States whole = join(chooseStates(place.isUpper, otherHalf, half),
                      chooseStates(place.isUpper, half, otherHalf));
  carried = join(carried, whole);
  return before;
}

LogicalResult KernelEmitter::emitScan(tile::ScanOp op) {
  auto share = shareOf(op, op.getInputs().front().getType());
  if (failed(share))
    return failure();
  SmallVector<TileValue, 0> inputs, carried, outputs(op.getInputs().size()),
      next(op.getInputs().size());
  for (Value operand : op->getOperands()) {
    FailureOr<const TileValue *> tile = lookupTile(op, operand);
    Type type = tile::getScalarType(operand.getType());
    if (failed(tile))
      return failure();
    if (!type.isF32() && !type.isInteger(32))
      return op.emitOpError() << "expected f32 or i32 on the nvptx target, but got " << type;
    (inputs.size() < outputs.size() ? inputs : carried).push_back(**tile);
  }
  bool reverse = op.getReverse();
  auto bit = [&](int64_t mask) -> Value {
    Value masked = arith::AndIOp::create(builder, laneColumn, i32(mask));
    auto predicate = reverse ? arith::CmpIPredicate::eq : arith::CmpIPredicate::ne;
    return arith::CmpIOp::create(builder, predicate, masked, i32(0));
  };
  // A lane's first column is twice its place in the quad.
  QuadPlace place{bit(2), bit(4)};
  auto statesAt = [&](ArrayRef<TileValue> tiles, int64_t row, int64_t column) {
    return llvm::map_to_vector<2>(tiles,
                                  [&](const TileValue &tile) { return tile.at(row, column); });
  };
  for (TileValue &output : outputs) {
    output.columns = share->second;
    output.elements.resize(share->first * share->second);
  }
  auto put = [&](const States &states, int64_t row, int64_t column) {
    for (auto [output, state] : llvm::zip(outputs, states))
      output.elements[row * share->second + column] = state;
  };
  for (int64_t row = 0; row < share->first; ++row) {
    States running = statesAt(carried, row, 0);
    for (int64_t pair = 0; pair < share->second / 2; ++pair) {
      int64_t low = 2 * (reverse ? share->second / 2 - 1 - pair : pair);
      int64_t first = low + reverse, second = low + !reverse;
      States a = statesAt(inputs, row, first), b = statesAt(inputs, row, second);
      States before = scanQuad(op, place, joinStates(op, place, a, b), running);
      States between = joinStates(op, place, before, a);
      put(op.getExclusive() ? before : between, row, first);
      put(op.getExclusive() ? between : joinStates(op, place, between, b), row, second);
    }
    for (auto [rows, state] : llvm::zip(next, running))
      rows.elements.push_back(state);
  }
  for (auto [value, tile] : llvm::zip(op.getOutputs(), outputs))
    tiles[value] = tile;
  for (auto [value, tile] : llvm::zip(op.getNext(), next))
    tiles[value] = tile;
  return failure(place.failed);
}
