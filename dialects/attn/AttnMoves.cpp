// SPDX-License-Identifier: Apache-2.0
// How are the ops parsed, printed and typed that carry values to another place (AttnMoveOps.td)?
#include "dialects/attn/AttnOps.h"
#include "dialects/attn/AttnSyntax.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attune::attn;

//===--- reduce ---===//

StringRef ReduceOp::getDefaultDialect() { return "attn"; }

void ReduceOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  namePlaceArguments(region, getInputs().size(), setName);
}

/// Lenient where C2, C3 or C4 fail: the verifier names what is wrong.
static Type inferReduceType(Type input, ReduceOver over, IntegerAttr by, StringAttr into) {
  Type element = getPlaceElementType(input);
  MLIRContext *context = input.getContext();
  auto blocks = [&](StringAttr axis) {
    StringAttr joined = by ? getBlockedAxis(axis, by.getInt()) : StringAttr();
    return joined ? joined : axis;
  };
  auto matrix = dyn_cast<MatrixType>(input);
  bool overKeys = over == ReduceOver::Keys;
  if (over == ReduceOver::Heads || (!matrix && !by && !into))
    return input;
  if (auto rows = dyn_cast<RowsType>(input))
    return RowsType::get(context, element, into ? into : blocks(rows.getAxis()));
  if (auto cols = dyn_cast<ColsType>(input))
    return ColsType::get(context, element, into ? into : blocks(cols.getAxis()));
  StringAttr rowAxis = matrix.getRowAxis(), colAxis = matrix.getColAxis();
  if (!by && !into)
    return overKeys ? Type(RowsType::get(context, element, rowAxis))
                    : Type(ColsType::get(context, element, colAxis));
  StringAttr &reduced = overKeys ? colAxis : rowAxis;
  reduced = into ? into : blocks(reduced);
  return MatrixType::get(context, element, rowAxis, colAxis);
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                         ValueRange operands, DictionaryAttr,
                                         OpaqueProperties properties, RegionRange,
                                         SmallVectorImpl<Type> &types) {
  auto *given = properties.as<Properties *>();
  if (operands.empty() || !isVirtual(operands[0].getType()) || !given || !given->over)
    return failure();
  types.push_back(
      inferReduceType(operands[0].getType(), given->over.getValue(), given->by, given->into));
  return success();
}

void ReduceOp::build(OpBuilder &builder, OperationState &state, ReduceKind kind, Value input,
                     ReduceOver over) {
  build(builder, state, inferReduceType(input.getType(), over, {}, {}), kind, input, over,
        IntegerAttr(), StringAttr());
}

/// A word of an enum, or an error that lists the words.
template <typename Enum>
static ParseResult parseWord(OpAsmParser &parser, std::optional<Enum> (*find)(StringRef),
                             StringRef words, Enum &value) {
  StringRef word;
  SMLoc loc = parser.getCurrentLocation();
  bool isWord = succeeded(parser.parseOptionalKeyword(&word));
  std::optional<Enum> found = isWord ? find(word) : std::nullopt;
  if (!found)
    return parser.emitError(loc, "expected one of ")
           << words << (isWord ? ", but got '" + word + "'" : Twine());
  value = *found;
  return success();
}

/// `%x` or `(%x = %s, ...)`
static ParseResult parseReduced(OpAsmParser &parser, PlaceNames &names) {
  names.bindingsLoc = parser.getCurrentLocation();
  OpAsmParser::UnresolvedOperand plain;
  OptionalParseResult found = parser.parseOptionalOperand(plain);
  if (!found.has_value())
    return parseBindings(parser, names);
  names.operands.push_back(plain);
  return *found;
}

/// `over keys [by N] [into axis]`
static ParseResult parseGroups(OpAsmParser &parser, ReduceOp::Properties &properties) {
  ReduceOver over;
  if (parser.parseKeyword("over") ||
      parseWord<ReduceOver>(parser, symbolizeReduceOver, "keys, queries and heads", over))
    return failure();
  properties.over = ReduceOverAttr::get(parser.getContext(), over);
  if (succeeded(parser.parseOptionalKeyword("by"))) {
    int64_t number;
    if (parser.parseInteger(number))
      return failure();
    properties.by = parser.getBuilder().getI64IntegerAttr(number);
  }
  if (succeeded(parser.parseOptionalKeyword("into")))
    return parseAxis(parser, properties.into);
  return success();
}

/// `kind %x over what [by N] : type` or `kind (%x = %s, ...) over what into axis [at (...)] : (types)
/// { ... }`; of one operand whose element the region does not name, `%x` and `type` will do.
ParseResult ReduceOp::parse(OpAsmParser &parser, OperationState &result) {
  auto &properties = result.getOrAddProperties<Properties>();
  PlaceNames names;
  SmallVector<Type> types;
  ReduceKind kind;
  if (parseWord<ReduceKind>(parser, symbolizeReduceKind, "sum, mean, max and min", kind) ||
      parseReduced(parser, names) || parseGroups(parser, properties) ||
      parseOptionalIndices(parser, names) || parser.parseOptionalAttrDict(result.attributes) ||
      parser.parseColon())
    return failure();
  properties.kind = ReduceKindAttr::get(parser.getContext(), kind);
  SMLoc typesLoc = parser.getCurrentLocation();
  auto parseType = [&] { return parser.parseType(types.emplace_back()); };
  bool bound = !names.elements.empty();
  if (bound ? parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseType, " of types")
            : ParseResult(parseType()))
    return failure();
  if (types.empty() || !isVirtual(types.front()))
    return parser.emitError(typesLoc, "expected the first operand to be rows, cols or a matrix");
  result.addTypes(
      inferReduceType(types.front(), properties.over.getValue(), properties.by, properties.into));
  Region *body = result.addRegion();
  if (properties.into && parsePlaceRegion(parser, names, types, types.front(), *body))
    return failure();
  // C5
  if (!properties.into && (bound || !names.indices.empty()))
    return parser.emitError(names.bindingsLoc, "expected bound operands and indices only with "
                                               "'into', whose region uses them");
  return parser.resolveOperands(names.operands, types, names.bindingsLoc, result.operands);
}

