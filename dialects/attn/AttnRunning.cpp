// SPDX-License-Identifier: Apache-2.0
// How are scan, fold and stencil spelt, what are their types, and what must hold of them? The checks
// carry the labels C1..Cn of AttnRunningOps.td.
#include "dialects/attn/AttnSyntax.h"
#include "dialects/attn/AttnVerify.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attune::attn;

//===--- States ---===//

namespace {

/// `(%x, ...) from (%i, ...) with (%a, ...), (%b, ...)`, before the types are known.
struct States {
  SmallVector<OpAsmParser::UnresolvedOperand> inputs, identities;
  SmallVector<OpAsmParser::Argument> first, second;
  SMLoc loc;
};

} // namespace

static ParseResult parseStates(OpAsmParser &parser, States &states) {
  states.loc = parser.getCurrentLocation();
  return failure(parser.parseOperandList(states.inputs, OpAsmParser::Delimiter::Paren) ||
                 parser.parseKeyword("from") ||
                 parser.parseOperandList(states.identities, OpAsmParser::Delimiter::Paren) ||
                 parser.parseKeyword("with") ||
                 parser.parseArgumentList(states.first, OpAsmParser::Delimiter::Paren) ||
                 parser.parseComma() ||
                 parser.parseArgumentList(states.second, OpAsmParser::Delimiter::Paren));
}

/// `: (types) [attributes {...}] { ... }`; resolves the operands by them.
static ParseResult parseCombine(OpAsmParser &parser, States &states, OperationState &result,
                                SmallVectorImpl<Type> &types) {
  auto parseType = [&] { return parser.parseType(types.emplace_back()); };
  if (parser.parseColon() ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseType, " of types") ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  size_t count = types.size();
  if (count == 0)
    return parser.emitError(states.loc, "expected one operand or more");
  for (auto [what, size] :
       {std::pair("operand", states.inputs.size()), std::pair("identity", states.identities.size()),
        std::pair("name in the first state", states.first.size()),
        std::pair("name in the second state", states.second.size())})
    if (size != count)
      return parser.emitError(states.loc, "expected one ")
             << what << " for each of the " << count << " types, but got " << size;
  SmallVector<Type> elements;
  for (Type type : types) {
    if (!isVirtual(type))
      return parser.emitError(states.loc, "expected operands that are rows, cols or matrices, but "
                                          "got ")
             << type;
    elements.push_back(getPlaceElementType(type));
  }
  SmallVector<OpAsmParser::Argument> arguments;
  for (auto *state : {&states.first, &states.second})
    for (auto [argument, element] : llvm::zip_equal(*state, elements)) {
      argument.type = element;
      arguments.push_back(argument);
    }
  return failure(parser.parseRegion(*result.addRegion(), arguments) ||
                 parser.resolveOperands(states.inputs, types, states.loc, result.operands) ||
                 parser.resolveOperands(states.identities, elements, states.loc, result.operands));
}

static void printStates(OpAsmPrinter &printer, OperandRange inputs, OperandRange identities,
                        Region &region) {
  auto printState = [&](auto arguments) {
    printer << "(";
    llvm::interleaveComma(arguments, printer, [&](BlockArgument argument) {
      printer.printRegionArgument(argument, /*argAttrs=*/{}, /*omitType=*/true);
    });
    printer << ")";
  };
  printer << " (" << inputs << ") from (" << identities << ") with ";
  printState(region.getArguments().take_front(inputs.size()));
  printer << ", ";
  printState(region.getArguments().drop_front(inputs.size()));
}

static void printCombine(OpAsmPrinter &printer, Operation *op, OperandRange inputs,
                         Region &region) {
  printer << " : (" << inputs.getTypes() << ")";
  printer.printOptionalAttrDictWithKeyword(op->getDiscardableAttrDictionary().getValue());
  printPlaceRegion(printer, region);
}

static void nameStates(Region &region, unsigned numInputs, OpAsmSetValueNameFn setName) {
  if (region.empty())
    return;
  for (BlockArgument argument : region.getArguments())
    setName(argument, argument.getArgNumber() < numInputs ? "a" : "c");
}

