// SPDX-License-Identifier: Apache-2.0
// Costly conditions of a map: computed in a loop over a lane's columns, and kept as bits.
//
//   y = select(c(i, j), x, low)     with many ops in c
//   -> for column { words |= c(i, j) << column }      for each row of the lane
//      y = select(words & 1 << column, x, low)        for each place
// Unrolled, c at all places would be in flight at once, beside all of x: more registers than there are,
// and as much code for each place. What depends on a row alone is computed before the loop.
#include "compiler/target/nvptx/MapExpander.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// More work than this at each place is worth a loop: sliding windows are just below.
static constexpr int64_t mostUnrolledWork = 8;
/// The same where rows that see all keys are joined with ranges of keys: the truths of ranges would be in
/// flight until it is known that the row is not such a one.
static constexpr int64_t mostUnrolledJoined = 3;
/// Bits of a word.
static constexpr int64_t wordColumns = 32;

/// What an op costs at each place, in instructions.
static int64_t workOf(Operation &op) {
  int64_t work = 0;
  op.walk([&](Operation *inner) {
    bool isWide = llvm::any_of(inner->getOperandTypes(),
                               [](Type type) { return type.isIndex() || type.isInteger(64); });
    if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::FloorDivSIOp>(
            inner))
      work += 8;
    else if (isa<tile::ReadOp>(inner))
      work += 6;
    else if (!inner->hasTrait<OpTrait::ConstantLike>() &&
             !inner->hasTrait<OpTrait::IsTerminator>() &&
             !isa<arith::IndexCastOp, arith::IndexCastUIOp>(inner))
      work += isWide ? 2 : 1;
  });
  return work;
}

/// The ops of the map's own block that `value` is made of, in `slice`; false if an element is among
/// them that a lane has for each of its columns.
bool MapExpander::collectSlice(Value value, llvm::SmallSetVector<Operation *, 16> &slice) {
  Block *block = &map.getBody().front();
  if (value.getParentBlock() != block)
    return true;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getArgNumber() >= inputs.size() || isColumnMap(argument.getArgNumber()) ||
           !(dependenceOf(argument) & Column);
  Operation *op = value.getDefiningOp();
  if (slice.contains(op))
    return true;
  bool isFree = true;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!isa<MemRefType>(operand.getType()) &&
          !op->isAncestor(operand.getParentBlock()->getParentOp()))
        isFree &= collectSlice(operand, slice);
  });
  slice.insert(op);
  return isFree;
}

LogicalResult MapExpander::gatherConditions(int64_t rows, int64_t columns) {
  if (!isa<tile::MatrixType>(map.getResult().getType()))
    return success();
  columnCount = columns;
  for (auto select : map.getBody().front().getOps<arith::SelectOp>()) {
    Value condition = select.getCondition();
    llvm::SmallSetVector<Operation *, 16> slice;
    if (dependenceOf(condition) != (Row | Column) || words.contains(condition) ||
        !collectSlice(condition, slice))
      continue;
    int64_t work = 0;
    for (Operation *op : slice)
      if (op->getNumResults() && dependenceOf(op->getResult(0)) & Column)
        work += workOf(*op);
    for (auto [number, argument] : llvm::enumerate(map.getElementArguments()))
      if (isColumnMap(number))
        work += workOf(*emitter.columnMaps.lookup(map.getInputs()[number]));
    bool joins = llvm::any_of(slice, [&](Operation *op) {
      return isa<arith::OrIOp>(op) && dependenceOf(op->getResult(0)) & Column &&
             llvm::any_of(op->getOperands(),
                          [&](Value side) { return !(dependenceOf(side) & Column); });
    });
    if (work > (joins ? mostUnrolledJoined : mostUnrolledWork) &&
        failed(gather(condition, slice.getArrayRef(), rows, columns)))
      return failure();
  }
  return success();
}

LogicalResult MapExpander::gather(Value condition, ArrayRef<Operation *> slice, int64_t rows,
                                  int64_t columns) {
  ImplicitLocOpBuilder &builder = emitter.builder;
  // Before the loop, as it may not be the only one who asks for them.
  for (Operation *op : slice)
    for (Value result : op->getResults())
      for (int64_t row = 0; row < rows && !(dependenceOf(result) & Column); ++row)
        if (!get(result, row, 0))
          return failure();
  for (BlockArgument index : map.getIndexArguments())
    for (int64_t row = 0; row < rows && !(dependenceOf(index) & Column); ++row)
      get(index, row, 0);
  columnMaps.clear();
  auto knownBefore = known;
  auto termsBefore = knownTerms;
  SmallVector<Value> gathered;
  for (int64_t first = 0; first < columns; first += wordColumns) {
    Value count = emitter.i32(std::min(wordColumns, columns - first));
    SmallVector<Value> initial(rows, emitter.i32(0));
    auto loop = scf::ForOp::create(builder, emitter.i32(0), count, emitter.i32(1), initial);
    {
      OpBuilder::InsertionGuard guard(builder);
      if (!loop.getBody()->empty())
        loop.getBody()->clear();
      builder.setInsertionPointToStart(loop.getBody());
      Value bit = loop.getInductionVar();
      runningColumn = arith::AddIOp::create(builder, bit, emitter.i32(first));
      SmallVector<Value> next;
      for (int64_t row = 0; row < rows; ++row) {
        Value holds = get(condition, row, running);
        if (!holds)
          return failure();
        Value wide = arith::ExtUIOp::create(builder, builder.getI32Type(), holds);
        Value placed = arith::ShLIOp::create(builder, wide, bit);
        next.push_back(arith::OrIOp::create(builder, loop.getRegionIterArg(row), placed));
      }
      scf::YieldOp::create(builder, next);
    }
    llvm::append_range(gathered, loop.getResults());
    // What was computed inside of the loop is unknown after it.
    known = knownBefore;
    columnMaps.clear();
    knownTerms = termsBefore;
  }
  words[condition] = gathered;
  return success();
}

/// The bit of (row, column), as a truth.
Value MapExpander::readBit(ArrayRef<Value> gathered, int64_t row, int64_t column) {
  ImplicitLocOpBuilder &builder = emitter.builder;
  int64_t rows = gathered.size() / llvm::divideCeil(columnCount, wordColumns);
  Value word = gathered[column / wordColumns * rows + row];
  Value bit = arith::AndIOp::create(builder, word,
                                    emitter.i32(int32_t(uint32_t(1) << column % wordColumns)));
  return arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, bit, emitter.i32(0));
}
