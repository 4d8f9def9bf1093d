// SPDX-License-Identifier: Apache-2.0
// How are the ops parsed and printed whose region is evaluated at one place?
#include "dialects/attn/AttnOps.h"
#include "dialects/attn/AttnSyntax.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attune::attn;

//===--- map ---===//

StringRef MapOp::getDefaultDialect() { return "attn"; }

void MapOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  namePlaceArguments(region, getInputs().size(), setName);
}

ParseResult MapOp::parse(OpAsmParser &parser, OperationState &result) {
  PlaceNames names;
  SmallVector<Type> types;
  Type place;
  auto parseType = [&] { return parser.parseType(types.emplace_back()); };
  if (parsePlaceNames(parser, names) || parser.parseColon() ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseType, " of types") ||
      parser.parseArrow())
    return failure();
  SMLoc placeLoc = parser.getCurrentLocation();
  if (parser.parseType(place))
    return failure();
  if (!isVirtual(place))
    return parser.emitError(placeLoc, "expected the result to be rows, cols or a matrix, but got ")
           << place;
  result.addTypes(place);
  return failure(parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parsePlaceRegion(parser, names, types, place, *result.addRegion()) ||
                 parser.resolveOperands(names.operands, types, names.bindingsLoc, result.operands));
}

void MapOp::print(OpAsmPrinter &printer) {
  printPlaceNames(printer, getInputs(), getBody());
  printer << " : (" << getInputs().getTypes() << ") -> " << getType();
  printer.printOptionalAttrDictWithKeyword((*this)->getDiscardableAttrDictionary().getValue());
  printPlaceRegion(printer, getBody());
}

//===--- where ---===//

StringRef WhereOp::getDefaultDialect() { return "attn"; }

void WhereOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  namePlaceArguments(region, getInputs().size(), setName);
}

/// Says what is wrong with `set` as the set of a `where` with `numSymbols` symbols.
static ParseResult checkSet(OpAsmParser &parser, SMLoc loc, IntegerSet set, unsigned numSymbols) {
  if (set.getNumDims() != 4)
    return parser.emitError(loc, "expected the set to have the dims (b, h, i, j), but it has ")
           << set.getNumDims() << " dims";
  if (set.getNumSymbols() != numSymbols)
    return parser.emitError(loc, "expected a value for each of the ")
           << set.getNumSymbols() << " symbols of the set, but got " << numSymbols;
  return success();
}

static ParseResult parseResultMatrix(OpAsmParser &parser, SMLoc loc, Type type,
                                     OperationState &result) {
  if (!isa<MatrixType>(type))
    return parser.emitError(loc, "expected the first operand to be a matrix, but got ") << type;
  result.addTypes(type);
  return success();
}

/// `%s in #set[%sym, ...] : type`: a region of one `holds` of the four indices.
static ParseResult parseWhereInSet(OpAsmParser &parser, OperationState &result,
                                   OpAsmParser::UnresolvedOperand scores) {
  IntegerSetAttr set;
  SmallVector<OpAsmParser::UnresolvedOperand> symbols;
  Type index = parser.getBuilder().getIndexType(), type;
  SMLoc setLoc = parser.getCurrentLocation();
  if (parser.parseAttribute(set) ||
      parser.parseOperandList(symbols, OpAsmParser::Delimiter::OptionalSquare) ||
      checkSet(parser, setLoc, set.getValue(), symbols.size()) ||
      parser.parseOptionalAttrDict(result.attributes) || parser.parseColon())
    return failure();
  SMLoc typeLoc = parser.getCurrentLocation();
  SmallVector<Value> symbolValues;
  if (parser.parseType(type) || parseResultMatrix(parser, typeLoc, type, result) ||
      parser.resolveOperand(scores, type, result.operands) ||
      parser.resolveOperands(symbols, index, symbolValues))
    return failure();

  Location loc = parser.getEncodedSourceLoc(setLoc);
  Block &block = result.addRegion()->emplaceBlock();
  block.addArgument(getPlaceElementType(type), loc);
  SmallVector<Value> dims;
  for (unsigned i = 0; i < 4; ++i)
    dims.push_back(block.addArgument(index, loc));
  OpBuilder builder(parser.getContext());
  builder.setInsertionPointToStart(&block);
  Value holds = HoldsOp::create(builder, loc, set, dims, symbolValues);
  YieldOp::create(builder, loc, holds);
  return success();
}

