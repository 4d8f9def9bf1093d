// SPDX-License-Identifier: Apache-2.0
// attn-store-matrices: how is a matrix used that no sweep computes?
//
//   %n = stencil %m queries [-1, 0] : !s     %t = map (%x = %n) .. -> !s     %p = softmax of %t
// becomes, for a causal %m,
//   %a = take %m .. { yield %j }   %b = where %a .. causal   %n = stencil %b ..   %t = map (%x = %n) .. -> !s
//   %c = take %t .. { yield %j }   %d = where %c .. causal   %p = softmax of %d
// What `take` reads is stored, pair by pair, with 0 at hidden pairs; who reads it hides them again: by the
// conditions themselves, which are then the sweep's mask, or by a second matrix of ones.
#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

namespace attune {
#define GEN_PASS_DEF_STOREMATRICESPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class StoreMatrices : public attune::impl::StoreMatricesPassBase<StoreMatrices> {
public:
  void runOnOperation() override;
};

/// Where pairs of a value are hidden: by these, and by more than these?
struct Hiding {
  llvm::SetVector<Operation *> wheres;
  bool hasGroups = false;
};

} // namespace

static bool isMatrix(Value value) { return isa<attn::MatrixType>(value.getType()); }
static bool isOfVectors(Value value) {
  return attn::isVirtual(value.getType()) &&
         isa<VectorType>(attn::getPlaceElementType(value.getType()));
}

/// Is the matrix `op` makes computed pair by pair?
static bool isPlaced(Operation *op) {
  if (op->getNumResults() != 1 || !isMatrix(op->getResult(0)))
    return false;
  return isa<attn::ReduceOp, attn::StencilOp, attn::ContractOp>(op) ||
         (isa<attn::MapOp>(op) && llvm::any_of(op->getOperands(), isOfVectors));
}

/// Does a pair take a product, or values of other pairs?
static bool isCostly(Value matrix) {
  Operation *op = matrix.getDefiningOp();
  if (!op || isa<attn::TakeOp>(op))
    return false;
  return isa<attn::DotOp>(op) || isPlaced(op) || llvm::any_of(op->getOperands(), isCostly);
}

static void findHiding(Value value, Hiding &hiding) {
  Operation *op = value.getDefiningOp();
  if (!op || !isMatrix(value) || isa<attn::ContractOp>(op))
    return;
  auto reduce = dyn_cast<attn::ReduceOp>(op);
  auto stencil = dyn_cast<attn::StencilOp>(op);
  if (reduce || (stencil && stencil.getHeads())) {
    Hiding inner;
    findHiding(op->getOperand(0), inner);
    hiding.hasGroups |=
        inner.hasGroups || !inner.wheres.empty() || (reduce && reduce.getInto().has_value());
    return;
  }
  auto take = dyn_cast<attn::TakeOp>(op);
  for (Value operand : take ? ValueRange(take.getInputs()) : ValueRange(op->getOperands()))
    findHiding(operand, hiding);
  if (isa<attn::WhereOp>(op))
    hiding.wheres.insert(op);
}

/// Reads a stored matrix at the places of a matrix on the axes of `like`.
static Value createRead(OpBuilder &builder, Value matrix, Type like) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = matrix.getLoc();
  auto axes = attn::getAxes(like);
  Type type = attn::MatrixType::get(builder.getContext(),
                                    attn::getPlaceElementType(matrix.getType()), axes[0], axes[1]);
  auto take = attn::TakeOp::create(builder, loc, type, matrix, ValueRange());
  Block *block = builder.createBlock(&take.getBody());
  for (int number = 0; number < 4; ++number)
    block->addArgument(builder.getIndexType(), loc);
  Value key = block->getArgument(3);
  int64_t ratio =
      attn::getAxisBlock(attn::getAxes(matrix.getType()).back()) / attn::getAxisBlock(axes[1]);
  if (ratio > 1)
    key = arith::FloorDivSIOp::create(builder, loc, key,
                                      arith::ConstantIndexOp::create(builder, loc, ratio));
  attn::YieldOp::create(builder, loc, key);
  return take.getResult();
}

