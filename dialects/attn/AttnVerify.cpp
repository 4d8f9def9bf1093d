// SPDX-License-Identifier: Apache-2.0
// What must hold of each op below a kernel? The checks carry the labels C1..Cn of AttnOps.td.
#include "dialects/attn/AttnVerify.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attune::attn;

//===--- What regions may contain ---===//

static bool isVectorOpOfRegions(Operation *op) {
  return isa<vector::BroadcastOp, vector::StepOp, vector::ExtractOp, vector::ExtractStridedSliceOp,
             vector::InsertStridedSliceOp, vector::ShuffleOp, vector::InterleaveOp,
             vector::DeinterleaveOp, vector::ShapeCastOp, vector::ReductionOp>(op);
}

bool attune::attn::isAllowedInRegion(Operation *op) {
  if (isa<LoadOp, SizeOp, HoldsOp, ContainsOp, RotateOp, YieldOp>(op))
    return true;
  if (isa<arith::DivSIOp, arith::RemSIOp>(op) ||
      !llvm::all_of(op->getResultTypes(), isPlaceElement))
    return false;
  return isa<func::CallOp, affine::AffineApplyOp, affine::AffineMinOp, affine::AffineMaxOp,
             affine::AffineDelinearizeIndexOp, affine::AffineLinearizeIndexOp>(op) ||
         isVectorOpOfRegions(op) ||
         isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect());
}

std::string attune::attn::describeRefusal(Operation *op) {
  if (isa<arith::DivSIOp>(op))
    return "truncates towards zero; use arith.floordivsi or arith.ceildivsi";
  if (isa<arith::RemSIOp>(op))
    return "truncates towards zero; use affine.apply with mod, or subtract the multiple of "
           "arith.floordivsi";
  if (isa_and_nonnull<AttnDialect>(op->getDialect()))
    return "stands in the body of a kernel; a region computes the value of one place";
  if (op->getNumRegions() != 0)
    return "is control flow, which a region may not contain; use arith.select";
  for (Type type : op->getResultTypes())
    if (!isPlaceElement(type)) {
      std::string text;
      llvm::raw_string_ostream(text)
          << "gives '" << type << "' where a region computes scalars and vectors of static shape";
      return text;
    }
  return "is not one of the ops a region may contain: arith, math, func.call of a helper, "
         "affine.{apply,min,max,delinearize_index,linearize_index}, "
         "vector.{broadcast,step,extract,extract_strided_slice,insert_strided_slice,shuffle,"
         "interleave,deinterleave,shape_cast,reduction}, attn.{load,size,holds,contains,rotate}";
}

//===--- Places ---===//

static LogicalResult verifyReadableOn(Operation *op, unsigned number, StringAttr from,
                                      StringAttr at) {
  if (isReadable(from, at))
    return success();
  return op->emitOpError() << "expected operand #" << number << " to be readable on axis '"
                           << at.getValue() << "', but it stands on axis '" << from.getValue()
                           << "'";
}

LogicalResult attune::attn::verifyReadable(Operation *op, ValueRange inputs, Type place) {
  auto matrix = dyn_cast<MatrixType>(place);
  for (auto [number, type] : llvm::enumerate(inputs.getTypes())) {
    SmallVector<StringAttr, 2> from = getAxes(type), at = getAxes(place);
    if (matrix && !isa<MatrixType>(type))
      at = {isa<RowsType>(type) ? matrix.getRowAxis() : matrix.getColAxis()};
    else if (type.getTypeID() != place.getTypeID())
      return op->emitOpError() << "expected operand #" << number << " to be readable at a token of "
                               << place << ", but got " << type;
    for (auto [fromAxis, atAxis] : llvm::zip_equal(from, at))
      if (failed(verifyReadableOn(op, number, fromAxis, atAxis)))
        return failure();
  }
  return success();
}

LogicalResult attune::attn::verifyArguments(Operation *op, ValueRange inputs, Type place,
                                            Block &block, TypeRange leading) {
  SmallVector<Type> expected(leading);
  llvm::append_range(expected, llvm::map_range(inputs.getTypes(), getPlaceElementType));
  expected.append(getNumPlaceIndices(place), IndexType::get(op->getContext()));
  if (TypeRange(expected) == block.getArgumentTypes())
    return success();
  return op->emitOpError() << "expected the region to take "
                           << (leading.empty() ? "" : "the threshold, then ")
                           << "one element an operand and then the indices, (" << expected
                           << "), but it takes (" << block.getArgumentTypes() << ")";
}

