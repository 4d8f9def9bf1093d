// SPDX-License-Identifier: Apache-2.0
// Comparisons of a column's number with what a row knows: how far the row's bound lies from the lane's
// first column is computed once a row, and constants are compared with that.
//
//   j <= last     ->   8 <= last - j0          at the column slot that is 8 behind the lane's first
//   i - j <= w    ->   (i - w) - j0 <= 8
// Columns are from 0 to 2^31 - 1 (the runtime checks the lengths), and so is j0: a bound below is cut to
// -1, one above to 2^31 - 1, and the difference wraps nowhere.
#include "compiler/target/nvptx/MapExpander.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// The index argument that `value` is, or is a cast of: of columns that follow each other, else null.
BlockArgument MapExpander::columnOf(Value value) const {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<arith::IndexCastOp, arith::IndexCastUIOp>(op) &&
      op->getResult(0).getType().isInteger(32))
    value = op->getOperand(0);
  auto found = indices.find(value);
  if (found == indices.end() || !(dependenceOf(value) & Column) ||
      tile::MapOp(map).getOrigins()[found->second.first].getDefiningOp<tile::BoxOp>())
    return {};
  return cast<BlockArgument>(value);
}

/// `value` as first - j or j - first, where neither wraps; j alone is j - nothing.
std::optional<MapExpander::FromColumn> MapExpander::fromColumn(Value value) const {
  if (BlockArgument index = columnOf(value))
    return FromColumn{index, Value(), false};
  auto difference = value.getDefiningOp<arith::SubIOp>();
  if (!difference || !walkOf(value))
    return std::nullopt;
  for (bool isNegative : {false, true}) {
    BlockArgument index = columnOf(difference.getOperand(isNegative ? 1 : 0));
    Value other = difference.getOperand(isNegative ? 0 : 1);
    if (index && !(dependenceOf(other) & Column))
      return FromColumn{index, other, isNegative};
  }
  return std::nullopt;
}

/// What `from`, first - j or j - first, is compared with, as a bound of j (i64, or as `bound` is).
Value MapExpander::boundOf(const FromColumn &from, Value bound, int64_t row) {
  Value limit = get(bound, row, 0);
  if (!limit || !from.other)
    return limit;
  Value other = get(from.other, row, 0);
  if (!other)
    return {};
  ImplicitLocOpBuilder &builder = emitter.builder;
  auto widen = [&](Value value) -> Value {
    return arith::ExtSIOp::create(builder, builder.getI64Type(), value);
  };
  if (from.isNegative)
    return arith::SubIOp::create(builder, widen(other), widen(limit));
  return arith::AddIOp::create(builder, widen(other), widen(limit));
}

/// From the lane's first column to a bound, as far as it decides comparisons with columns (i32).
Value MapExpander::gapTo(Value bound, const FromColumn &from, int64_t row) {
  ImplicitLocOpBuilder &builder = emitter.builder;
  Value cut = boundOf(from, bound, row);
  if (!cut)
    return {};
  auto constant = [&](int64_t number) -> Value {
    return arith::ConstantOp::create(builder, builder.getIntegerAttr(cut.getType(), number));
  };
  cut = arith::MaxSIOp::create(builder, cut, constant(-1));
  if (!cut.getType().isInteger(32)) {
    cut = arith::MinSIOp::create(builder, cut, constant(std::numeric_limits<int32_t>::max()));
    cut = arith::TruncIOp::create(builder, builder.getI32Type(), emitter.toI64(cut));
  }
  auto [origin, place] = splitIndex(from.index, row, 0);
  Value first = arith::TruncIOp::create(builder, builder.getI32Type(), emitter.toI64(origin));
  first = arith::AddIOp::create(builder, first, place);
  return arith::SubIOp::create(builder, cut, first);
}

Value MapExpander::expandComparison(Operation &op, int64_t row, int64_t column) {
  auto compare = dyn_cast<arith::CmpIOp>(op);
  if (!compare || column < 0 || compare.getPredicate() >= arith::CmpIPredicate::ult)
    return {};
  for (unsigned side : {0, 1}) {
    std::optional<FromColumn> from = fromColumn(op.getOperand(side));
    Value bound = op.getOperand(1 - side);
    if (!from || dependenceOf(bound) & Column)
      continue;
    // Numbers of columns are made of the columns, which are at hand then.
    bool hasColumns = llvm::any_of(tile::MapOp(map).getInputs(),
                                   [&](Value input) { return emitter.columnMaps.contains(input); });
    unsigned varies = dependenceOf(bound) | (from->other ? dependenceOf(from->other) : 0);
    if (hasColumns && !(varies & Row))
      continue;
    Value &gap = gaps[{op.getResult(0), placeOf(varies, row, 0)}];
    if (!gap && !(gap = gapTo(bound, *from, row)))
      return {};
    Value distance = emitter.i32(KernelEmitter::columnDistance(column));
    bool isBoundLeft = (side == 1) != from->isNegative;
    return arith::CmpIOp::create(emitter.builder, compare.getPredicate(),
                                 isBoundLeft ? gap : distance, isBoundLeft ? distance : gap);
  }
  return {};
}