/// The one `holds` of a region that `parseWhereInSet` makes; null for any other region.
static HoldsOp matchWhereInSet(WhereOp where) {
  Block &block = where.getBody().front();
  if (where.getInputs().size() != 1 || block.getNumArguments() != 5 || !llvm::hasNItems(block, 2))
    return {};
  auto holds = dyn_cast<HoldsOp>(block.front());
  auto yield = dyn_cast<YieldOp>(block.back());
  bool matches = holds && yield && yield.getValues() == ValueRange(holds.getResult()) &&
                 holds.getDims() == ValueRange(block.getArguments().drop_front()) &&
                 holds->getDiscardableAttrs().empty() && yield->getDiscardableAttrs().empty() &&
                 llvm::none_of(holds.getSymbols(),
                               [&](Value symbol) { return symbol.getParentBlock() == &block; });
  return matches ? holds : HoldsOp();
}

ParseResult WhereOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand scores;
  OptionalParseResult plain = parser.parseOptionalOperand(scores);
  // C3 can fail in this form alone; a region of one `holds` has C1 of that.
  if (plain.has_value())
    return failure(failed(*plain) || parser.parseKeyword("in") ||
                   parseWhereInSet(parser, result, scores));

  PlaceNames names;
  SmallVector<Type> types;
  auto parseType = [&] { return parser.parseType(types.emplace_back()); };
  if (parsePlaceNames(parser, names) || parser.parseColon())
    return failure();
  SMLoc typesLoc = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseType, " of types"))
    return failure();
  if (types.empty())
    return parser.emitError(typesLoc, "expected at least one operand, the matrix to hide pairs of");
  return failure(parseResultMatrix(parser, typesLoc, types.front(), result) ||
                 parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parsePlaceRegion(parser, names, types, types.front(), *result.addRegion()) ||
                 parser.resolveOperands(names.operands, types, names.bindingsLoc, result.operands));
}

void WhereOp::print(OpAsmPrinter &printer) {
  if (HoldsOp holds = matchWhereInSet(*this)) {
    printer << " " << getInputs().front() << " in " << holds.getSetAttr();
    if (!holds.getSymbols().empty())
      printer << "[" << holds.getSymbols() << "]";
    printer.printOptionalAttrDict((*this)->getDiscardableAttrDictionary().getValue());
    printer << " : " << getType();
    return;
  }
  printPlaceNames(printer, getInputs(), getBody());
  printer << " : (" << getInputs().getTypes() << ")";
  printer.printOptionalAttrDictWithKeyword((*this)->getDiscardableAttrDictionary().getValue());
  printPlaceRegion(printer, getBody());
}

//===--- solve ---===//

StringRef SolveOp::getDefaultDialect() { return "attn"; }

void SolveOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  if (region.empty() || region.getNumArguments() == 0)
    return;
  setName(region.getArgument(0), "t");
  namePlaceArguments(region, getInputs().size(), setName, /*numLeading=*/1);
}

/// `%t from %low to %high total %total with (%x = %s, ...) [at (...)] : (types) { ... }`
ParseResult SolveOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand low, high, total;
  PlaceNames names;
  SmallVector<Type> types;
  OpAsmParser::Argument &threshold = names.leading.emplace_back();
  threshold.type = parser.getBuilder().getF32Type();
  auto parseType = [&] { return parser.parseType(types.emplace_back()); };
  if (parser.parseArgument(threshold) || parser.parseKeyword("from") || parser.parseOperand(low) ||
      parser.parseKeyword("to") || parser.parseOperand(high) || parser.parseKeyword("total") ||
      parser.parseOperand(total) || parser.parseKeyword("with") || parsePlaceNames(parser, names) ||
      parser.parseColon())
    return failure();
  SMLoc typesLoc = parser.getCurrentLocation();
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseType, " of types"))
    return failure();
  auto matrix = types.empty() ? MatrixType() : dyn_cast<MatrixType>(types.front());
  if (!matrix)
    return parser.emitError(typesLoc, "expected the first bound operand to be a matrix, whose rows "
                                      "have the thresholds");
  Type rows = RowsType::get(parser.getContext(), threshold.type, matrix.getRowAxis());
  result.addTypes(rows);
  return failure(parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parsePlaceRegion(parser, names, types, matrix, *result.addRegion()) ||
                 parser.resolveOperand(low, rows, result.operands) ||
                 parser.resolveOperand(high, rows, result.operands) ||
                 parser.resolveOperand(total, threshold.type, result.operands) ||
                 parser.resolveOperands(names.operands, types, names.bindingsLoc, result.operands));
}

void SolveOp::print(OpAsmPrinter &printer) {
  printer << " ";
  printer.printRegionArgument(getBody().getArgument(0), /*argAttrs=*/{}, /*omitType=*/true);
  printer << " from " << getLow() << " to " << getHigh() << " total " << getTotal() << " with";
  printPlaceNames(printer, getInputs(), getBody(), /*numLeading=*/1);
  printer << " : (" << getInputs().getTypes() << ")";
  printer.printOptionalAttrDictWithKeyword((*this)->getDiscardableAttrDictionary().getValue());
  printPlaceRegion(printer, getBody());
}
