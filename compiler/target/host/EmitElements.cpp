// SPDX-License-Identifier: Apache-2.0
// How are tokens written number by number? Lanes are components, or tokens where a token is one number;
// what is the same for all lanes is scalar, and computed before the loop over them.
//
//   for n { .. of n alone ..; for c in steps of the lanes { .. of c; store [n][c] } the rest, masked }
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attune {

//===--- what differs from lane to lane --------------------------------------------------------===//

/// Marks what `op` makes of marked values, with what is in its regions. True if anything was new.
static bool markVarying(Operation *op, llvm::DenseSet<Value> &varying) {
  bool isNew = false;
  auto mark = [&](Value value) { isNew |= varying.insert(value).second; };
  auto loop = dyn_cast<scf::ForOp>(op);
  if (!loop) {
    if (llvm::any_of(op->getOperands(), [&](Value value) { return varying.contains(value); }))
      llvm::for_each(op->getResults(), mark);
    return isNew;
  }
  // A loop is emitted once: where one of its results differs, all count as if they did.
  auto differs = [&](Value value) { return varying.contains(value); };
  if (llvm::any_of(loop.getInitArgs(), differs) || llvm::any_of(loop.getYieldedValues(), differs)) {
    llvm::for_each(loop.getRegionIterArgs(), mark);
    llvm::for_each(loop.getResults(), mark);
  }
  for (Operation &nested : loop.getBody()->without_terminator())
    isNew |= markVarying(&nested, varying);
  return isNew;
}

/// The values of the region that differ with `lanes`, one of its arguments.
static llvm::DenseSet<Value> findVarying(tile::ElementsOp op, Value lanes) {
  llvm::DenseSet<Value> varying = {lanes};
  bool isNew = true;
  while (isNew) {
    isNew = false;
    for (Operation &nested : op.getBody().front().without_terminator())
      isNew |= markVarying(&nested, varying);
  }
  return varying;
}

/// Do all lanes take the same way through the region?
static bool isStraight(tile::ElementsOp op, const llvm::DenseSet<Value> &varying) {
  WalkResult walked = op.getBody().walk([&](Operation *nested) {
    auto loop = dyn_cast<scf::ForOp>(nested);
    bool differs =
        loop && (varying.contains(loop.getLowerBound()) || varying.contains(loop.getUpperBound()) ||
                 varying.contains(loop.getStep()));
    return WalkResult(failure(differs || (!loop && nested->getNumRegions() > 0)));
  });
  return !walked.wasInterrupted();
}

/// Does `op` of the region make nothing that differs from lane to lane?
static bool isUniform(Operation *op, const llvm::DenseSet<Value> &varying) {
  return llvm::none_of(op->getResults(), [&](Value value) { return varying.contains(value); });
}

//===--- the code of a region ------------------------------------------------------------------===//

LogicalResult KernelEmitter::emitLaneOp(Operation *op, const llvm::DenseSet<Value> &varying,
                                        Shape shape) {
  b.setLoc(op->getLoc());
  auto loop = dyn_cast<scf::ForOp>(op);
  if (!loop)
    return emitScalarOp(op, shape);
  // What differs is lanes from the first iteration on.
  auto carried = [&](ValueRange held) {
    SmallVector<Value> flat;
    for (auto [value, argument] : llvm::zip_equal(held, loop.getRegionIterArgs()))
      flat.push_back(varying.contains(argument) ? asVectors(values.lookup(value), shape).front()
                                                : scalar(value));
    return flat;
  };
  auto bind = [&](ValueRange held, ValueRange flat) {
    for (auto [value, lanes] : llvm::zip_equal(held, flat))
      values[value] = {lanes};
  };
  auto lowered = scf::ForOp::create(b, scalar(loop.getLowerBound()), scalar(loop.getUpperBound()),
                                    scalar(loop.getStep()), carried(loop.getInitArgs()), nullptr,
                                    loop.getUnsignedCmp());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(lowered.getBody());
    values[loop.getInductionVar()] = {lowered.getInductionVar()};
    bind(loop.getRegionIterArgs(), lowered.getRegionIterArgs());
    for (Operation &nested : loop.getBody()->without_terminator())
      if (failed(emitLaneOp(&nested, varying, shape)))
        return failure();
    if (!loop.getInitArgs().empty())
      scf::YieldOp::create(b, carried(loop.getYieldedValues()));
  }
  bind(loop.getResults(), lowered.getResults());
  return success();
}

/// Emits the ops of the region that make what differs from lane to lane, or the other ones.
LogicalResult KernelEmitter::emitLaneOps(tile::ElementsOp op, const llvm::DenseSet<Value> &varying,
                                         bool areUniform, Shape shape) {
  for (Operation &nested : op.getBody().front().without_terminator())
    if (isUniform(&nested, varying) == areUniform && failed(emitLaneOp(&nested, varying, shape)))
      return failure();
  return success();
}