static LogicalResult verifyIdentities(Operation *op, OperandRange inputs, OperandRange identities) {
  SmallVector<Type> elements = llvm::map_to_vector(inputs.getTypes(), getPlaceElementType);
  if (identities.getTypes() == TypeRange(elements))
    return success();
  return op->emitOpError("expected one identity an operand, of its element's type, (")
         << elements << "), but got (" << identities.getTypes() << ")";
}

/// The region takes two states and yields one.
static LogicalResult verifyCombine(Operation *op, OperandRange inputs, Region &region) {
  Block &block = region.front();
  SmallVector<Type> state = llvm::map_to_vector(inputs.getTypes(), getPlaceElementType), both;
  both.append(state);
  both.append(state);
  if (TypeRange(both) != block.getArgumentTypes())
    return op->emitOpError("expected the region to take two states of one element an operand, (")
           << both << "), but it takes (" << block.getArgumentTypes() << ")";
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValues().getTypes() != TypeRange(state))
    return op->emitOpError("expected the region to yield one state, (")
           << state << "), but it ends with '" << block.getTerminator()->getName() << "' of ("
           << block.getTerminator()->getOperandTypes() << ")";
  return verifyContents(block);
}

//===--- scan ---===//

StringRef ScanOp::getDefaultDialect() { return "attn"; }

void ScanOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  nameStates(region, getInputs().size(), setName);
}

LogicalResult ScanOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                       DictionaryAttr attributes, OpaqueProperties properties,
                                       RegionRange regions, SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  llvm::append_range(types, adaptor.getInputs().getTypes());
  return success();
}

/// `over keys|queries [reverse] [exclusive]`
static ParseResult parseDirection(OpAsmParser &parser, ScanOp::Properties &properties) {
  Builder &builder = parser.getBuilder();
  StringRef over;
  if (parser.parseKeyword("over") || parser.parseKeyword(&over))
    return failure();
  std::optional<ReduceOver> axis = symbolizeReduceOver(over);
  if (!axis)
    return parser.emitError(parser.getNameLoc(), "expected a scan over keys or queries, but got ")
           << over;
  properties.over = ReduceOverAttr::get(builder.getContext(), *axis);
  if (succeeded(parser.parseOptionalKeyword("reverse")))
    properties.reverse = builder.getUnitAttr();
  if (succeeded(parser.parseOptionalKeyword("exclusive")))
    properties.exclusive = builder.getUnitAttr();
  return success();
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &result) {
  auto &properties = result.getOrAddProperties<Properties>();
  StringRef kind;
  if (succeeded(parser.parseOptionalKeyword(&kind))) {
    OpAsmParser::UnresolvedOperand input;
    Type type;
    std::optional<ReduceKind> known = symbolizeReduceKind(kind);
    if (!known)
      return parser.emitError(parser.getNameLoc(),
                              "expected sum, max, min or operands in parentheses, but got ")
             << kind;
    properties.kind = ReduceKindAttr::get(parser.getContext(), *known);
    properties.operandSegmentSizes = {1, 0};
    result.addRegion();
    if (parser.parseOperand(input) || parseDirection(parser, properties) ||
        parser.parseOptionalAttrDict(result.attributes) || parser.parseColonType(type))
      return failure();
    result.addTypes(type);
    return parser.resolveOperand(input, type, result.operands);
  }
  States states;
  SmallVector<Type> types;
  if (parseStates(parser, states) || parseDirection(parser, properties) ||
      parseCombine(parser, states, result, types))
    return failure();
  auto count = static_cast<int32_t>(types.size());
  properties.operandSegmentSizes = {count, count};
  result.addTypes(types);
  return success();
}

void ScanOp::print(OpAsmPrinter &printer) {
  bool hasRegion = !getBody().empty();
  if (hasRegion)
    printStates(printer, getInputs(), getIdentities(), getBody());
  else
    printer << " " << stringifyReduceKind(*getKind()) << " " << getInputs().front();
  printer << " over " << stringifyReduceOver(getOver());
  if (getReverse())
    printer << " reverse";
  if (getExclusive())
    printer << " exclusive";
  if (hasRegion)
    return printCombine(printer, *this, getInputs(), getBody());
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  printer << " : " << getInputs().front().getType();
}

/// Does a value of `type` have the axis that is named?
static bool hasAxis(Type type, ReduceOver over) {
  return over == ReduceOver::Keys ? isa<MatrixType, ColsType>(type)
                                  : over == ReduceOver::Queries && isa<MatrixType, RowsType>(type);
}