LogicalResult attune::attn::verifyYield(Operation *op, Type expected, Block &block) {
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (yield && yield.getValues().getTypes() == TypeRange(expected))
    return success();
  InFlightDiagnostic error = op->emitOpError() << "expected the region to yield " << expected;
  if (!yield)
    return error << ", but it ends with '" << block.getTerminator()->getName() << "'";
  return error << ", but it yields (" << yield.getValues().getTypes() << ")";
}

LogicalResult attune::attn::verifyContents(Block &block) {
  for (Operation &op : block) {
    for (Type type : op.getOperandTypes())
      if (isVirtual(type))
        return op.emitOpError() << "expected a region to use rows, cols and matrices as bound "
                                   "operands alone (%x = %value), but it captures a value of type "
                                << type;
    if (!isAllowedInRegion(&op))
      return op.emitOpError() << describeRefusal(&op);
  }
  return success();
}

LogicalResult MapOp::verify() {
  // C1
  return verifyReadable(*this, getInputs(), getType());
}

LogicalResult MapOp::verifyRegions() {
  Block &block = getBody().front();
  // C2
  if (failed(verifyArguments(*this, getInputs(), getType(), block)) ||
      failed(verifyYield(*this, getPlaceElementType(getType()), block)))
    return failure();
  // C3
  return verifyContents(block);
}

LogicalResult WhereOp::verify() {
  // C1
  if (getInputs().empty())
    return emitOpError("expected at least one operand, the matrix to hide pairs of");
  Type first = getInputs().front().getType();
  if (!isa<MatrixType>(first))
    return emitOpError("expected the first operand to be a matrix, but got ") << first;
  // C2
  if (getType() != first)
    return emitOpError("expected the result to have the type of the first operand, ")
           << first << ", but got " << getType();
  return verifyReadable(*this, getInputs(), getType());
}

LogicalResult WhereOp::verifyRegions() {
  Block &block = getBody().front();
  // C2
  if (failed(verifyArguments(*this, getInputs(), getType(), block)) ||
      failed(verifyYield(*this, IntegerType::get(getContext(), 1), block)))
    return failure();
  return verifyContents(block);
}

//===--- Values ---===//

LogicalResult DotOp::verify() {
  Type rows = cast<RowsType>(getRows().getType()).getElementType();
  Type cols = cast<ColsType>(getCols().getType()).getElementType();
  // C1
  auto vector = dyn_cast<VectorType>(rows);
  if (!vector || vector.getRank() != 1 || rows != cols)
    return emitOpError("expected the elements of rows and cols to be vectors of one type, but got ")
           << rows << " and " << cols;
  // C2
  Type scalar = vector.getElementType();
  if (!isa<FloatType>(scalar) && !scalar.isInteger(8))
    return emitOpError("expected vectors of floats or of i8, but got ") << rows;
  // C3
  if (getScale() && !isa<FloatType>(scalar))
    return emitOpError("expected no scale on a product of integers, but got ") << getScaleAttr();
  return success();
}

LogicalResult ConcatOp::verify() {
  // C1
  Type first = getSegments().empty() ? Type() : getSegments().front().getType();
  for (auto [number, type] : llvm::enumerate(getSegments().getTypes())) {
    auto matrix = dyn_cast<MatrixType>(type);
    bool same = type.getTypeID() == first.getTypeID() && !isa<RowsType>(type) &&
                getPlaceElementType(type) == getPlaceElementType(first) &&
                (!matrix || matrix.getRowAxis() == cast<MatrixType>(first).getRowAxis());
    if (!same)
      return emitOpError("expected matrices of one element and row axis, or cols of one element, "
                         "but segment #")
             << number << " is " << type << " and the first is " << first;
  }
  // C2
  if (getSegments().size() < 2)
    return emitOpError("expected two segments or more, but got ") << getSegments().size();
  llvm::StringSet<> seen;
  SmallVector<StringRef> axes;
  getAxes(getType()).back().getValue().split(axes, '+');
  for (StringRef axis : axes)
    if (!seen.insert(axis).second)
      return emitOpError("expected segments on axes that differ, but axis '")
             << axis << "' occurs twice";
  return success();
}

