// SPDX-License-Identifier: Apache-2.0
// Which ops of the language are constants or other values, and which programs are the same?
//
// An operand of a map or where that its region does not use is not dropped: it may lend the result
// its heads, its batch or, a matrix, its visible pairs.
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attune::attn;

Operation *AttnDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                            Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

//===--- map, where ---===//

static Value getYielded(Region &body) {
  return cast<YieldOp>(body.front().getTerminator()).getValues().front();
}

/// A value that is bound twice is bound once. The operands from `firstBound` on are bound.
static LogicalResult mergeEqualOperands(Operation *op, Block &body, PatternRewriter &rewriter,
                                        unsigned firstBound = 0) {
  llvm::SmallDenseMap<Value, unsigned> first;
  for (auto [number, value] : llvm::enumerate(op->getOperands().drop_front(firstBound))) {
    auto [position, isNew] = first.try_emplace(value, number);
    if (isNew)
      continue;
    BlockArgument element = body.getArgument(number);
    rewriter.replaceAllUsesWith(element, body.getArgument(position->second));
    rewriter.modifyOpInPlace(op, [&] {
      op->eraseOperand(firstBound + number);
      body.eraseArgument(number);
    });
    return success();
  }
  return failure();
}

LogicalResult MapOp::canonicalize(MapOp map, PatternRewriter &rewriter) {
  Block &body = map.getBody().front();
  // The identity of one value.
  if (map.getInputs().size() == 1 && map.getInputs().front().getType() == map.getType() &&
      getYielded(map.getBody()) == body.getArgument(0)) {
    rewriter.replaceOp(map, map.getInputs().front());
    return success();
  }
  return mergeEqualOperands(map, body, rewriter);
}

LogicalResult WhereOp::canonicalize(WhereOp where, PatternRewriter &rewriter) {
  // Nothing is hidden.
  if (where.getInputs().size() == 1 && matchPattern(getYielded(where.getBody()), m_One())) {
    rewriter.replaceOp(where, where.getInputs().front());
    return success();
  }
  return mergeEqualOperands(where, where.getBody().front(), rewriter);
}

//===--- reduce, take, transpose ---===//

LogicalResult ReduceOp::canonicalize(ReduceOp reduce, PatternRewriter &rewriter) {
  // Blocks of one token are the tokens; of each hidden pair the block is hidden.
  if (reduce.getBy() && *reduce.getBy() == 1 && reduce.getType() == reduce.getInput().getType()) {
    rewriter.replaceOp(reduce, reduce.getInput());
    return success();
  }
  if (reduce.getBody().empty())
    return failure();
  return mergeEqualOperands(reduce, reduce.getBody().front(), rewriter);
}

LogicalResult TakeOp::canonicalize(TakeOp take, PatternRewriter &rewriter) {
  return mergeEqualOperands(take, take.getBody().front(), rewriter, /*firstBound=*/1);
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<TransposeOp>();
  return inner ? inner.getInput() : Value();
}

//===--- dot, assume, size ---===//

/// A product of segments is the segments' products.
static LogicalResult splitDot(DotOp dot, PatternRewriter &rewriter) {
  auto concat = dot.getCols().getDefiningOp<ConcatOp>();
  if (!concat)
    return failure();
  SmallVector<Value> products;
  for (Value segment : concat.getSegments())
    products.push_back(
        DotOp::create(rewriter, dot.getLoc(), dot.getRows(), segment, dot.getScaleAttr()));
  rewriter.replaceOpWithNewOp<ConcatOp>(dot, products);
  return success();
}

/// Segments of segments are segments.
LogicalResult ConcatOp::canonicalize(ConcatOp concat, PatternRewriter &rewriter) {
  SmallVector<Value> segments;
  for (Value segment : concat.getSegments())
    if (auto inner = segment.getDefiningOp<ConcatOp>())
      llvm::append_range(segments, inner.getSegments());
    else
      segments.push_back(segment);
  if (segments.size() == concat.getSegments().size())
    return failure();
  rewriter.replaceOpWithNewOp<ConcatOp>(concat, segments);
  return success();
}