/// The number in lane 0 where `index` is, in each lane, one more than in the one before, or negative
/// (a sum that wraps); null where that is not known.
Value KernelEmitter::findRun(Value index, bool isOutermost) {
  if (!laneIndex)
    return {};
  if (index == laneIndex)
    return laneStart;
  Operation *op = index.getDefiningOp();
  if (!op)
    return {};
  Type held = b.getHeldType(index.getType());
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op)) {
    // Widened once, at the end, a number that wrapped stays negative.
    unsigned bits = held.getIntOrFloatBitWidth();
    unsigned before = b.getHeldType(op->getOperand(0).getType()).getIntOrFloatBitWidth();
    bool widens = before < bits;
    if ((widens && (!isOutermost || before < 32)) || bits < 32)
      return {};
    Value run = findRun(op->getOperand(0), isOutermost && !widens);
    if (!run || before == bits)
      return run;
    return widens ? Value(arith::ExtSIOp::create(b, held, run))
                  : Value(arith::TruncIOp::create(b, held, run));
  }
  if (!isa<arith::AddIOp, arith::SubIOp>(op))
    return {};
  auto isScalar = [&](Value value) {
    return !isa<VectorType>(values.lookup(value).front().getType());
  };
  Value left = op->getOperand(0), right = op->getOperand(1);
  if (isa<arith::SubIOp>(op)) {
    Value run = isScalar(right) ? findRun(left, false) : Value();
    return run ? b.subtract(run, scalar(right)) : Value();
  }
  if (isScalar(left))
    std::swap(left, right);
  Value run = isScalar(right) ? findRun(left, false) : Value();
  return run ? b.add(run, scalar(right)) : Value();
}

/// Reads one vector of neighbours: at `indices`, scalars, and from `run` on in the last dimension.
Value KernelEmitter::readRun(const Memory &memory, Type type, ArrayRef<Value> indices, Value run,
                             int64_t lanes) {
  auto below = [&](Value index, Value size) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, size);
  };
  Value inside = b.constant(b.getI1Type(), 1), offset = run, size = memory.sizes.back();
  for (auto [dim, index] : llvm::enumerate(indices)) {
    inside = arith::AndIOp::create(b, inside, below(index, memory.sizes[dim]));
    offset = b.add(offset, b.multiply(index, memory.strides[dim]));
  }
  Type raw = b.getMemoryType(type), vector = b.vectorOf(raw, lanes);
  Value address = b.address(memory.pointer, raw, offset);
  Value end = b.add(run, b.integer(lanes));
  Value fits = arith::AndIOp::create(
      b, arith::CmpIOp::create(b, arith::CmpIPredicate::sge, run, b.integer(0)),
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, end, size));
  auto branch = scf::IfOp::create(b, TypeRange{vector}, arith::AndIOp::create(b, inside, fits),
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(&branch.getThenRegion().front());
    scf::YieldOp::create(b, b.load(vector, address));
    b.setInsertionPointToEnd(&branch.getElseRegion().front());
    Value numbers = b.add(b.splat(run, lanes), b.iota(b.getI64Type(), lanes));
    Value mask =
        arith::AndIOp::create(b, b.splat(inside, lanes), below(numbers, b.splat(size, lanes)));
    scf::YieldOp::create(b, b.maskedLoad(vector, address, mask));
  }
  return b.fromMemory(branch.getResult(0), type);
}

//===--- the loops -----------------------------------------------------------------------------===//

/// Writes what the region yields for `shape.lanes` numbers from `start` on, where `mask` is (null:
/// all). `row` + number * `stride` (elements; null for 1) is where a number goes.
LogicalResult KernelEmitter::emitLanes(tile::ElementsOp op, const llvm::DenseSet<Value> &varying,
                                       Value start, Value mask, Value row, Value stride,
                                       Shape shape) {
  Value numbers = b.add(b.splat(start, shape.lanes), b.iota(b.getI64Type(), shape.lanes));
  values[laneIndex] = {numbers};
  laneStart = start;
  if (failed(emitLaneOps(op, varying, /*areUniform=*/false, shape)))
    return failure();
  b.setLoc(op.getLoc());
  Type type = op.getElementType(), raw = b.getMemoryType(type);
  Value bits = b.toMemory(asVectors(values.lookup(op.getYielded()), shape).front(), type);
  if (stride) {
    Value all = mask ? mask : b.constant(b.vectorOf(b.getI1Type(), shape.lanes), 1);
    b.scatter(bits, row, b.multiply(numbers, b.splat(stride, shape.lanes)), all);
  } else if (mask) {
    b.maskedStore(bits, b.address(row, raw, start), mask);
  } else {
    b.store(bits, b.address(row, raw, start));
  }
  return success();
}

