// SPDX-License-Identifier: Apache-2.0
// What are the types and the syntax of the ops that list a row's keys (visible_keys, entries), and what must
// hold of them? The checks carry the labels C1..Cn of AttnListOps.td.
#include "dialects/attn/AttnVerify.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace attune::attn;

/// The matrix whose rows are listed; null after an error.
static MatrixType getListed(std::optional<Location> loc, ValueRange operands) {
  Type type = operands.empty() ? Type() : operands[0].getType();
  auto matrix = dyn_cast_or_null<MatrixType>(type);
  if (!matrix)
    (void)emitOptionalError(loc, "expected a matrix, whose rows are listed, but got ", type);
  return matrix;
}

static LogicalResult verifyScalar(Operation *op, Type element) {
  if (!isa<VectorType>(element))
    return success();
  return op->emitOpError("expected elements that are scalars, but got ") << element;
}

//===--- visible_keys ---===//

LogicalResult VisibleKeysOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                              ValueRange operands, DictionaryAttr,
                                              OpaqueProperties properties, RegionRange,
                                              SmallVectorImpl<Type> &types) {
  auto *given = properties.as<Properties *>();
  MatrixType matrix = getListed(loc, operands);
  if (!matrix || !given || !given->entries)
    return failure();
  StringAttr rows = matrix.getRowAxis();
  Type i32 = IntegerType::get(context, 32);
  types.push_back(MatrixType::get(context, i32, rows, given->entries));
  types.push_back(MatrixType::get(context, matrix.getElementType(), rows, given->entries));
  types.push_back(RowsType::get(context, i32, rows));
  return success();
}

ParseResult VisibleKeysOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand input, most;
  Type type;
  StringRef axis;
  if (parser.parseOperand(input) || parser.parseKeyword("most") || parser.parseOperand(most) ||
      parser.parseKeyword("on"))
    return failure();
  SMLoc axisLoc = parser.getCurrentLocation();
  if (parser.parseKeyword(&axis))
    return failure();
  if (!isPlainAxis(axis))
    return parser.emitError(axisLoc, "expected the axis to be a plain name, but got '")
           << axis << "'";
  result.getOrAddProperties<Properties>().entries = parser.getBuilder().getStringAttr(axis);
  if (parser.parseOptionalAttrDict(result.attributes) || parser.parseColonType(type) ||
      parser.resolveOperand(input, type, result.operands) ||
      parser.resolveOperand(most, parser.getBuilder().getIndexType(), result.operands))
    return failure();
  return inferReturnTypes(parser.getContext(), result.location, result.operands,
                          result.attributes.getDictionary(parser.getContext()),
                          result.getRawProperties(), {}, result.types);
}

void VisibleKeysOp::print(OpAsmPrinter &printer) {
  printer << " " << getInput() << " most " << getMost() << " on " << getEntries();
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  printer << " : " << getInput().getType();
}

LogicalResult VisibleKeysOp::verify() {
  // C1
  if (failed(verifyScalar(*this, getPlaceElementType(getInput().getType()))))
    return failure();
  // C2: that nothing else gives the axis a length is a fact of the kernel: BoundAxes::bindEntries.
  if (!isPlainAxis(getEntries()))
    return emitOpError("expected the axis of the entries to be a plain name, but got '")
           << getEntries() << "'";
  return success();
}

//===--- entries ---===//

LogicalResult EntriesOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr,
                                          OpaqueProperties properties, RegionRange,
                                          SmallVectorImpl<Type> &types) {
  auto *given = properties.as<Properties *>();
  MatrixType matrix = getListed(loc, operands);
  if (!matrix || !given || !given->count)
    return failure();
  // Where C1 or C2 fails, which the verifier reports, any type will do.
  int64_t count = std::max<int64_t>(given->count.getInt(), 1);
  Type element = getElementTypeOrSelf(matrix.getElementType());
  types.push_back(RowsType::get(context, VectorType::get({count}, element), matrix.getRowAxis()));
  return success();
}

LogicalResult EntriesOp::verify() {
  // C1
  if (failed(verifyScalar(*this, getPlaceElementType(getInput().getType()))))
    return failure();
  // C2
  if (static_cast<int64_t>(getCount()) < 1)
    return emitOpError("expected one entry or more, but got ") << static_cast<int64_t>(getCount());
  return success();
}