/// `value`, visible only where the condition of `where` holds too.
static Value createWhere(OpBuilder &builder, Value value, attn::WhereOp where) {
  OpBuilder::InsertionGuard guard(builder);
  Block &from = where.getBody().front();
  SmallVector<Value> inputs = {value};
  for (auto [input, argument] : llvm::zip(where.getInputs(), from.getArguments()))
    if (!argument.use_empty())
      inputs.push_back(input);
  auto copy = attn::WhereOp::create(builder, where.getLoc(), value.getType(), inputs);
  Block *block = builder.createBlock(&copy.getBody());
  IRMapping mapping;
  block->addArgument(attn::getPlaceElementType(value.getType()), where.getLoc());
  size_t numInputs = where.getInputs().size();
  for (auto [number, argument] : llvm::enumerate(from.getArguments()))
    if (number >= numInputs || !argument.use_empty())
      mapping.map(argument, block->addArgument(argument.getType(), argument.getLoc()));
  for (Operation &op : from)
    builder.clone(op, mapping);
  return copy.getResult();
}

/// `value`, visible only where the number at the pair of `shows` is above 0.
static Value createWhere(OpBuilder &builder, Value value, Value shows) {
  Location loc = value.getLoc();
  SmallVector<Value> inputs = {value, shows};
  auto where = attn::WhereOp::create(builder, loc, value.getType(), inputs);
  createPlaceRegion(builder, loc, where.getBody(), {}, inputs, value.getType(),
                    [&](OpBuilder &inner, ValueRange x) -> Value {
                      Value zero = arith::ConstantOp::create(inner, loc, inner.getF32FloatAttr(0));
                      return arith::CmpFOp::create(inner, loc, arith::CmpFPredicate::OGT, x[1],
                                                   zero);
                    });
  return where.getResult();
}

/// `matrix` read from memory on the axes of `like`, with its hidden pairs.
static Value createStored(Value matrix, Type like) {
  OpBuilder builder(matrix.getContext());
  builder.setInsertionPointAfterValue(matrix);
  Value read = createRead(builder, matrix, like);
  Hiding hiding;
  findHiding(matrix, hiding);
  bool isSame = attn::getAxes(matrix.getType()) == attn::getAxes(like);
  if (isSame && !hiding.hasGroups) {
    for (Operation *where : hiding.wheres)
      read = createWhere(builder, read, cast<attn::WhereOp>(where));
    return read;
  }
  if (hiding.wheres.empty() && !hiding.hasGroups)
    return read;
  auto axes = attn::getAxes(matrix.getType());
  Type type = attn::MatrixType::get(builder.getContext(), builder.getF32Type(), axes[0], axes[1]);
  Value ones =
      createMap(builder, matrix.getLoc(), type, matrix, [&](OpBuilder &inner, ValueRange) -> Value {
        return arith::ConstantOp::create(inner, matrix.getLoc(), inner.getF32FloatAttr(1));
      });
  return createWhere(builder, read, createRead(builder, ones, like));
}

/// All uses but results, and vectors of entries, which are what memory holds, read `matrix` from memory.
static void readFromMemory(Value matrix) {
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : matrix.getUses())
    if (!isa<attn::ReturnOp, attn::EntriesOp>(use.getOwner()))
      uses.push_back(&use);
  llvm::MapVector<Type, Value> stored;
  for (OpOperand *use : uses) {
    auto take = dyn_cast<attn::TakeOp>(use->getOwner());
    if (take && take.getSource() == matrix)
      continue;
    // Maps and masks may read blocks; other ops are on the axes of what they read.
    Operation *user = use->getOwner();
    Type like = isa<attn::MapOp, attn::WhereOp, attn::TakeOp>(user) ? user->getResult(0).getType()
                                                                    : matrix.getType();
    auto axes = attn::getAxes(like);
    Type key = attn::MatrixType::get(matrix.getContext(), Builder(matrix.getContext()).getF32Type(),
                                     axes[0], axes[1]);
    Value &value = stored[key];
    if (!value)
      value = createStored(matrix, key);
    use->set(value);
  }
}

/// A condition on vectors becomes a matrix of conditions.
static void splitCondition(attn::WhereOp where) {
  OpBuilder builder(where);
  Location loc = where.getLoc();
  auto axes = attn::getAxes(where.getType());
  Type type = attn::MatrixType::get(builder.getContext(), builder.getI1Type(), axes[0], axes[1]);
  auto map = attn::MapOp::create(builder, loc, type, where.getInputs());
  map.getBody().takeBody(where.getBody());
  SmallVector<Value> inputs = {where.getInputs().front(), map.getResult()};
  auto plain = attn::WhereOp::create(builder, loc, where.getType(), inputs);
  createPlaceRegion(builder, loc, plain.getBody(), {}, inputs, where.getType(),
                    [](OpBuilder &, ValueRange x) { return x[1]; });
  where.replaceAllUsesWith(plain.getResult());
  where.erase();
}

