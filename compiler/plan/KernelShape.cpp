// SPDX-License-Identifier: Apache-2.0
// What does a kernel hold of each tile?
#include "compiler/plan/KernelShape.h"

#include "compiler/analysis/Sweeps.h"
#include "compiler/plan/PackedHeads.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attune;
using tile::ConfigAttr;

static int64_t widthOf(Type type) {
  Type element = isa<attn::RowsType>(type) ? cast<attn::RowsType>(type).getElementType()
                                           : cast<attn::ColsType>(type).getElementType();
  auto vector = dyn_cast<VectorType>(element);
  return vector ? vector.getNumElements() : 1;
}

static void collectNodes(const Node *node, llvm::SmallSetVector<const Node *, 16> &seen) {
  if (!node || !seen.insert(node))
    return;
  for (const Node *operand : node->operands)
    collectNodes(operand, seen);
}

static int64_t countDivisions(AffineMap map) {
  int64_t count = 0;
  map.walkExprs([&](AffineExpr expression) {
    AffineExprKind kind = expression.getKind();
    count += kind == AffineExprKind::FloorDiv || kind == AffineExprKind::CeilDiv ||
             kind == AffineExprKind::Mod;
  });
  return count;
}

/// Integer divisions become a product, shifts and a correction.
static int64_t countDivisions(Operation *op) {
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return countDivisions(apply.getAffineMap());
  return isa<arith::FloorDivSIOp, arith::CeilDivSIOp, arith::DivUIOp, arith::RemUIOp>(op);
}

/// Work at each pair that is not a product: it decides how many registers are left for tiles.
static int64_t countPairOps(attn::KernelOp kernel) {
  int64_t count = 0;
  auto isNumberOfKey = [](Value value) {
    auto cols = dyn_cast<attn::ColsType>(value.getType());
    return cols && !isa<VectorType>(cols.getElementType());
  };
  kernel.walk([&](Operation *op) {
    if (isa<attn::MapOp>(op) && isa<attn::MatrixType>(op->getResult(0).getType()))
      count += 8 * llvm::count_if(op->getOperands(), isNumberOfKey);
    Operation *parent = op->getParentOp();
    bool atPairs = isa<attn::MapOp, attn::WhereOp>(parent) &&
                   isa<attn::MatrixType>(parent->getResult(0).getType());
    if (!atPairs || op->hasTrait<OpTrait::ConstantLike>() || op->hasTrait<OpTrait::IsTerminator>())
      return;
    auto load = dyn_cast<attn::LoadOp>(op);
    count += (load && load->getNumOperands() > 2 ? 8 : 1) + 2 * countDivisions(op);
  });
  return count;
}

/// Adds `value` and all that it is computed from, each once: expressions share their parts.
static void collectSources(Value value, llvm::SmallSetVector<Value, 16> &sources) {
  if (!sources.insert(value))
    return;
  if (Operation *op = value.getDefiningOp())
    for (Value operand : op->getOperands())
      collectSources(operand, sources);
}

/// Is this an argument of a region at pairs, (.., %b, %h, %i, %j), that differs from key (or query) to the next?
static bool differs(bool byKey, Value value, Operation *parent) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner()->getParentOp() != parent)
    return false;
  unsigned number = argument.getArgNumber();
  if (number >= parent->getNumOperands())
    return number == argument.getOwner()->getNumArguments() - (byKey ? 1 : 2);
  Type type = parent->getOperand(number).getType();
  return isa<attn::MatrixType>(type) ||
         (byKey ? isa<attn::ColsType>(type) : isa<attn::RowsType>(type));
}

/// Does a load of a region at pairs read another number for each of them?
static bool readsPairs(attn::LoadOp load, Operation *parent) {
  llvm::SmallSetVector<Value, 16> sources;
  for (Value place : load->getOperands())
    collectSources(place, sources);
  auto reads = [&](bool byKey) {
    return llvm::any_of(sources, [&](Value source) { return differs(byKey, source, parent); });
  };
  return reads(true) && reads(false);
}

/// See KernelShape::keyNumbers, comparedTwice and pairReads.
static void countReads(attn::KernelOp kernel, KernelShape &shape) {
  llvm::SmallSetVector<Value, 4> ofMaps, ofMasks;
  kernel.walk([&](Operation *op) {
    auto *parent = op->getParentOp();
    if (auto load = dyn_cast<attn::LoadOp>(op);
        load && isa<attn::MapOp>(parent) && isa<attn::MatrixType>(parent->getResult(0).getType()) &&
        readsPairs(load, parent))
      ++shape.pairReads;
    if (isa<attn::TakeOp>(op) && isa<attn::MatrixType>(op->getResult(0).getType()))
      ++shape.pairReads;
    if (isa<attn::MapOp, attn::WhereOp>(op) && isa<attn::MatrixType>(op->getResult(0).getType()))
      for (Value operand : op->getOperands())
        if (auto cols = dyn_cast<attn::ColsType>(operand.getType());
            cols && !isa<VectorType>(cols.getElementType()))
          (isa<attn::MapOp>(op) ? ofMaps : ofMasks).insert(operand);
  });
  for (Value number : ofMasks)
    shape.comparedTwice += ofMaps.contains(number);
  shape.keyNumbers = int64_t(ofMaps.size() + ofMasks.size()) - shape.comparedTwice;
}

