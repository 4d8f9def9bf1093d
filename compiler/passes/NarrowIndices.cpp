// SPDX-License-Identifier: Apache-2.0
// tile-narrow-indices: which integer operations may run on 32 bits?
//
//   %d = arith.subi %i, %j : index                   %n = arith.subi %i32, %j32 : i32
//   %c = arith.cmpi sle, %d, %w : index      ->      %c = arith.cmpi sle, %n, %w32 : i32
// where upstream's range analysis proves that every operand and result fits: an index is a token, a
// scalar index is below 2^31 in magnitude, which the runtime checks at launch. What a map, a sweep,
// a fold or elements compare with, and does not change in them, need not fit: cut to 32 bits (%w32 is
// then min(max(%w, -2^31), 2^31 - 1)) it lies on the same side of all that does. A register of a GPU
// has 32 bits, and what a loop compares with stays in registers all along.
#include "compiler/Passes.h"
#include "dialects/tile/TileOps.h"
#include "mlir/Analysis/DataFlow/IntegerRangeAnalysis.h"
#include "mlir/Analysis/DataFlow/Utils.h"
#include "mlir/Analysis/DataFlowFramework.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace attune {
#define GEN_PASS_DEF_NARROWINDICESPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

static constexpr unsigned NarrowBits = 32;

/// a `predicate` b says the same as b `swapped` a.
static arith::CmpIPredicate swapped(arith::CmpIPredicate predicate) {
  using enum arith::CmpIPredicate;
  switch (predicate) {
  case slt: return sgt;
  case sle: return sge;
  case sgt: return slt;
  case sge: return sle;
  case ult: return ugt;
  case ule: return uge;
  case ugt: return ult;
  case uge: return ule;
  default: return predicate;
  }
}

static bool isDivision(Operation *op) {
  return isa<arith::FloorDivSIOp, arith::CeilDivSIOp, arith::DivSIOp, arith::RemSIOp,
             arith::DivUIOp, arith::RemUIOp>(op);
}

/// Sizes of grids are above 0, which the launch checks.
static bool isGridSize(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    auto box = dyn_cast<tile::BoxOp>(user);
    return isa<tile::CoordinatesOp>(user) || (box && llvm::is_contained(box.getGrid(), value));
  });
}

static bool isScalarOperand(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getType().isIndex() &&
         isa<tile::KernelOp>(argument.getOwner()->getParentOp());
}

namespace {

/// Upstream's analysis with what is checked at launch: |index operand| < 2^31, lengths < 2^31, and
/// operands that divide are above 0.
class LaunchRangeAnalysis : public dataflow::IntegerRangeAnalysis {
public:
  using IntegerRangeAnalysis::IntegerRangeAnalysis;

  void setToEntryState(dataflow::IntegerValueRangeLattice *lattice) override {
    if (isScalarOperand(lattice->getAnchor()))
      return join(lattice, isGridSize(lattice->getAnchor()) ? 1 : -limit(), limit());
    IntegerRangeAnalysis::setToEntryState(lattice);
  }

  LogicalResult visitOperation(Operation *op,
                               ArrayRef<const dataflow::IntegerValueRangeLattice *> operands,
                               ArrayRef<dataflow::IntegerValueRangeLattice *> results) override {
    if (isa<memref::DimOp>(op)) {
      join(results.front(), 0, limit());
      return success();
    }
    // A tile is no integer; unset, it would keep maps that read it from being visited.
    if (isa<tile::MapOp, tile::SweepOp>(op)) {
      setAllToEntryStates(results);
      return success();
    }
    if (isDivision(op) && isScalarOperand(op->getOperand(1))) {
      IntegerValueRange divisor(rangeOfIndex(1, limit()));
      dataflow::IntegerValueRangeLattice positive(op->getOperand(1));
      (void)positive.join(divisor);
      return IntegerRangeAnalysis::visitOperation(op, {operands[0], &positive}, results);
    }
    return IntegerRangeAnalysis::visitOperation(op, operands, results);
  }