/// Writes the numbers [begin, end) of a row: whole vectors, then what is left.
LogicalResult KernelEmitter::emitLaneLoop(tile::ElementsOp op, const llvm::DenseSet<Value> &varying,
                                          Value begin, Value end, Value row, Value stride,
                                          Shape shape) {
  LogicalResult status = success();
  Value count = b.maximum(b.subtract(end, begin), b.integer(0));
  Value rest = arith::RemUIOp::create(b, count, b.integer(shape.lanes));
  Value whole = b.add(begin, b.subtract(count, rest));
  b.loop(begin, whole, shape.lanes,
         [&](Value start) { status = emitLanes(op, varying, start, Value(), row, stride, shape); });
  auto type = cast<MemRefType>(op.getTarget().getType());
  bool isRow = laneIndex == op.getComponent();
  if (failed(status) || (isRow && !type.isDynamicDim(3) && type.getDimSize(3) % shape.lanes == 0))
    return status;
  // One iteration or none.
  b.loop(whole, b.add(begin, count), shape.lanes, [&](Value start) {
    Value numbers = b.iota(b.getI64Type(), shape.lanes);
    Value mask =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, numbers, b.splat(rest, shape.lanes));
    status = emitLanes(op, varying, start, mask, row, stride, shape);
  });
  return status;
}

/// How many lanes rows of `count` numbers have: as few are left as may be.
static int64_t chooseLanes(int64_t count, int64_t lanes) {
  if (ShapedType::isDynamic(count))
    return lanes;
  int64_t common = std::gcd(count, lanes);
  return common >= 4 ? common : std::min<int64_t>(lanes, llvm::PowerOf2Ceil(count));
}

LogicalResult KernelEmitter::emitElements(tile::ElementsOp op) {
  const Memory &memory = memories[op.getTarget()];
  auto type = cast<MemRefType>(op.getTarget().getType());
  Value base = headAddress(memory, b.getMemoryType(op.getElementType()), scalar(op.getBatch()),
                           scalar(op.getHead()));
  Value first = scalar(op.getFirst());
  int64_t queries = kernel.getConfig().getQueries();
  Value end = b.minimum(b.add(first, b.integer(queries)), memory.sizes[2]);
  bool areTokens = op.hasScalars() || type.getDimSize(3) == 1;
  laneIndex = areTokens ? op.getToken() : op.getComponent();
  llvm::DenseSet<Value> varying = findVarying(op, laneIndex);
  LogicalResult status = success();
  if (!isStraight(op, varying)) {
    status = emitNumbers(op, base, first, end);
  } else if (areTokens) {
    values[op.getComponent()] = {b.integer(0)};
    Shape shape = {chooseLanes(queries, b.facts.lanes), 1};
    bool isContiguous = op.hasScalars() && memory.contiguous;
    status = emitLaneOps(op, varying, /*areUniform=*/true, shape);
    if (succeeded(status))
      status = emitLaneLoop(op, varying, first, end, base,
                            isContiguous ? Value() : memory.strides[2], shape);
  } else {
    Shape shape = {chooseLanes(type.getDimSize(3), b.facts.lanes), 1};
    b.loop(first, end, 1, [&](Value token) {
      values[op.getToken()] = {token};
      status = emitLaneOps(op, varying, /*areUniform=*/true, shape);
      Value row = b.address(base, b.getMemoryType(op.getElementType()),
                            b.multiply(token, memory.strides[2]));
      if (succeeded(status))
        status = emitLaneLoop(op, varying, b.integer(0), memory.sizes[3], row,
                              memory.contiguous ? Value() : memory.strides[3], shape);
    });
  }
  laneIndex = laneStart = Value();
  return status;
}

/// One number after the other, where lanes would take different ways.
LogicalResult KernelEmitter::emitNumbers(tile::ElementsOp op, Value base, Value first, Value end) {
  const Memory &memory = memories[op.getTarget()];
  Type type = op.getElementType(), raw = b.getMemoryType(type);
  LogicalResult status = success();
  laneIndex = Value();
  b.loop(first, end, 1, [&](Value token) {
    Value width = op.hasScalars() ? b.integer(1) : memory.sizes[3];
    b.loop(b.integer(0), width, 1, [&](Value component) {
      values[op.getToken()] = {token};
      values[op.getComponent()] = {component};
      for (Operation &nested : op.getBody().front().without_terminator())
        if (succeeded(status))
          status = emitOp(&nested);
      if (failed(status))
        return;
      Value place = b.multiply(token, memory.strides[2]);
      if (!op.hasScalars())
        place = b.add(place, b.multiply(component, memory.strides[3]));
      b.store(b.toMemory(scalar(op.getYielded()), type), b.address(base, raw, place));
    });
  });
  return status;
}

} // namespace attune
