// SPDX-License-Identifier: Apache-2.0
// What are the types of the ops that search a row (solve, select, list, entmax), and what must hold
// of them? The checks carry the labels C1..Cn of AttnOps.td.
#include "dialects/attn/AttnVerify.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attune::attn;

//===--- solve ---===//

LogicalResult SolveOp::verify() {
  // C1
  auto matrix =
      getInputs().empty() ? MatrixType() : dyn_cast<MatrixType>(getInputs().front().getType());
  if (!matrix)
    return emitOpError("expected the first bound operand to be a matrix, whose rows have the "
                       "thresholds");
  if (failed(verifyReadable(*this, getInputs(), matrix)))
    return failure();
  // C2
  Type rows = RowsType::get(getContext(), Float32Type::get(getContext()), matrix.getRowAxis());
  for (auto [name, type] :
       {std::pair("the lower end", getLow().getType()),
        std::pair("the upper end", getHigh().getType()), std::pair("the result", getType())})
    if (type != rows)
      return emitOpError("expected ") << name << " to be " << rows << ", but got " << type;
  return success();
}

LogicalResult SolveOp::verifyRegions() {
  Block &block = getBody().front();
  Type threshold = Float32Type::get(getContext());
  // C3
  if (failed(verifyArguments(*this, getInputs(), getInputs().front().getType(), block,
                             TypeRange(threshold))) ||
      failed(verifyYield(*this, threshold, block)))
    return failure();
  return verifyContents(block);
}

//===--- select, list ---===//

/// The matrix that is searched; null after an error.
static MatrixType getSearched(std::optional<Location> loc, ValueRange operands) {
  Type type = operands.empty() ? Type() : operands[0].getType();
  auto matrix = dyn_cast_or_null<MatrixType>(type);
  if (!matrix)
    (void)emitOptionalError(loc, "expected a matrix, whose rows are searched, but got ", type);
  return matrix;
}

static LogicalResult verifyOrdered(Operation *op, Type element) {
  if (isa<FloatType, IndexType>(element) || (isa<IntegerType>(element) && !element.isInteger(1)))
    return success();
  return op->emitOpError("expected elements with an order, floats, index or integers of more than "
                         "one bit, but got ")
         << element;
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr, OpaqueProperties,
                                         RegionRange, SmallVectorImpl<Type> &types) {
  MatrixType matrix = getSearched(loc, operands);
  if (!matrix)
    return failure();
  types.push_back(MatrixType::get(context, IntegerType::get(context, 1), matrix.getRowAxis(),
                                  matrix.getColAxis()));
  return success();
}

LogicalResult SelectOp::verify() {
  // C1
  return verifyOrdered(*this, getPlaceElementType(getInput().getType()));
}

LogicalResult ListOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr,
                                       OpaqueProperties properties, RegionRange,
                                       SmallVectorImpl<Type> &types) {
  auto *given = properties.as<Properties *>();
  MatrixType matrix = getSearched(loc, operands);
  if (!matrix || !given || !given->count)
    return failure();
  // Where C1 or C2 fails, which the verifier reports, any type will do.
  int64_t count = std::max<int64_t>(given->count.getInt(), 1);
  for (Type element :
       {getElementTypeOrSelf(matrix.getElementType()), Type(IntegerType::get(context, 32))})
    types.push_back(RowsType::get(context, VectorType::get({count}, element), matrix.getRowAxis()));
  return success();
}

LogicalResult ListOp::verify() {
  // C1
  if (failed(verifyOrdered(*this, getPlaceElementType(getInput().getType()))))
    return failure();
  // C2
  if (static_cast<int64_t>(getCount()) < 1)
    return emitOpError("expected to list one key or more, but got ")
           << static_cast<int64_t>(getCount());
  return success();
}

//===--- entmax ---===//

ParseResult EntmaxOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand scores, alpha;
  Type type;
  if (parser.parseOperand(scores) || parser.parseKeyword("alpha") || parser.parseOperand(alpha) ||
      parser.parseOptionalAttrDict(result.attributes) || parser.parseColon())
    return failure();
  SMLoc typeLoc = parser.getCurrentLocation();
  if (parser.parseType(type))
    return failure();
  auto matrix = dyn_cast<MatrixType>(type);
  if (!matrix)
    return parser.emitError(typeLoc, "expected the scores to be a matrix, but got ") << type;
  Type rows = RowsType::get(parser.getContext(), matrix.getElementType(), matrix.getRowAxis());
  result.addTypes(type);
  return failure(parser.resolveOperand(scores, type, result.operands) ||
                 parser.resolveOperand(alpha, rows, result.operands));
}

void EntmaxOp::print(OpAsmPrinter &printer) {
  printer << " " << getScores() << " alpha " << getAlpha();
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  printer << " : " << getScores().getType();
}

LogicalResult EntmaxOp::verify() {
  auto matrix = cast<MatrixType>(getScores().getType());
  // C1
  Type f32 = Float32Type::get(getContext());
  if (matrix.getElementType() != f32)
    return emitOpError("expected scores of f32, but got ") << matrix.getElementType();
  // C2
  Type rows = RowsType::get(getContext(), f32, matrix.getRowAxis());
  if (getAlpha().getType() != rows)
    return emitOpError("expected alpha to be ") << rows << ", but got " << getAlpha().getType();
  return success();
}