/// Vectors of neighbours are used where they are made.
static LogicalResult checkStencil(attn::StencilOp stencil) {
  for (Operation *user : stencil->getUsers())
    if (!isa<attn::MapOp, attn::WhereOp>(user))
      return stencil.emitOpError("is used by '")
             << user->getName() << "', which does not read vectors of neighbours yet; expected a "
             << "map of its values to numbers, or to tokens of one rank";
  if (llvm::any_of(stencil->getUsers(), [&](Operation *user) {
        return isa<attn::WhereOp>(user) && user->getOperand(0) == stencil.getResult();
      }))
    return stencil.emitOpError("is hidden by 'attn.where', which is not supported yet; expected "
                               "its operand to be");
  return success();
}

/// Columns are read of the row alone.
static bool takesFromMatrix(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !isMatrix(value))
    return false;
  auto take = dyn_cast<attn::TakeOp>(op);
  return (take && isMatrix(take.getSource())) || llvm::any_of(op->getOperands(), takesFromMatrix);
}

static LogicalResult checkExchanged(Operation *op) {
  auto reduce = dyn_cast<attn::ReduceOp>(op);
  bool isColumn = reduce && reduce.isWhole() && reduce.getOver() == attn::ReduceOver::Queries;
  if (!(isColumn || isa<attn::TransposeOp>(op)) || !takesFromMatrix(op->getOperand(0)))
    return success();
  return op->emitOpError(isColumn ? "over queries" : "")
         << (isColumn ? " " : "")
         << "is of a matrix that is read from memory, by the row, which is not supported yet; "
            "expected a matrix of products, maps and masks";
}

/// Does an operand of `op`, a map or mask of pairs, stand for blocks of its tokens?
static bool isOfBlocks(Operation *op, Value operand) {
  auto axes = attn::getAxes(op->getResult(0).getType());
  return llvm::any_of(attn::getAxes(operand.getType()),
                      [&](StringAttr axis) { return !llvm::is_contained(axes, axis); });
}

/// Sweeps read numbers of blocks by `take`, from memory.
static void readBlocks(Operation *op) {
  for (OpOperand &operand : op->getOpOperands()) {
    Value value = operand.get();
    if (!attn::isVirtual(value.getType()) || isOfVectors(value) || !isOfBlocks(op, value))
      continue;
    if (isMatrix(value)) {
      operand.set(createStored(value, op->getResult(0).getType()));
    } else if (isa<attn::ColsType>(value.getType())) {
      OpBuilder builder(op);
      operand.set(createRead(builder, value, op->getResult(0).getType()));
    }
  }
}

void StoreMatrices::runOnOperation() {
  Block &block = getOperation().getBody().front();
  for (auto where : llvm::make_early_inc_range(block.getOps<attn::WhereOp>()))
    if (llvm::any_of(where.getInputs(), isOfVectors) && !isOfVectors(where.getInputs().front()))
      splitCondition(where);
  SmallVector<Operation *> placed;
  for (Operation &op : block) {
    if (auto stencil = dyn_cast<attn::StencilOp>(op); stencil && failed(checkStencil(stencil)))
      return signalPassFailure();
    if (isPlaced(&op))
      placed.push_back(&op);
  }
  for (Operation *op : placed) {
    // What is read more than once is made once.
    if (isa<attn::StencilOp, attn::ContractOp>(op))
      for (OpOperand &operand : op->getOpOperands())
        if (isCostly(operand.get()))
          operand.set(createStored(operand.get(), operand.get().getType()));
    if (!isOfVectors(op->getResult(0)))
      readFromMemory(op->getResult(0));
  }
  for (Operation &op : llvm::make_early_inc_range(block))
    if (isa<attn::MapOp, attn::WhereOp>(op) && isMatrix(op.getResult(0)) && !isPlaced(&op))
      readBlocks(&op);
  for (Operation &op : block)
    if (failed(checkExchanged(&op)))
      return signalPassFailure();
  eraseDeadOps(block);
}
