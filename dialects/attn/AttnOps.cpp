// SPDX-License-Identifier: Apache-2.0
// How are the ops without a region of places, and the kernel, parsed, printed and typed?
#include "dialects/attn/AttnOps.h"

#include "dialects/attn/AttnSyntax.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attune::attn;

#define GET_OP_CLASSES
#include "dialects/attn/AttnOps.cpp.inc"

//===--- kernel ---===//

StringRef KernelOp::getDefaultDialect() { return "attn"; }

/// The name under which an operand was written is kept as an attribute of the argument, unless one
/// is given.
static ParseResult keepOperandNames(OpAsmParser &parser,
                                    MutableArrayRef<OpAsmParser::Argument> arguments) {
  Builder &builder = parser.getBuilder();
  for (OpAsmParser::Argument &argument : arguments) {
    NamedAttrList attributes(argument.attrs);
    StringRef name = argument.ssaName.name.drop_front();
    if (name.empty() || llvm::isDigit(name.front()))
      return parser.emitError(argument.ssaName.location,
                              "expected the operand of a kernel to be named by a word, but got '%")
             << name << "'";
    if (!attributes.get(KernelOp::getNameAttrName()))
      attributes.set(KernelOp::getNameAttrName(), builder.getStringAttr(name));
    argument.attrs = attributes.getDictionary(builder.getContext());
  }
  return success();
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  (void)impl::parseOptionalVisibilityKeyword(parser, result.attributes);
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Type> resultTypes;
  SmallVector<DictionaryAttr> resultAttributes;
  bool isVariadic = false;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name), result.attributes) ||
      function_interface_impl::parseFunctionSignatureWithArguments(
          parser, /*allowVariadic=*/false, arguments, isVariadic, resultTypes, resultAttributes) ||
      keepOperandNames(parser, arguments) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();

  SmallVector<Type> argumentTypes =
      llvm::map_to_vector(arguments, [](const OpAsmParser::Argument &a) { return a.type; });
  result.addAttribute(getFunctionTypeAttrName(result.name),
                      TypeAttr::get(builder.getFunctionType(argumentTypes, resultTypes)));
  call_interface_impl::addArgAndResultAttrs(builder, result, arguments, resultAttributes,
                                            getArgAttrsAttrName(result.name),
                                            getResAttrsAttrName(result.name));
  SMLoc loc = parser.getCurrentLocation();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (body->empty())
    return parser.emitError(loc, "expected the body of a kernel to end with a return");
  return success();
}

/// The attributes of the arguments without the names that `print` spells as %name.
static ArrayAttr dropPrintedNames(OpAsmPrinter &printer, KernelOp kernel) {
  ArrayAttr all = kernel.getArgAttrsAttr();
  if (!all || all.size() != kernel.getBody().getNumArguments())
    return all;
  SmallVector<Attribute> kept;
  for (auto [index, dictionary] : llvm::enumerate(all.getAsRange<DictionaryAttr>())) {
    std::string printed;
    llvm::raw_string_ostream stream(printed);
    printer.printOperand(kernel.getBody().getArgument(index), stream);
    NamedAttrList attributes(dictionary);
    auto name = dictionary.getAs<StringAttr>(KernelOp::getNameAttrName());
    if (name && printed == "%" + name.str())
      attributes.erase(KernelOp::getNameAttrName());
    kept.push_back(attributes.getDictionary(kernel.getContext()));
  }
  return ArrayAttr::get(kernel.getContext(), kept);
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << " ";
  if (std::optional<StringRef> visibility = getSymVisibility())
    printer << *visibility << " ";
  printer.printSymbolName(getSymName());
  call_interface_impl::printFunctionSignature(
      printer, getArgumentTypes(), dropPrintedNames(printer, *this), /*isVariadic=*/false,
      getResultTypes(), getResAttrsAttr(), &getBody(), /*printEmptyResult=*/false);
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getSymNameAttrName(), getFunctionTypeAttrName(),
                                            getSymVisibilityAttrName(), getArgAttrsAttrName(),
                                            getResAttrsAttrName()});
  printPlaceRegion(printer, getBody());
}

void KernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  for (BlockArgument argument : region.getArguments())
    if (auto name = getArgAttrOfType<StringAttr>(argument.getArgNumber(), getNameAttrName()))
      setName(argument, name);
}

StringRef KernelOp::getOperandName(unsigned index) {
  auto name = getArgAttrOfType<StringAttr>(index, getNameAttrName());
  return name ? name.getValue() : StringRef();
}

std::string KernelOp::getResultName(unsigned index) {
  if (auto name = getResultAttrOfType<StringAttr>(index, getNameAttrName()))
    return name.str();
  return getNumResults() == 1 ? "out" : "out" + std::to_string(index);
}

//===--- axis, size ---===//

ParseResult AxisOp::parse(OpAsmParser &parser, OperationState &result) {
  auto &properties = result.getOrAddProperties<Properties>();
  Type index = parser.getBuilder().getIndexType();
  OpAsmParser::UnresolvedOperand size;
  SmallVector<OpAsmParser::UnresolvedOperand> grid;
  bool hasSize = false;
  int64_t multiple = 0;
  if (parseAxis(parser, properties.axis))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("size"))) {
    hasSize = true;
    if (parser.parseOperand(size))
      return failure();
  }
  if (succeeded(parser.parseOptionalKeyword("like")) && parseAxis(parser, properties.like))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("multiple"))) {
    if (parser.parseInteger(multiple))
      return failure();
    properties.multiple = parser.getBuilder().getI64IntegerAttr(multiple);
  }
  if (succeeded(parser.parseOptionalKeyword("grid")) &&
      parser.parseOperandList(grid, OpAsmParser::Delimiter::Paren))
    return failure();
  if (parser.parseOptionalAttrDict(result.attributes) ||
      (hasSize && parser.resolveOperand(size, index, result.operands)) ||
      parser.resolveOperands(grid, index, result.operands))
    return failure();
  properties.operandSegmentSizes = {hasSize ? 1 : 0, static_cast<int32_t>(grid.size())};
  return success();
}

void AxisOp::print(OpAsmPrinter &printer) {
  printer << " " << getAxis();
  if (getSize())
    printer << " size " << getSize();
  if (getLike())
    printer << " like " << *getLike();
  if (getMultiple())
    printer << " multiple " << *getMultiple();
  if (!getGrid().empty())
    printer << " grid (" << getGrid() << ")";
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
}

ParseResult SizeOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand sequence;
  Type index = parser.getBuilder().getIndexType();
  result.addTypes(index);
  return failure(parseAxis(parser, result.getOrAddProperties<Properties>().axis) ||
                 parser.parseKeyword("of") || parser.parseOperand(sequence) ||
                 parser.parseOptionalAttrDict(result.attributes) ||
                 parser.resolveOperand(sequence, index, result.operands));
}

void SizeOp::print(OpAsmPrinter &printer) {
  printer << " " << getAxis() << " of " << getSequence();
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
}

//===--- dot, concat ---===//

/// Lenient where the operands are wrong: the verifier names what is.
static MatrixType inferDotType(Type rows, Type cols) {
  MLIRContext *context = rows.getContext();
  auto rowsType = dyn_cast<RowsType>(rows);
  auto colsType = dyn_cast<ColsType>(cols);
  if (!rowsType || !colsType)
    return {};
  Type result = Float32Type::get(context);
  Type element = getElementTypeOrSelf(rowsType.getElementType());
  if (element.isF64())
    result = element;
  if (element.isInteger())
    result = IntegerType::get(context, 32);
  return MatrixType::get(context, result, rowsType.getAxis(), colsType.getAxis());
}

LogicalResult DotOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                      DictionaryAttr, OpaqueProperties, RegionRange,
                                      SmallVectorImpl<Type> &types) {
  if (operands.size() != 2)
    return failure();
  types.push_back(inferDotType(operands[0].getType(), operands[1].getType()));
  return success(types.back() != nullptr);
}