  /// What a sweep carries may be a tile too, and its ranges, as those of elements, need none of the
  /// operands'.
  void visitNonControlFlowArguments(Operation *op, const RegionSuccessor &successor,
                                    ArrayRef<dataflow::IntegerValueRangeLattice *> arguments,
                                    unsigned first) override {
    if (!isa<tile::SweepOp, tile::ElementsOp>(op))
      return IntegerRangeAnalysis::visitNonControlFlowArguments(op, successor, arguments, first);
    llvm::DenseMap<Value, ConstantIntRanges> ranges;
    cast<InferIntRangeInterface>(op).inferResultRanges(
        {}, [&](Value value, const ConstantIntRanges &range) { ranges.try_emplace(value, range); });
    for (dataflow::IntegerValueRangeLattice *lattice : arguments) {
      auto known = ranges.find(lattice->getAnchor());
      if (known == ranges.end())
        setToEntryState(lattice);
      else
        propagateIfChanged(lattice, lattice->join(IntegerValueRange(known->second)));
    }
  }

private:
  static int64_t limit() { return (int64_t(1) << (NarrowBits - 1)) - 1; }

  static ConstantIntRanges rangeOfIndex(int64_t low, int64_t high) {
    unsigned width = IndexType::kInternalStorageBitWidth;
    return ConstantIntRanges::fromSigned(APInt(width, low, /*isSigned=*/true),
                                         APInt(width, high, /*isSigned=*/true));
  }

  void join(dataflow::IntegerValueRangeLattice *lattice, int64_t low, int64_t high) {
    propagateIfChanged(lattice, lattice->join(IntegerValueRange(rangeOfIndex(low, high))));
  }
};

class Narrower {
public:
  Narrower(tile::KernelOp kernel, DataFlowSolver &solver)
      : kernel(kernel), solver(solver), narrowType(IntegerType::get(kernel.getContext(), 32)) {}
  void run();

private:
  bool isWide(Type type);
  bool fits(Value value);
  bool isNotNegative(Value value);
  bool mayCut(Value value, Value other, arith::CmpIPredicate predicate, Operation *compare);
  bool mayNarrowCompare(Value left, Value right, arith::CmpIOp compare);
  bool mayNarrow(Operation *op);
  void compareDirectly(arith::CmpIOp compare);
  Value narrow(Value value);
  Value cut(Value value);
  void narrowOperation(Operation *op);

  tile::KernelOp kernel;
  DataFlowSolver &solver;
  Type narrowType;
  llvm::DenseMap<Value, Value> narrowed, cuts;
};

class NarrowIndices : public attune::impl::NarrowIndicesPassBase<NarrowIndices> {
public:
  void runOnOperation() override;
};

} // namespace

bool Narrower::isWide(Type type) { return type.isIndex() || type.isInteger(64); }

static std::optional<ConstantIntRanges> rangeOf(DataFlowSolver &solver, Value value) {
  const auto *lattice = solver.lookupState<dataflow::IntegerValueRangeLattice>(value);
  if (!lattice || lattice->getValue().isUninitialized())
    return std::nullopt;
  return lattice->getValue().getValue();
}

bool Narrower::fits(Value value) {
  if (!isWide(value.getType()))
    return true;
  auto range = rangeOf(solver, value);
  return range && range->smin().isSignedIntN(NarrowBits) && range->smax().isSignedIntN(NarrowBits);
}

bool Narrower::isNotNegative(Value value) {
  auto range = rangeOf(solver, value);
  return range && range->smin().isNonNegative();
}

/// Is the region of `op` run many times in a block?
static bool isRepeating(Operation *op) {
  return isa<tile::MapOp, tile::SweepOp, tile::FoldOp, tile::ElementsOp>(op);
}

/// The innermost op around `op` whose region is run many times; null if there is none.
static Operation *getRepeating(Operation *op) {
  Operation *around = op->getParentOp();
  while (around && !isRepeating(around))
    around = around->getParentOp();
  return around;
}

/// Does the innermost map, sweep, fold or elements around `op` take `value` from outside?
static bool isFixedFor(Value value, Operation *op) {
  Operation *user = getRepeating(op);
  return user && !user->isAncestor(value.getParentRegion()->getParentOp());
}

/// Does `value`, cut to 32 bits, compare with `other` as it is?
bool Narrower::mayCut(Value value, Value other, arith::CmpIPredicate predicate,
                      Operation *compare) {
  using enum arith::CmpIPredicate;
  auto range = rangeOf(solver, value), with = rangeOf(solver, other);
  if (!range || !with || !isFixedFor(value, compare))
    return false;
  // At the greatest number, value > other becomes value = other; so it is at the least.
  unsigned width = range->smin().getBitWidth();
  APInt least = APInt::getSignedMinValue(NarrowBits).sext(width);
  APInt greatest = APInt::getSignedMaxValue(NarrowBits).sext(width);
  bool isEquality = predicate == eq || predicate == ne;
  bool needsBelow = isEquality || predicate == sle || predicate == sgt;
  bool needsAbove = isEquality || predicate == slt || predicate == sge;
  if (!needsBelow && !needsAbove) // unsigned
    return false;
  return (range->smax().sle(greatest) || !needsBelow || with->smax().slt(greatest)) &&
         (range->smin().sge(least) || !needsAbove || with->smin().sgt(least));
}