/// See KernelShape::hasScatteredKeys.
static bool scattersKeys(attn::WhereOp where) {
  bool readsKeys = llvm::any_of(where->getOperandTypes(), [](Type type) {
    return isa<attn::ColsType>(type) && !isa<FloatType>(getElementTypeOrSelf(type));
  });
  return readsKeys || where
                          .walk([](Operation *op) {
                            bool scatters =
                                isa<arith::OrIOp, affine::AffineDelinearizeIndexOp>(op) ||
                                countDivisions(op) > 0;
                            return scatters ? WalkResult::interrupt() : WalkResult::advance();
                          })
                          .wasInterrupted();
}

/// Grids of the axes that all matrices lie on; of none, if they lie on different ones.
static void findGrids(attn::KernelOp kernel, KernelShape &shape) {
  StringAttr rows, cols;
  bool isOne = true;
  kernel.walk([&](Operation *op) {
    for (Value value : op->getResults())
      if (auto matrix = dyn_cast<attn::MatrixType>(value.getType())) {
        isOne &= (!rows || rows == matrix.getRowAxis()) && (!cols || cols == matrix.getColAxis());
        rows = matrix.getRowAxis();
        cols = matrix.getColAxis();
      }
  });
  for (Type type : kernel.getResultTypes())
    isOne &= isa<attn::RowsType>(type) && cast<attn::RowsType>(type).getAxis() == rows;
  if (!isOne)
    return;
  for (auto axis : kernel.getBody().getOps<attn::AxisOp>()) {
    if (axis.getAxisAttr() == rows && !axis.getGrid().empty())
      shape.queryGrid = axis.getGrid().size();
    if (axis.getAxisAttr() == cols && !axis.getGrid().empty())
      shape.keyGrid = axis.getGrid().size();
  }
}

/// The operands that a sweep reads vectors of, of queries and of keys, and its matrices.
static void collectOperands(const SweepPlan &plan, const Sweep &sweep,
                            llvm::SmallSetVector<Value, 4> &rows,
                            llvm::SmallSetVector<Value, 4> &cols, KernelShape &shape) {
  llvm::SmallSetVector<const Node *, 16> nodes;
  for (unsigned frame : sweep.frames)
    collectNodes(plan.frames[frame].exponent, nodes);
  for (unsigned id : sweep.accumulators) {
    const Accumulator &carried = plan.accumulators[id];
    collectNodes(carried.coefficient, nodes);
    if (carried.values)
      cols.insert(carried.values);
    // The marks of what is listed, and its elements.
    if (carried.listed)
      shape.matrices = std::max<int64_t>(shape.matrices, carried.coefficient ? 2 : 1);
  }
  // A mask that compares products has them beside the scores.
  for (const Domain &domain : domainsOf(plan, sweep))
    for (const Node *condition : domain)
      collectNodes(condition, nodes);
  int64_t products = 0, running = 0;
  for (ArrayRef<const Node *> scan : sweep.scans) {
    collectNodes(scan.front(), nodes);
    running += countStates(scan.front());
  }
  for (const Node *node : nodes) {
    shape.rowValues += node->kind == NodeKind::RowRef;
    if (node->kind == NodeKind::Dot) {
      auto dot = node->source.getDefiningOp<attn::DotOp>();
      rows.insert(dot.getRows());
      cols.insert(dot.getCols());
      ++products;
    }
  }
  int64_t sums = llvm::count_if(sweep.accumulators,
                                [&](unsigned id) { return !plan.accumulators[id].values; });
  shape.sums = std::max(shape.sums, sums + running);
  shape.running = std::max(shape.running, running);
  shape.matrices =
      std::max({shape.matrices, products + running, int64_t(sweep.frames.size()) + running});
}

KernelShape attune::getKernelShape(const SweepPlan &plan, attn::KernelOp kernel) {
  KernelShape shape;
  llvm::SmallSetVector<Value, 4> rows;
  // Sweeps share the memory of their keys: the one with the longest vectors counts.
  for (const Sweep &sweep : plan.sweeps) {
    llvm::SmallSetVector<Value, 4> cols;
    collectOperands(plan, sweep, rows, cols, shape);
    SmallVector<int64_t> widths;
    for (Value value : cols)
      widths.push_back(widthOf(value.getType()));
    if (llvm::sum_of(widths) > llvm::sum_of(shape.keyWidths))
      shape.keyWidths = std::move(widths);
    for (Value value : cols) {
      Type element = getElementTypeOrSelf(cast<attn::ColsType>(value.getType()).getElementType());
      shape.elementBits = element.getIntOrFloatBitWidth();
      shape.isFloat16 = element.isF16() || element.isBF16();
    }
  }
  for (const Accumulator &accumulator : plan.accumulators)
    if (accumulator.values && accumulator.continues < 0)
      shape.accumulatorWidths.push_back(widthOf(accumulator.values.getType()));
  for (Value value : rows)
    shape.queryWidths.push_back(widthOf(value.getType()));
  shape.pairOps = countPairOps(kernel);
  countReads(kernel, shape);
  kernel.walk([&](attn::WhereOp where) { shape.hasScatteredKeys |= scattersKeys(where); });
  findGrids(kernel, shape);
  // Boxes do not have the keys in order.
  if (llvm::any_of(plan.sweeps, [](const Sweep &sweep) { return !sweep.scans.empty(); }))
    shape.keyGrid = 0;
  shape.packingObstacle = findPackingObstacle(plan);
  return shape;
}

int64_t attune::getSharedBytes(ConfigAttr config, const Target &target, const KernelShape &shape) {
  if (target.isHost())
    return 0;
  int64_t elements = config.getQueries() * llvm::sum_of(shape.queryWidths) +
                     config.getStages() * config.getKeys() * llvm::sum_of(shape.keyWidths);
  return elements * shape.elementBits / 8;
}