ParseResult DotOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand rows, cols;
  Type rowsType, colsType;
  if (parser.parseOperand(rows) || parser.parseComma() || parser.parseOperand(cols))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("scale"))) {
    APFloat scale(0.0);
    if (parser.parseFloat(scale.getSemantics(), scale))
      return failure();
    result.getOrAddProperties<Properties>().scale =
        parser.getBuilder().getF64FloatAttr(scale.convertToDouble());
  }
  if (parser.parseOptionalAttrDict(result.attributes) || parser.parseColon())
    return failure();
  SMLoc typesLoc = parser.getCurrentLocation();
  if (parser.parseType(rowsType) || parser.parseComma() || parser.parseType(colsType))
    return failure();
  Type matrix = inferDotType(rowsType, colsType);
  if (!matrix)
    return parser.emitError(typesLoc, "expected rows and cols, but got ")
           << rowsType << " and " << colsType;
  result.addTypes(matrix);
  return failure(parser.resolveOperand(rows, rowsType, result.operands) ||
                 parser.resolveOperand(cols, colsType, result.operands));
}

void DotOp::print(OpAsmPrinter &printer) {
  printer << " " << getRows() << ", " << getCols();
  if (FloatAttr scale = getScaleAttr()) {
    printer << " scale ";
    printer.printFloat(scale.getValue());
  }
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  printer << " : " << getRows().getType() << ", " << getCols().getType();
}

/// Axes side by side: "c+d".
static StringAttr joinAxes(MLIRContext *context, ArrayRef<StringAttr> axes) {
  return StringAttr::get(
      context,
      llvm::join(llvm::map_range(axes, [](StringAttr axis) { return axis.getValue().str(); }),
                 "+"));
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                         ValueRange operands, DictionaryAttr, OpaqueProperties,
                                         RegionRange, SmallVectorImpl<Type> &types) {
  if (operands.empty())
    return failure();
  Type first = operands[0].getType();
  SmallVector<StringAttr> axes;
  // Where C1 fails, which the verifier reports, any type will do.
  for (Type type : operands.getTypes())
    if (isVirtual(type))
      axes.push_back(getAxes(type).back());
  if (auto matrix = dyn_cast<MatrixType>(first))
    types.push_back(MatrixType::get(context, matrix.getElementType(), matrix.getRowAxis(),
                                    joinAxes(context, axes)));
  else if (isVirtual(first))
    types.push_back(ColsType::get(context, getPlaceElementType(first), joinAxes(context, axes)));
  return success(!types.empty());
}

//===--- softmax, logsumexp ---===//

/// `%s [sink %z] : matrix`; null after an error.
static MatrixType parseRowSugar(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand scores, sink;
  Type type;
  if (parser.parseOperand(scores))
    return {};
  bool hasSink = succeeded(parser.parseOptionalKeyword("sink"));
  if ((hasSink && parser.parseOperand(sink)) || parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColon())
    return {};
  SMLoc typeLoc = parser.getCurrentLocation();
  if (parser.parseType(type))
    return {};
  auto matrix = dyn_cast<MatrixType>(type);
  if (!matrix) {
    parser.emitError(typeLoc, "expected the scores to be a matrix, but got ") << type;
    return {};
  }
  Type rows = RowsType::get(type.getContext(), matrix.getElementType(), matrix.getRowAxis());
  if (parser.resolveOperand(scores, type, result.operands) ||
      (hasSink && parser.resolveOperand(sink, rows, result.operands)))
    return {};
  return matrix;
}

static void printRowSugar(OpAsmPrinter &printer, Operation *op, Value scores, Value sink) {
  printer << " " << scores;
  if (sink)
    printer << " sink " << sink;
  printer.printOptionalAttrDict(op->getDiscardableAttrDictionary().getValue());
  printer << " : " << scores.getType();
}

ParseResult SoftmaxOp::parse(OpAsmParser &parser, OperationState &result) {
  MatrixType matrix = parseRowSugar(parser, result);
  if (!matrix)
    return failure();
  result.addTypes(matrix);
  return success();
}

void SoftmaxOp::print(OpAsmPrinter &printer) {
  printRowSugar(printer, *this, getScores(), getSink());
}