LogicalResult ScanOp::verify() {
  bool hasRegion = !getBody().empty();
  // C4
  if (hasRegion ? getKind().has_value() : !getKind() || *getKind() == ReduceKind::Mean)
    return emitOpError("expected a kind, sum, max or min, or a region that combines two states, "
                       "but not both");
  if (!hasRegion && (getInputs().size() != 1 || !getIdentities().empty()))
    return emitOpError("expected one operand without a region, but got ") << getInputs().size();
  // C1
  if (getInputs().empty() || !hasAxis(getInputs().front().getType(), getOver()))
    return emitOpError("expected ")
           << (getOver() == ReduceOver::Keys      ? "a matrix or cols to scan over keys"
               : getOver() == ReduceOver::Queries ? "a matrix or rows to scan over queries"
                                                  : "to scan over keys or queries")
           << ", but got " << (getInputs().empty() ? Type() : getInputs().front().getType());
  // C2
  Type first = getInputs().front().getType();
  for (auto [number, type] : llvm::enumerate(getInputs().getTypes()))
    if (type.getTypeID() != first.getTypeID() || getAxes(type) != getAxes(first))
      return emitOpError("expected operands of one type but for the element, but operand #")
             << number << " is " << type << " and the first is " << first;
  // C3
  return hasRegion ? verifyIdentities(*this, getInputs(), getIdentities()) : success();
}

LogicalResult ScanOp::verifyRegions() {
  // C3
  return getBody().empty() ? success() : verifyCombine(*this, getInputs(), getBody());
}

//===--- fold ---===//

StringRef FoldOp::getDefaultDialect() { return "attn"; }

void FoldOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  nameStates(region, getInputs().size(), setName);
}

/// A state a row; null if `type` is no matrix.
static Type getStateType(Type type) {
  auto matrix = dyn_cast<MatrixType>(type);
  return matrix ? RowsType::get(type.getContext(), matrix.getElementType(), matrix.getRowAxis())
                : Type();
}

LogicalResult FoldOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  for (Type type : adaptor.getInputs().getTypes()) {
    types.push_back(getStateType(type));
    if (!types.back())
      return emitOptionalError(loc, "expected matrices, whose rows are folded, but got ", type);
  }
  return success();
}

ParseResult FoldOp::parse(OpAsmParser &parser, OperationState &result) {
  States states;
  SmallVector<Type> types;
  if (parseStates(parser, states) || parseCombine(parser, states, result, types))
    return failure();
  auto count = static_cast<int32_t>(types.size());
  result.getOrAddProperties<Properties>().operandSegmentSizes = {count, count};
  for (Type type : types) {
    result.addTypes(getStateType(type));
    if (!result.types.back())
      return parser.emitError(states.loc, "expected matrices, whose rows are folded, but got ")
             << type;
  }
  return success();
}

void FoldOp::print(OpAsmPrinter &printer) {
  printStates(printer, getInputs(), getIdentities(), getBody());
  printCombine(printer, *this, getInputs(), getBody());
}

LogicalResult FoldOp::verify() {
  // C1
  if (getInputs().empty())
    return emitOpError("expected one matrix or more to fold the rows of");
  Type first = getInputs().front().getType();
  for (auto [number, type] : llvm::enumerate(getInputs().getTypes()))
    if (getAxes(type) != getAxes(first))
      return emitOpError("expected matrices of one axis pair, but operand #")
             << number << " is " << type << " and the first is " << first;
  // C2
  return verifyIdentities(*this, getInputs(), getIdentities());
}

LogicalResult FoldOp::verifyRegions() {
  // C2
  return verifyCombine(*this, getInputs(), getBody());
}

//===--- stencil ---===//

/// Is `range` [a, b] with a <= b, both below 65536 in magnitude?
static bool isRange(DenseI64ArrayAttr range) {
  return range.size() == 2 && range[0] <= range[1] && range[0] > -65536 && range[1] < 65536;
}

/// The values of a range; 1 where C1 fails, which the verifier reports.
static int64_t getRangeSize(DenseI64ArrayAttr range) {
  return isRange(range) ? range[1] - range[0] + 1 : 1;
}