void ReduceOp::print(OpAsmPrinter &printer) {
  Region &body = getBody();
  bool hasRegion = !body.empty();
  bool plain = getInputs().size() == 1 &&
               (!hasRegion || body.getNumArguments() == 0 || body.getArgument(0).use_empty());
  printer << " " << stringifyReduceKind(getKind());
  if (plain)
    printer << " " << getInput();
  else
    printBindings(printer, getInputs(), body);
  printer << " over " << stringifyReduceOver(getOver());
  if (getBy())
    printer << " by " << static_cast<int64_t>(*getBy());
  if (getInto())
    printer << " into " << *getInto();
  if (hasRegion)
    printUsedIndices(printer, getInputs().size(), body);
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  if (plain)
    printer << " : " << getInput().getType();
  else
    printer << " : (" << getInputs().getTypes() << ")";
  if (hasRegion)
    printPlaceRegion(printer, body);
}

//===--- take, transpose ---===//

StringRef TakeOp::getDefaultDialect() { return "attn"; }

void TakeOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  namePlaceArguments(region, getInputs().size(), setName);
}

/// `%z [(%x = %s, ...)] [at (...)] : type [, (types)] -> type { ... }`
ParseResult TakeOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand source;
  PlaceNames names;
  Type sourceType, place;
  SmallVector<Type> types;
  auto parseType = [&] { return parser.parseType(types.emplace_back()); };
  if (parser.parseOperand(source) ||
      parseBindings(parser, names, OpAsmParser::Delimiter::OptionalParen) ||
      parseOptionalIndices(parser, names) || parser.parseColon() || parser.parseType(sourceType))
    return failure();
  if (succeeded(parser.parseOptionalComma()) &&
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseType, " of types"))
    return failure();
  if (parser.parseArrow())
    return failure();
  SMLoc placeLoc = parser.getCurrentLocation();
  if (parser.parseType(place))
    return failure();
  if (!isa<MatrixType>(place))
    return parser.emitError(placeLoc, "expected the result to be a matrix, but got ") << place;
  result.addTypes(place);
  return failure(parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parsePlaceRegion(parser, names, types, place, *result.addRegion()) ||
                 parser.resolveOperand(source, sourceType, result.operands) ||
                 parser.resolveOperands(names.operands, types, names.bindingsLoc, result.operands));
}

void TakeOp::print(OpAsmPrinter &printer) {
  printer << " " << getSource();
  if (!getInputs().empty())
    printBindings(printer, getInputs(), getBody());
  printUsedIndices(printer, getInputs().size(), getBody());
  printer << " : " << getSource().getType();
  if (!getInputs().empty())
    printer << ", (" << getInputs().getTypes() << ")";
  printer << " -> " << getType();
  printer.printOptionalAttrDictWithKeyword((*this)->getDiscardableAttrDictionary().getValue());
  printPlaceRegion(printer, getBody());
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *context, std::optional<Location>,
                                            ValueRange operands, DictionaryAttr, OpaqueProperties,
                                            RegionRange, SmallVectorImpl<Type> &types) {
  Type input = operands.empty() ? Type() : operands[0].getType();
  if (!input || !isVirtual(input))
    return failure();
  Type element = getPlaceElementType(input);
  if (auto matrix = dyn_cast<MatrixType>(input))
    types.push_back(MatrixType::get(context, element, matrix.getColAxis(), matrix.getRowAxis()));
  else if (auto rows = dyn_cast<RowsType>(input))
    types.push_back(ColsType::get(context, element, rows.getAxis()));
  else
    types.push_back(RowsType::get(context, element, cast<ColsType>(input).getAxis()));
  return success();
}

//===--- rotate ---===//

VectorType RotateOp::getAngleType(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector || vector.getRank() != 1 || vector.isScalable() || vector.getDimSize(0) % 2 != 0 ||
      !isa<FloatType>(vector.getElementType()))
    return {};
  Type number = vector.getElementType();
  return VectorType::get({vector.getDimSize(0) / 2},
                         number.isF64() ? number : Float32Type::get(type.getContext()));
}

ParseResult RotateOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand vector, angle;
  RotatePairing pairing;
  Type type;
  if (parser.parseOperand(vector) || parser.parseKeyword("by") || parser.parseOperand(angle) ||
      parseWord<RotatePairing>(parser, symbolizeRotatePairing, "halves and pairs", pairing) ||
      parser.parseOptionalAttrDict(result.attributes) || parser.parseColon())
    return failure();
  SMLoc typeLoc = parser.getCurrentLocation();
  if (parser.parseType(type))
    return failure();
  result.getOrAddProperties<Properties>().pairing =
      RotatePairingAttr::get(parser.getContext(), pairing);
  VectorType angleType = getAngleType(type);
  // C1
  if (!angleType)
    return parser.emitError(typeLoc, "expected a vector of floats with one dim of even size, but "
                                     "got ")
           << type;
  result.addTypes(type);
  return failure(parser.resolveOperand(vector, type, result.operands) ||
                 parser.resolveOperand(angle, angleType, result.operands));
}

void RotateOp::print(OpAsmPrinter &printer) {
  printer << " " << getVector() << " by " << getAngle() << " "
          << stringifyRotatePairing(getPairing());
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  printer << " : " << getVector().getType();
}