/// Can two numbers be compared on 32 bits, as `compare` does, if need be one of them cut?
bool Narrower::mayNarrowCompare(Value left, Value right, arith::CmpIOp compare) {
  if (!isWide(left.getType()))
    return false;
  arith::CmpIPredicate predicate = compare.getPredicate();
  if (predicate >= arith::CmpIPredicate::ult && !(isNotNegative(left) && isNotNegative(right)))
    return false;
  if (fits(left))
    return fits(right) || mayCut(right, left, swapped(predicate), compare);
  return fits(right) && mayCut(left, right, predicate, compare);
}

/// May the op compute on the narrow values of its wide operands, and does it give the same?
bool Narrower::mayNarrow(Operation *op) {
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    return mayNarrowCompare(compare.getLhs(), compare.getRhs(), compare);
  bool isArithmetic =
      isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivSIOp, arith::DivUIOp,
          arith::FloorDivSIOp, arith::CeilDivSIOp, arith::RemSIOp, arith::RemUIOp, arith::MaxSIOp,
          arith::MinSIOp, arith::MaxUIOp, arith::MinUIOp, arith::AndIOp, arith::OrIOp,
          arith::XOrIOp, arith::ShRSIOp, arith::SelectOp, arith::IndexCastOp, arith::ExtSIOp,
          arith::TruncIOp, arith::SIToFPOp>(op);
  if (!isArithmetic || llvm::none_of(op->getOperandTypes(), [&](Type t) { return isWide(t); }))
    return false;
  if (!llvm::all_of(op->getOperands(), [&](Value v) { return fits(v); }) ||
      !llvm::all_of(op->getResults(), [&](Value v) { return fits(v); }))
    return false;
  // A cast to fewer bits than 32 cuts; leave it.
  if (isa<arith::IndexCastOp, arith::TruncIOp>(op) && !isWide(op->getResult(0).getType()) &&
      !op->getResult(0).getType().isInteger(NarrowBits))
    return false;
  bool isUnsigned = isa<arith::DivUIOp, arith::RemUIOp, arith::MaxUIOp, arith::MinUIOp>(op);
  return !isUnsigned || llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    bool divides = isDivision(op) && operand.getOperandNumber() == 1;
    return isNotNegative(operand.get()) || (divides && isScalarOperand(operand.get()));
  });
}

/// a - b <= 0 as a <= b, where only the difference needs more than 32 bits.
void Narrower::compareDirectly(arith::CmpIOp compare) {
  auto difference = compare.getLhs().getDefiningOp<arith::SubIOp>();
  if (!difference || !matchPattern(compare.getRhs(), m_Zero()) || fits(difference) ||
      compare.getPredicate() >= arith::CmpIPredicate::ult)
    return;
  Value a = difference.getLhs(), b = difference.getRhs();
  auto left = rangeOf(solver, a), right = rangeOf(solver, b);
  bool wrapsBelow = true, wrapsAbove = true;
  if (left && right) {
    (void)left->smin().ssub_ov(right->smax(), wrapsBelow);
    (void)left->smax().ssub_ov(right->smin(), wrapsAbove);
  }
  if (!wrapsBelow && !wrapsAbove && mayNarrowCompare(a, b, compare))
    compare->setOperands({a, b});
}

/// The value on 32 bits; cast where it is made, once.
Value Narrower::narrow(Value value) {
  if (!isWide(value.getType()))
    return value;
  if (Value known = narrowed.lookup(value))
    return known;
  OpBuilder builder(kernel.getContext());
  builder.setInsertionPointAfterValue(value);
  Location loc = value.getLoc();
  Value result;
  if (auto constant = value.getDefiningOp<arith::ConstantOp>()) {
    int64_t number = cast<IntegerAttr>(constant.getValue()).getInt();
    result = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(number));
  } else if (value.getType().isIndex()) {
    result = arith::IndexCastOp::create(builder, loc, narrowType, value);
  } else {
    result = arith::TruncIOp::create(builder, loc, narrowType, value);
  }
  return narrowed[value] = result;
}