ParseResult LogsumexpOp::parse(OpAsmParser &parser, OperationState &result) {
  MatrixType matrix = parseRowSugar(parser, result);
  if (!matrix)
    return failure();
  result.addTypes(RowsType::get(matrix.getContext(), matrix.getElementType(), matrix.getRowAxis()));
  return success();
}

void LogsumexpOp::print(OpAsmPrinter &printer) {
  printRowSugar(printer, *this, getScores(), getSink());
}

LogicalResult LogsumexpOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                            ValueRange operands, DictionaryAttr, OpaqueProperties,
                                            RegionRange, SmallVectorImpl<Type> &types) {
  auto matrix = operands.empty() ? MatrixType() : dyn_cast<MatrixType>(operands[0].getType());
  if (!matrix)
    return failure();
  types.push_back(RowsType::get(context, matrix.getElementType(), matrix.getRowAxis()));
  return success();
}

//===--- load, holds ---===//

/// The entry, or for missing indices the vector of the trailing dims; null if there is none.
static Type getLoadedType(RankedTensorType table, size_t numIndices) {
  if (numIndices >= static_cast<size_t>(table.getRank()))
    return table.getElementType();
  ArrayRef<int64_t> trailing = table.getShape().drop_front(numIndices);
  if (ShapedType::isDynamicShape(trailing) || llvm::is_contained(trailing, 0))
    return {};
  return VectorType::get(trailing, table.getElementType());
}

ParseResult LoadOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand table;
  SmallVector<OpAsmParser::UnresolvedOperand> indices;
  Type tableType, loaded;
  if (parser.parseOperand(table) ||
      parser.parseOperandList(indices, OpAsmParser::Delimiter::Square) ||
      parser.parseOptionalAttrDict(result.attributes) || parser.parseColon())
    return failure();
  SMLoc typeLoc = parser.getCurrentLocation();
  if (parser.parseType(tableType))
    return failure();
  auto tensor = dyn_cast<RankedTensorType>(tableType);
  if (!tensor)
    return parser.emitError(typeLoc, "expected the table to be a ranked tensor, but got ")
           << tableType << "; rows, cols and matrices enter a region as bound operands";
  if (succeeded(parser.parseOptionalArrow())) {
    if (parser.parseType(loaded))
      return failure();
  } else {
    loaded = getLoadedType(tensor, indices.size());
    // C2
    if (!loaded)
      return parser.emitError(typeLoc, "expected the dims of the table after the ")
             << indices.size() << " given indices to be static and positive, but got " << tensor;
  }
  result.addTypes(loaded);
  return failure(
      parser.resolveOperand(table, tableType, result.operands) ||
      parser.resolveOperands(indices, parser.getBuilder().getIndexType(), result.operands));
}

void LoadOp::print(OpAsmPrinter &printer) {
  printer << " " << getTable() << "[" << getIndices() << "]";
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  printer << " : " << getTable().getType();
  auto table = cast<RankedTensorType>(getTable().getType());
  if (getResult().getType() != getLoadedType(table, getIndices().size()))
    printer << " -> " << getResult().getType();
}

ParseResult HoldsOp::parse(OpAsmParser &parser, OperationState &result) {
  auto &properties = result.getOrAddProperties<Properties>();
  SmallVector<OpAsmParser::UnresolvedOperand> dims, symbols;
  Type index = parser.getBuilder().getIndexType();
  if (parser.parseAttribute(properties.set) ||
      parser.parseOperandList(dims, OpAsmParser::Delimiter::Paren) ||
      parser.parseOperandList(symbols, OpAsmParser::Delimiter::OptionalSquare) ||
      parser.parseOptionalAttrDict(result.attributes) ||
      parser.resolveOperands(dims, index, result.operands) ||
      parser.resolveOperands(symbols, index, result.operands))
    return failure();
  properties.operandSegmentSizes = {static_cast<int32_t>(dims.size()),
                                    static_cast<int32_t>(symbols.size())};
  result.addTypes(parser.getBuilder().getI1Type());
  return success();
}

void HoldsOp::print(OpAsmPrinter &printer) {
  printer << " " << getSetAttr() << "(" << getDims() << ")";
  if (!getSymbols().empty())
    printer << "[" << getSymbols() << "]";
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
}
