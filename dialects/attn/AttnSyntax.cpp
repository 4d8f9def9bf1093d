// SPDX-License-Identifier: Apache-2.0
// How are bindings, indices, axes and regions parsed and printed?
#include "dialects/attn/AttnSyntax.h"

using namespace mlir;
using namespace attune::attn;

ParseResult attune::attn::parseAxis(AsmParser &parser, StringAttr &axis) {
  std::string text;
  do {
    StringRef name;
    if (parser.parseKeyword(&name))
      return failure();
    text += (text.empty() ? "" : "+") + name.str();
    if (succeeded(parser.parseOptionalSlash())) {
      int64_t block;
      if (parser.parseInteger(block))
        return failure();
      text += "/" + std::to_string(block);
    }
  } while (succeeded(parser.parseOptionalPlus()));
  axis = parser.getBuilder().getStringAttr(text);
  return success();
}

ParseResult attune::attn::parseBindings(OpAsmParser &parser, PlaceNames &names,
                                        OpAsmParser::Delimiter delimiter) {
  auto binding = [&]() -> ParseResult {
    return failure(parser.parseArgument(names.elements.emplace_back()) || parser.parseEqual() ||
                   parser.parseOperand(names.operands.emplace_back()));
  };
  names.bindingsLoc = parser.getCurrentLocation();
  return parser.parseCommaSeparatedList(delimiter, binding, " of bindings");
}

ParseResult attune::attn::parseOptionalIndices(OpAsmParser &parser, PlaceNames &names) {
  if (failed(parser.parseOptionalKeyword("at")))
    return success();
  names.indicesLoc = parser.getCurrentLocation();
  return parser.parseArgumentList(names.indices, OpAsmParser::Delimiter::Paren);
}

ParseResult attune::attn::parsePlaceNames(OpAsmParser &parser, PlaceNames &names) {
  return failure(parseBindings(parser, names) || parseOptionalIndices(parser, names));
}

ParseResult attune::attn::parsePlaceRegion(OpAsmParser &parser, PlaceNames &names,
                                           TypeRange operandTypes, Type place, Region &region) {
  if (operandTypes.size() != names.operands.size())
    return parser.emitError(names.bindingsLoc, "expected one type for each of the ")
           << names.operands.size() << " bound operands, but got " << operandTypes.size();
  unsigned numIndices = getNumPlaceIndices(place);
  if (!names.indices.empty() && names.indices.size() != numIndices)
    return parser.emitError(names.indicesLoc, "expected ")
           << numIndices << " indices " << (numIndices == 4 ? "(b, h, i, j)" : "(b, h, n)")
           << " for a place of " << place << ", but got " << names.indices.size();

  Type index = parser.getBuilder().getIndexType();
  SmallVector<OpAsmParser::Argument> arguments(names.leading);
  // An operand that is not bound has an element without a name.
  TypeRange boundTypes = names.elements.empty() ? TypeRange() : operandTypes;
  for (auto [argument, type] : llvm::zip_equal(names.elements, boundTypes)) {
    Type element = getPlaceElementType(type);
    if (!element)
      return parser.emitError(argument.ssaName.location,
                              "expected a bound operand to be rows, cols or a matrix, but '")
             << argument.ssaName.name << "' is bound to a value of type " << type
             << "; scalars and tables are used in the region by name";
    arguments.push_back(argument);
    arguments.back().type = element;
  }
  for (OpAsmParser::Argument argument : names.indices) {
    argument.type = index;
    arguments.push_back(argument);
  }
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseRegion(region, arguments))
    return failure();
  if (region.empty())
    return parser.emitError(loc, "expected a region that ends with a yield");
  for (auto [position, type] : llvm::enumerate(operandTypes.drop_front(boundTypes.size())))
    region.front().insertArgument(unsigned(names.leading.size() + position),
                                  getPlaceElementType(type),
                                  parser.getEncodedSourceLoc(names.bindingsLoc));
  // The indices exist whether or not they are named.
  if (names.indices.empty())
    for (unsigned i = 0; i < numIndices; ++i)
      region.front().addArgument(index, parser.getEncodedSourceLoc(names.bindingsLoc));
  return success();
}

static void printArgument(OpAsmPrinter &printer, BlockArgument argument) {
  printer.printRegionArgument(argument, /*argAttrs=*/{}, /*omitType=*/true);
}

void attune::attn::printBindings(OpAsmPrinter &printer, ValueRange operands, Region &region,
                                 unsigned numLeading) {
  printer << " (";
  auto elements = region.getArguments().slice(numLeading, operands.size());
  llvm::interleaveComma(llvm::zip_equal(elements, operands), printer, [&](auto binding) {
    printArgument(printer, std::get<0>(binding));
    printer << " = " << std::get<1>(binding);
  });
  printer << ")";
}

void attune::attn::printUsedIndices(OpAsmPrinter &printer, unsigned numElements, Region &region) {
  auto indices = region.getArguments().drop_front(numElements);
  if (llvm::all_of(indices, [](BlockArgument index) { return index.use_empty(); }))
    return;
  printer << " at (";
  llvm::interleaveComma(indices, printer,
                        [&](BlockArgument index) { printArgument(printer, index); });
  printer << ")";
}

void attune::attn::printPlaceNames(OpAsmPrinter &printer, ValueRange operands, Region &region,
                                   unsigned numLeading) {
  printBindings(printer, operands, region, numLeading);
  printUsedIndices(printer, numLeading + operands.size(), region);
}

void attune::attn::namePlaceArguments(Region &region, unsigned numElements, OpAsmSetValueNameFn set,
                                      unsigned numLeading) {
  if (region.empty() || region.getNumArguments() < numLeading + numElements)
    return;
  auto indices = region.getArguments().drop_front(numLeading + numElements);
  static constexpr StringLiteral pairNames[] = {"b", "h", "i", "j"};
  static constexpr StringLiteral tokenNames[] = {"b", "h", "n"};
  ArrayRef<StringLiteral> names = pairNames;
  if (indices.size() == 3)
    names = tokenNames;
  for (auto [index, name] : llvm::zip(indices, names))
    set(index, name);
  for (BlockArgument element : region.getArguments().slice(numLeading, numElements))
    set(element, "x");
}

void attune::attn::printPlaceRegion(OpAsmPrinter &printer, Region &region) {
  printer << " ";
  printer.printRegion(region, /*printEntryBlockArgs=*/false, /*printBlockTerminators=*/true);
}