/// The number of 32 bits that is nearest to the value.
Value Narrower::cut(Value value) {
  Value &known = cuts[value];
  if (known)
    return known;
  ImplicitLocOpBuilder builder(value.getLoc(), kernel.getContext());
  builder.setInsertionPointAfterValue(value);
  auto limit = [&](const APInt &number) -> Value {
    return arith::ConstantOp::create(
        builder, builder.getIntegerAttr(value.getType(), number.getSExtValue()));
  };
  Value above = arith::MaxSIOp::create(builder, value, limit(APInt::getSignedMinValue(NarrowBits)));
  Value near = arith::MinSIOp::create(builder, above, limit(APInt::getSignedMaxValue(NarrowBits)));
  return known = narrow(near);
}

void Narrower::narrowOperation(Operation *op) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(fits(operand) || narrowed.contains(operand) ? narrow(operand)
                                                                   : cut(operand));
  // Casts among wide types, or to i32, are nothing once narrow.
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op)) {
    Value result = op->getResult(0);
    if (isWide(result.getType()))
      narrowed[result] = operands[0];
    else
      result.replaceAllUsesWith(operands[0]);
    return;
  }
  OpBuilder builder(op);
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  Operation *clone = builder.clone(*op, mapping);
  Value before = op->getResult(0), after = clone->getResult(0);
  if (isWide(before.getType())) {
    after.setType(narrowType);
    narrowed[before] = after;
    // Who needs the quotient wide shall not divide once more. Outside of maps, all take the narrow
    // one: a map has vectors of them, and widening those costs more than an addition.
    if (isDivision(op) || !op->getParentOfType<tile::MapOp>()) {
      Value wide =
          before.getType().isIndex()
              ? Value(arith::IndexCastOp::create(builder, op->getLoc(), before.getType(), after))
              : Value(arith::ExtSIOp::create(builder, op->getLoc(), before.getType(), after));
      before.replaceAllUsesWith(wide);
      narrowed[wide] = after;
    }
  } else {
    before.replaceAllUsesWith(after);
  }
}

void Narrower::run() {
  kernel.walk([&](arith::CmpIOp compare) { compareDirectly(compare); });
  // New values have no ranges: first all questions, then all answers.
  SmallVector<Operation *> candidates;
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (getRepeating(op) && mayNarrow(op))
      candidates.push_back(op);
  });
  for (Operation *op : candidates)
    narrowOperation(op);
  kernel.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

/// Writes coordinates as quotients and floored remainders by one size after the other: products of
/// sizes, which upstream's expansion divides by, need not fit.
static void expandCoordinates(affine::AffineDelinearizeIndexOp op) {
  ImplicitLocOpBuilder builder(op.getLoc(), op);
  SmallVector<Value> sizes;
  for (OpFoldResult size : op.getEffectiveBasis())
    sizes.push_back(getValueOrCreateConstantIndexOp(builder, op.getLoc(), size));
  Value rest = op.getLinearIndex(), zero = arith::ConstantIndexOp::create(builder, 0);
  SmallVector<Value> coordinates(op.getNumResults());
  for (size_t place = op.getNumResults(); --place > 0;) {
    Value size = sizes.pop_back_val();
    Value remainder = arith::RemSIOp::create(builder, rest, size);
    Value isBelow = arith::CmpIOp::create(builder, arith::CmpIPredicate::slt, remainder, zero);
    Value above = arith::AddIOp::create(builder, remainder, size);
    coordinates[place] = arith::SelectOp::create(builder, isBelow, above, remainder);
    rest = arith::FloorDivSIOp::create(builder, rest, size);
  }
  coordinates[0] = rest;
  op->replaceAllUsesWith(coordinates);
  op.erase();
}

static void expandMap(affine::AffineApplyOp op) {
  OpBuilder builder(op);
  auto values = affine::expandAffineMap(builder, op.getLoc(), op.getAffineMap(), op.getOperands());
  if (!values)
    return;
  op->replaceAllUsesWith(*values);
  op.erase();
}

void NarrowIndices::runOnOperation() {
  getOperation().walk([](Operation *op) {
    if (auto coordinates = dyn_cast<affine::AffineDelinearizeIndexOp>(op))
      expandCoordinates(coordinates);
    else if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
      expandMap(apply);
  });
  DataFlowSolver solver;
  dataflow::loadBaselineAnalyses(solver);
  solver.load<LaunchRangeAnalysis>();
  if (failed(solver.initializeAndRun(getOperation())))
    return signalPassFailure();
  Narrower(getOperation(), solver).run();
}