/// What a reduction may join of its first operand.
static LogicalResult verifyReducedAxis(ReduceOp reduce) {
  Type input = reduce.getInput().getType();
  ReduceOver over = reduce.getOver();
  // C4
  if (reduce.getBy() && reduce.getInto())
    return reduce.emitOpError("expected 'by' or 'into', but got both");
  if (reduce.getInto() && over == ReduceOver::Heads)
    return reduce.emitOpError(
               "expected to reduce heads to one or 'by' a number, but got 'into' axis "
               "'")
           << *reduce.getInto() << "'";
  // C2
  bool tokens =
      over == ReduceOver::Keys ? isa<ColsType>(input) : isa<RowsType>(input); // of that side
  if (over != ReduceOver::Heads && !isa<MatrixType>(input) && (!tokens || reduce.isWhole()))
    return reduce.emitOpError("expected a matrix to reduce over ")
           << stringifyReduceOver(over) << ", but got " << input
           << (tokens ? "; its tokens can be reduced 'by' a number or 'into' an axis" : "");
  // C3
  if (!reduce.getBy())
    return success();
  int64_t number = *reduce.getBy();
  if (number < 1)
    return reduce.emitOpError("expected to reduce by a positive number, but got ") << number;
  StringAttr axis = over == ReduceOver::Keys ? getAxes(input).back() : getAxes(input).front();
  if (over != ReduceOver::Heads && !getBlockedAxis(axis, number))
    return reduce.emitOpError("expected blocks of less than 2^31 tokens of one axis, but got ")
           << number << " tokens of axis '" << axis.getValue() << "'";
  return success();
}

LogicalResult ReduceOp::verify() {
  // C5
  if (getInputs().empty() || (getInputs().size() > 1 && !getInto()))
    return emitOpError("expected one operand")
           << (getInputs().empty() ? "" : " without 'into'") << ", but got " << getInputs().size();
  Type input = getInput().getType();
  Type scalar = getElementTypeOrSelf(getPlaceElementType(input));
  // C1
  if (getKind() == ReduceKind::Mean && !isa<FloatType>(scalar))
    return emitOpError("expected a mean of floats, but the element is ")
           << scalar << "; use sum and divide";
  if (failed(verifyReducedAxis(*this)))
    return failure();
  // C5
  if (getBody().empty() == getInto().has_value())
    return emitOpError(
               "expected a region with 'into' alone, which yields where on the axis a value "
               "belongs, but got ")
           << (getInto() ? "none" : "one without 'into'");
  return verifyReadable(*this, getInputs(), input);
}

LogicalResult ReduceOp::verifyRegions() {
  if (getBody().empty())
    return success();
  Block &block = getBody().front();
  // C5
  if (failed(verifyArguments(*this, getInputs(), getInput().getType(), block)) ||
      failed(verifyYield(*this, IndexType::get(getContext()), block)))
    return failure();
  return verifyContents(block);
}

LogicalResult TakeOp::verify() {
  Type source = getSource().getType();
  auto result = cast<MatrixType>(getType());
  // C1
  if (isa<RowsType>(source) || getPlaceElementType(source) != result.getElementType())
    return emitOpError("expected to take from a matrix or cols of ")
           << result.getElementType() << ", the element of the result, but got " << source;
  // C2
  if (auto matrix = dyn_cast<MatrixType>(source);
      matrix && !isReadable(matrix.getRowAxis(), result.getRowAxis()))
    return emitOpError("expected the row axis of ")
           << source << " to be readable on axis '" << result.getRowAxis().getValue()
           << "' of the result";
  // C3
  return verifyReadable(*this, getInputs(), result);
}

LogicalResult TakeOp::verifyRegions() {
  Block &block = getBody().front();
  // C3
  if (failed(verifyArguments(*this, getInputs(), getType(), block)) ||
      failed(verifyYield(*this, IndexType::get(getContext()), block)))
    return failure();
  return verifyContents(block);
}

/// A product of two matrices.
static LogicalResult verifyProduct(ContractOp op) {
  auto weights = cast<MatrixType>(op.getWeights().getType());
  auto values = cast<MatrixType>(op.getValues().getType());
  // C1
  if (weights.getColAxis() != values.getRowAxis())
    return op.emitOpError("expected weights and values to meet on one axis, but got '")
           << weights.getColAxis().getValue() << "' and '" << values.getRowAxis().getValue() << "'";
  // C2
  Type type = weights.getElementType();
  if (!type.isF32() && !type.isF64())
    return op.emitOpError("expected matrices of f32 or f64, but got ") << type;
  // C2, C3
  Type expected = MatrixType::get(op.getContext(), type, weights.getRowAxis(), values.getColAxis());
  if (values.getElementType() != type || op.getType() != expected)
    return op.emitOpError("expected values of ")
           << type << " and the result " << expected << ", but got " << values << " and "
           << op.getType();
  return success();
}