LogicalResult DotOp::canonicalize(DotOp dot, PatternRewriter &rewriter) {
  if (succeeded(splitDot(dot, rewriter)))
    return success();
  FloatAttr scale = dot.getScaleAttr();
  if (!scale || !scale.getValue().isExactlyValue(1.0))
    return failure();
  rewriter.modifyOpInPlace(dot, [&] { dot.removeScaleAttr(); });
  return success();
}

LogicalResult AssumeOp::canonicalize(AssumeOp assume, PatternRewriter &rewriter) {
  if (!matchPattern(assume.getCondition(), m_One()))
    return failure();
  rewriter.eraseOp(assume);
  return success();
}

/// The declaration of an axis in a kernel, if there is one.
static AxisOp findAxis(KernelOp kernel, StringRef axis) {
  for (auto op : kernel.getBody().getOps<AxisOp>())
    if (op.getAxis() == axis)
      return op;
  return {};
}

/// The axis at the end of the chain of `like`s that begins at `axis`; none if the chain is a cycle.
static AxisOp findLikeRoot(KernelOp kernel, AxisOp axis) {
  llvm::StringSet<> visited;
  while (axis && axis.getLike()) {
    if (!visited.insert(axis.getAxis()).second)
      return {};
    AxisOp next = findAxis(kernel, *axis.getLike());
    if (!next || !next.getLike())
      return axis;
    axis = next;
  }
  return {};
}

LogicalResult SizeOp::canonicalize(SizeOp size, PatternRewriter &rewriter) {
  auto kernel = size->getParentOfType<KernelOp>();
  AxisOp axis = kernel ? findAxis(kernel, size.getAxis()) : AxisOp();
  if (!axis)
    return failure();
  // Axes of one length are read by one name. A length that an axis op gives as a scalar is not
  // replaced by it: that it is the length says more than its value.
  AxisOp last = findLikeRoot(kernel, axis);
  if (!last)
    return failure();
  rewriter.modifyOpInPlace(size, [&] { size.setAxisAttr(last.getLikeAttr()); });
  return success();
}

//===--- holds ---===//

static SmallVector<AffineExpr> bindConstants(ArrayRef<Attribute> values, bool isDims,
                                             MLIRContext *context) {
  SmallVector<AffineExpr> bound;
  for (auto [position, value] : llvm::enumerate(values)) {
    if (auto constant = dyn_cast_or_null<IntegerAttr>(value))
      bound.push_back(getAffineConstantExpr(constant.getInt(), context));
    else
      bound.push_back(isDims ? getAffineDimExpr(position, context)
                             : getAffineSymbolExpr(position, context));
  }
  return bound;
}

/// A constraint that is known to fail decides the whole; those known to hold are left out.
OpFoldResult HoldsOp::fold(FoldAdaptor adaptor) {
  IntegerSet set = getSet();
  SmallVector<AffineExpr> dims = bindConstants(adaptor.getDims(), true, getContext());
  SmallVector<AffineExpr> symbols = bindConstants(adaptor.getSymbols(), false, getContext());
  SmallVector<AffineExpr> open;
  SmallVector<bool> isEq;
  for (unsigned i = 0; i < set.getNumConstraints(); ++i) {
    AffineExpr known = simplifyAffineExpr(set.getConstraint(i).replaceDimsAndSymbols(dims, symbols),
                                          set.getNumDims(), set.getNumSymbols());
    if (auto constant = dyn_cast<AffineConstantExpr>(known)) {
      if (set.isEq(i) ? constant.getValue() != 0 : constant.getValue() < 0)
        return BoolAttr::get(getContext(), false);
      continue;
    }
    open.push_back(set.getConstraint(i));
    isEq.push_back(set.isEq(i));
  }
  if (open.empty())
    return BoolAttr::get(getContext(), true);
  if (open.size() == set.getNumConstraints())
    return {};
  setSetAttr(
      IntegerSetAttr::get(IntegerSet::get(set.getNumDims(), set.getNumSymbols(), open, isEq)));
  return getResult();
}