LogicalResult StencilOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr attributes,
                                          OpaqueProperties properties, RegionRange regions,
                                          SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  Type input = adaptor.getInput().getType();
  if (!isVirtual(input))
    return emitOptionalError(loc, "expected rows, cols or a matrix, but got ", input);
  SmallVector<int64_t> shape;
  if (IntegerAttr heads = adaptor.getHeadsAttr())
    shape.push_back(std::clamp<int64_t>(heads.getInt(), 1, 65535));
  for (DenseI64ArrayAttr range : {adaptor.getQueriesAttr(), adaptor.getKeysAttr()})
    if (range)
      shape.push_back(getRangeSize(range));
  Type element = getPlaceElementType(input);
  if (auto vector = dyn_cast<VectorType>(element))
    llvm::append_range(shape, vector.getShape());
  // Where C2 fails, which the verifier reports, the element may stay.
  if (!shape.empty())
    element = VectorType::get(shape, getElementTypeOrSelf(element));
  if (auto matrix = dyn_cast<MatrixType>(input))
    types.push_back(MatrixType::get(context, element, matrix.getRowAxis(), matrix.getColAxis()));
  else if (auto rows = dyn_cast<RowsType>(input))
    types.push_back(RowsType::get(context, element, rows.getAxis()));
  else
    types.push_back(ColsType::get(context, element, cast<ColsType>(input).getAxis()));
  return success();
}

/// `[a, b]`
static ParseResult parseRange(OpAsmParser &parser, DenseI64ArrayAttr &range) {
  int64_t first, last;
  if (parser.parseLSquare() || parser.parseInteger(first) || parser.parseComma() ||
      parser.parseInteger(last) || parser.parseRSquare())
    return failure();
  range = parser.getBuilder().getDenseI64ArrayAttr({first, last});
  return success();
}

ParseResult StencilOp::parse(OpAsmParser &parser, OperationState &result) {
  auto &properties = result.getOrAddProperties<Properties>();
  OpAsmParser::UnresolvedOperand input;
  Type type;
  if (parser.parseOperand(input))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("heads"))) {
    int64_t heads;
    if (parser.parseInteger(heads))
      return failure();
    properties.heads = parser.getBuilder().getI64IntegerAttr(heads);
  }
  if (succeeded(parser.parseOptionalKeyword("queries")) && parseRange(parser, properties.queries))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("keys")) && parseRange(parser, properties.keys))
    return failure();
  if (parser.parseOptionalAttrDict(result.attributes) || parser.parseColonType(type) ||
      parser.resolveOperand(input, type, result.operands))
    return failure();
  return inferReturnTypes(parser.getContext(), parser.getEncodedSourceLoc(parser.getNameLoc()),
                          result.operands, result.attributes.getDictionary(parser.getContext()),
                          result.getRawProperties(), {}, result.types);
}

void StencilOp::print(OpAsmPrinter &printer) {
  printer << " " << getInput();
  if (getHeads())
    printer << " heads " << static_cast<int64_t>(*getHeads());
  for (auto [name, range] :
       {std::pair("queries", getQueriesAttr()), std::pair("keys", getKeysAttr())})
    if (range) {
      printer << " " << name << " [";
      llvm::interleaveComma(range.asArrayRef(), printer);
      printer << "]";
    }
  printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
  printer << " : " << getInput().getType();
}

LogicalResult StencilOp::verify() {
  // C1
  if (getHeads() && (static_cast<int64_t>(*getHeads()) < 1 || *getHeads() > 65535))
    return emitOpError("expected from 1 to 65535 heads, but got ")
           << static_cast<int64_t>(*getHeads());
  for (DenseI64ArrayAttr range : {getQueriesAttr(), getKeysAttr()})
    if (range && !isRange(range))
      return emitOpError("expected a range [a, b] with a <= b, both below 65536 in magnitude, but "
                         "got ")
             << range;
  // C2
  if (!getHeads() && !getQueries() && !getKeys())
    return emitOpError("expected one of the clauses heads, queries and keys");
  Type input = getInput().getType();
  for (auto [range, over] : {std::pair(getQueriesAttr(), ReduceOver::Queries),
                             std::pair(getKeysAttr(), ReduceOver::Keys)})
    if (range && !hasAxis(input, over))
      return emitOpError("expected no clause '")
             << stringifyReduceOver(over) << "' of " << input << ", which has none";
  return success();
}