LogicalResult ContractOp::verify() {
  if (isProduct())
    return verifyProduct(*this);
  if (!isa<RowsType>(getType()))
    return emitOpError("expected rows of cols that are summed, but got ") << getType();
  auto weights = cast<MatrixType>(getWeights().getType());
  auto values = cast<ColsType>(getValues().getType());
  auto result = cast<RowsType>(getType());
  // C1
  if (weights.getColAxis() != values.getAxis())
    return emitOpError("expected weights and values to meet on one axis, but got '")
           << weights.getColAxis().getValue() << "' and '" << values.getAxis().getValue() << "'";
  // C2
  Type from = values.getElementType(), to = result.getElementType();
  if (!isa<FloatType>(getElementTypeOrSelf(from)) || !isa<FloatType>(getElementTypeOrSelf(to)))
    return emitOpError("expected values and result to have float elements, but got ")
           << from << " and " << to;
  auto fromVector = dyn_cast<VectorType>(from), toVector = dyn_cast<VectorType>(to);
  if ((fromVector ? fromVector.getShape() : ArrayRef<int64_t>()) !=
      (toVector ? toVector.getShape() : ArrayRef<int64_t>()))
    return emitOpError("expected values and result to have elements of one shape, but got ")
           << from << " and " << to;
  Type f32 = Float32Type::get(getContext());
  Type weight = getElementTypeOrSelf(from).isF64() ? getElementTypeOrSelf(from) : f32;
  if (weights.getElementType() != weight)
    return emitOpError("expected weights of ")
           << weight << " for values of " << from << ", but got " << weights.getElementType();
  // C3
  if (result.getAxis() != weights.getRowAxis())
    return emitOpError("expected the result to stand on the row axis of the weights, '")
           << weights.getRowAxis().getValue() << "', but got '" << result.getAxis().getValue()
           << "'";
  return success();
}

//===--- Inside regions ---===//

LogicalResult LoadOp::verify() {
  auto table = cast<RankedTensorType>(getTable().getType());
  size_t given = getIndices().size();
  // C1
  if (given > static_cast<size_t>(table.getRank()))
    return emitOpError("expected at most ")
           << table.getRank() << " indices of " << table << ", but got " << given;
  // C2
  ArrayRef<int64_t> trailing = table.getShape().drop_front(given);
  if (llvm::any_of(trailing, [](int64_t size) { return size < 1; }))
    return emitOpError("expected the dims of the table after the ")
           << given << " given indices to be static and positive, but got " << table;
  // C3
  Type scalar = table.getElementType();
  auto shaped = [&](Type type) -> Type {
    return trailing.empty() ? type : VectorType::get(trailing, type);
  };
  Type loaded = getResult().getType();
  bool asIndex = scalar.isSignlessInteger() && loaded == shaped(IndexType::get(getContext()));
  if (loaded != shaped(scalar) && !asIndex)
    return emitOpError("expected the result to be ")
           << shaped(scalar) << (scalar.isSignlessInteger() ? " or of index" : "") << ", but got "
           << loaded;
  return success();
}

LogicalResult HoldsOp::verify() {
  IntegerSet set = getSet();
  // C1
  if (set.getNumDims() == getDims().size() && set.getNumSymbols() == getSymbols().size())
    return success();
  return emitOpError("expected a value for each of the ")
         << set.getNumDims() << " dims and " << set.getNumSymbols()
         << " symbols of the set, but got " << getDims().size() << " and " << getSymbols().size();
}

LogicalResult ContainsOp::verify() {
  auto list = dyn_cast<VectorType>(getList().getType());
  // C1
  if (list && list.getRank() == 1 && !list.isScalable() && list.getElementType().isInteger(32))
    return success();
  return emitOpError("expected the list to be a vector of i32 with one dim, but got ")
         << getList().getType();
}

LogicalResult RotateOp::verify() {
  VectorType angle = getAngleType(getVector().getType());
  // C1
  if (!angle)
    return emitOpError("expected a vector of floats with one dim of even size, but got ")
           << getVector().getType();
  // C2
  if (getAngle().getType() != angle)
    return emitOpError("expected an angle for each pair, ")
           << angle << ", but got " << getAngle().getType();
  return success();
}

//===--- Sugar ---===//

/// Scores are floats, and the sink is one of them a row.
static LogicalResult verifyRowSugar(Operation *op, MatrixType scores, Value sink) {
  if (!isa<FloatType>(scores.getElementType()))
    return op->emitOpError("expected scores of floats, but got ") << scores.getElementType();
  Type rows = RowsType::get(op->getContext(), scores.getElementType(), scores.getRowAxis());
  if (sink && sink.getType() != rows)
    return op->emitOpError("expected the sink to be ") << rows << ", but got " << sink.getType();
  return success();
}

LogicalResult SoftmaxOp::verify() {
  // C1, C2
  return verifyRowSugar(*this, cast<MatrixType>(getScores().getType()), getSink());
}

LogicalResult LogsumexpOp::verify() {
  // C1, C2
  return verifyRowSugar(*this, cast<MatrixType>(getScores().getType()), getSink());
}
