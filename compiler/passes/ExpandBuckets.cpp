// SPDX-License-Identifier: Apache-2.0
// attn-expand-buckets: how are the pairs of a row summed into the buckets of a small axis?
//
//   %w = reduce sum %p over keys into rel at (%b, %h, %i, %j) : !s { yield bucket(%i, %j) }
// becomes, for an axis of constant length,
//   %w0 = reduce sum (map %p { bucket == 0 ? %p : 0 }) over keys, and so on
//   %all = map (%w0, ..) at (%b, %h, %i, %c) -> matrix<f32, q, rel> { the one of bucket %c }
//   %w = take %all at (%b, %h, %i, %c) { yield %c }
// Sums are stored, some in each kernel, and so is the matrix of all: what reads it is a sweep over buckets.
#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

namespace attune {
#define GEN_PASS_DEF_EXPANDBUCKETSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class ExpandBuckets : public attune::impl::ExpandBucketsPassBase<ExpandBuckets> {
public:
  void runOnOperation() override;
};

constexpr int64_t mostBuckets = 64;

} // namespace

/// The constant that the axis has as its length; 0: there is none.
static int64_t lengthOf(attn::KernelOp kernel, StringRef axis) {
  APInt length;
  for (auto op : kernel.getBody().getOps<attn::AxisOp>())
    if (op.getAxis() == axis && op.getSize() && matchPattern(op.getSize(), m_ConstantInt(&length)))
      return length.getSExtValue();
  return 0;
}

/// What the row's pairs of one bucket sum to.
static Value createSum(OpBuilder &builder, attn::ReduceOp reduce, int64_t bucket) {
  Location loc = reduce.getLoc();
  auto map = attn::MapOp::create(builder, loc, reduce.getInput().getType(), reduce.getInputs());
  IRMapping mapping;
  reduce.getBody().cloneInto(&map.getBody(), mapping);
  Block &block = map.getBody().front();
  Operation *yield = block.getTerminator();
  OpBuilder inner(yield);
  Value own = arith::ConstantIndexOp::create(inner, loc, bucket);
  Value isOwn =
      arith::CmpIOp::create(inner, loc, arith::CmpIPredicate::eq, yield->getOperand(0), own);
  Value zero = arith::ConstantOp::create(inner, loc, inner.getF32FloatAttr(0));
  yield->setOperands(
      arith::SelectOp::create(inner, loc, isOwn, block.getArgument(0), zero).getResult());
  auto sum = attn::ReduceOp::create(builder, loc, attn::ReduceKind::Sum, map.getResult(),
                                    attn::ReduceOver::Keys);
  sum->setAttr("attn.store", builder.getUnitAttr());
  return sum.getResult();
}

static Value createAll(OpBuilder &builder, attn::ReduceOp reduce, ArrayRef<Value> sums) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = reduce.getLoc();
  Type type = reduce.getResult().getType();
  auto map = attn::MapOp::create(builder, loc, type, sums);
  Block *block = builder.createBlock(&map.getBody());
  for (Value sum : sums)
    block->addArgument(attn::getPlaceElementType(sum.getType()), loc);
  for (int index = 0; index < 4; ++index)
    block->addArgument(builder.getIndexType(), loc);
  Value chosen = block->getArgument(0);
  for (size_t bucket = 1; bucket < sums.size(); ++bucket) {
    Value own = arith::ConstantIndexOp::create(builder, loc, int64_t(bucket));
    Value isOwn = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                        block->getArguments().back(), own);
    chosen = arith::SelectOp::create(builder, loc, isOwn, block->getArgument(bucket), chosen);
  }
  attn::YieldOp::create(builder, loc, chosen);
  builder.setInsertionPointAfter(map);
  auto take = attn::TakeOp::create(builder, loc, type, map.getResult(), ValueRange());
  block = builder.createBlock(&take.getBody());
  for (int index = 0; index < 4; ++index)
    block->addArgument(builder.getIndexType(), loc);
  attn::YieldOp::create(builder, loc, block->getArguments().back());
  return take.getResult();
}

void ExpandBuckets::runOnOperation() {
  for (auto reduce :
       llvm::make_early_inc_range(getOperation().getBody().getOps<attn::ReduceOp>())) {
    auto pairs = dyn_cast<attn::MatrixType>(reduce.getInput().getType());
    if (!reduce.getInto() || !pairs || !pairs.getElementType().isF32() ||
        reduce.getKind() != attn::ReduceKind::Sum || reduce.getOver() != attn::ReduceOver::Keys)
      continue;
    int64_t buckets = lengthOf(getOperation(), *reduce.getInto());
    if (buckets < 1 || buckets > mostBuckets)
      continue; // refused by the planner of sweeps
    OpBuilder builder(reduce);
    SmallVector<Value> sums;
    for (int64_t bucket = 0; bucket < buckets; ++bucket)
      sums.push_back(createSum(builder, reduce, bucket));
    reduce.replaceAllUsesWith(createAll(builder, reduce, sums));
    reduce.erase();
  }
}
