// SPDX-License-Identifier: Apache-2.0
// Parsing, printing, building and verifying the ops of the tile dialect.
#include "dialects/tile/TileOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace attune::tile;

/// A place in brackets: `%first`, or `%box : !tile.box<8, 16>`.
static ParseResult parsePlace(OpAsmParser &parser, OpAsmParser::UnresolvedOperand &place,
                              Type &type) {
  type = parser.getBuilder().getIndexType();
  if (parser.parseOperand(place))
    return failure();
  return succeeded(parser.parseOptionalColon()) ? parser.parseType(type) : ParseResult(success());
}

static void printPlace(OpAsmPrinter &printer, Value place) {
  printer << place;
  if (!place.getType().isIndex())
    printer << " : " << place.getType();
}

static void printPlace(OpAsmPrinter &printer, Operation *, Value place, Type) {
  printPlace(printer, place);
}

#define GET_OP_CLASSES
#include "dialects/tile/TileOps.cpp.inc"

/// Token indices and counts lie in [0, 2^31): the runtime checks every length at launch.
static ConstantIntRanges tokenRange() {
  unsigned width = IndexType::kInternalStorageBitWidth;
  return ConstantIntRanges::fromSigned(APInt(width, 0), APInt(width, (int64_t(1) << 31) - 1));
}

/// First tokens of tiles: token 2^31 - 2 is the last there can be, and a tile begins at a multiple of
/// its size.
static ConstantIntRanges firstTokenRange(int64_t size) {
  constexpr int64_t last = (int64_t(1) << 31) - 2;
  unsigned width = IndexType::kInternalStorageBitWidth;
  return ConstantIntRanges::fromSigned(APInt(width, 0), APInt(width, last / size * size));
}

//===--- kernel --------------------------------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> inputs, ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag,
                      std::string &) { return builder.getFunctionType(inputs, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                           getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

llvm::StringRef KernelOp::getArgumentName(unsigned index) {
  auto name = getArgAttrOfType<StringAttr>(index, "tile.name");
  return name ? name.getValue() : llvm::StringRef();
}

LogicalResult KernelOp::verify() {
  // C1
  for (auto [index, type] : llvm::enumerate(getArgumentTypes()))
    if (!isa<MemRefType>(type) && !type.isIntOrIndexOrFloat())
      return emitOpError() << "expected argument " << index
                           << " to be a memref or a scalar, but got " << type;
  if (!getFunctionType().getResults().empty())
    return emitOpError() << "expected no results, but got " << getFunctionType().getNumResults();
  // C2
  int64_t count = getResultCount(), arguments = getArgumentTypes().size();
  if (count < 1 || count > arguments)
    return emitOpError() << "expected result_count between 1 and " << arguments << ", but got "
                         << count;
  for (Type type : getArgumentTypes().take_back(count))
    if (!isa<MemRefType>(type))
      return emitOpError() << "expected the last " << count << " arguments to be memrefs, but got "
                           << type;
  return success();
}

/// Rows and cols of a tile type's places (0 where the type lacks the side).
static std::pair<int64_t, int64_t> getPlaces(Type tile) {
  if (auto matrix = dyn_cast<MatrixType>(tile))
    return {matrix.getRows(), matrix.getCols()};
  if (auto rows = dyn_cast<RowsType>(tile))
    return {rows.getTokens(), 0};
  if (auto partial = dyn_cast<PartialType>(tile))
    return {partial.getTokens(), 0};
  return {0, cast<ColsType>(tile).getTokens()};
}

//===--- coordinates, load, store, read --------------------------------------------------------===//

void CoordinatesOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setRange) {
  setRange(getBatch(), tokenRange());
  setRange(getHead(), tokenRange());
  auto kernel = (*this)->getParentOfType<KernelOp>();
  setRange(getFirstQuery(), firstTokenRange(kernel ? kernel.getConfig().getQueries() : 1));
}

llvm::SmallVector<int64_t, 3> ConfigAttr::getQuerySizes() const {
  llvm::SmallVector<int64_t, 3> sizes;
  if (getPackedHeads() > 0)
    sizes = {getPackedHeads(), getQueries() / getPackedHeads()};
  else if (getQueryBox())
    llvm::append_range(sizes, getQueryBox().asArrayRef());
  return sizes;
}

LogicalResult CoordinatesOp::verify() {
  // C1
  auto kernel = (*this)->getParentOfType<KernelOp>();
  bool isPacked = kernel && kernel.getConfig().getPackedHeads() > 0;
  size_t expected = kernel ? kernel.getConfig().getQuerySizes().size() : 0;
  if (kernel && getGrid().size() != expected)
    return emitOpError() << "expected " << expected << " grid sizes, "
                         << (isPacked ? "heads of a group and queries"
                                      : "one a size of the kernel's query_box")
                         << ", but got " << getGrid().size();
  // C2
  if (kernel && bool(getHeads()) != isPacked)
    return emitOpError() << "expected " << (isPacked ? "the number of groups of heads" : "no heads")
                         << ", as the kernel's packed_heads is "
                         << kernel.getConfig().getPackedHeads();
  return success();
}

LogicalResult BoxType::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                              ArrayRef<int64_t> sizes) {
  if (sizes.empty() || llvm::any_of(sizes, [](int64_t size) { return size < 1; }))
    return emitError() << "expected sizes of a box above 0, but got <" << sizes << ">";
  return success();
}

LogicalResult BoxOp::verify() {
  // C1
  size_t rank = cast<BoxType>(getResult().getType()).getSizes().size();
  if (getOrigin().size() != rank || getGrid().size() != rank)
    return emitOpError() << "expected " << rank << " origins and grid sizes, but got "
                         << getOrigin().size() << " and " << getGrid().size();
  if (getHeads() && rank != 2)
    return emitOpError() << "expected 2 sizes, heads and tokens, but got " << rank;
  return success();
}

/// Has a box, if `place` is one, that many tokens?
static LogicalResult verifyPlace(Operation *op, Type place, int64_t tokens) {
  auto box = dyn_cast<BoxType>(place);
  if (box && llvm::product_of(box.getSizes()) != tokens)
    return op->emitOpError() << "expected a box of " << tokens << " tokens, but got " << box;
  return success();
}

/// Checks C1 to C3 of load and store: `memory` holds tokens of the tile's element.
static LogicalResult verifyTokens(Operation *op, Type tile, Type memory, Type place) {
  auto type = cast<MemRefType>(memory);
  auto vector = dyn_cast<VectorType>(getElementType(tile));
  ArrayRef<int64_t> trailing = vector ? vector.getShape() : ArrayRef<int64_t>();
  // C1
  if (type.getRank() != int64_t(3 + trailing.size()))
    return op->emitOpError() << "expected memory of rank " << 3 + trailing.size()
                             << " (batch, heads, tokens, element), but got " << type;
  // C2
  if (type.getElementType() != getScalarType(tile) || type.getShape().drop_front(3) != trailing)
    return op->emitOpError() << "expected memory of elements " << getElementType(tile)
                             << ", but got " << type;
  // C3
  auto [rows, cols] = getPlaces(tile);
  return verifyPlace(op, place, rows + cols);
}

/// Checks C4 of load.
static LogicalResult verifyList(LoadOp op) {
  if (!op.getList())
    return success();
  if (!isa<ColsType>(op.getResult().getType()) || isa<BoxType>(op.getFirst().getType()))
    return op.emitOpError() << "expected cols from an index on with a list, but got "
                            << op.getResult().getType() << " from " << op.getFirst().getType();
  auto list = cast<MemRefType>(op.getList().getType());
  if (!list.getElementType().isInteger(32) || list.getRank() != int64_t(op.getRow().size()) + 1)
    return op.emitOpError() << "expected a list of i32 and rank " << op.getRow().size() + 1
                            << ", one more than the indices of its row, but got " << list;
  return success();
}

LogicalResult LoadOp::verify() {
  if (failed(
          verifyTokens(*this, getResult().getType(), getSource().getType(), getFirst().getType())))
    return failure();
  return verifyList(*this);
}

LogicalResult StoreOp::verify() {
  return verifyTokens(*this, getValue().getType(), getTarget().getType(), getFirst().getType());
}

LogicalResult ReadOp::verify() {
  auto table = cast<MemRefType>(getTable().getType());
  // C1
  if (table.getRank() != int64_t(getIndices().size()))
    return emitOpError() << "expected " << table.getRank() << " indices, but got "
                         << getIndices().size();
  // C2
  if (table.getElementType() != getResult().getType())
    return emitOpError() << "expected result type " << table.getElementType() << ", but got "
                         << getResult().getType();
  return success();
}

LogicalResult WriteOp::verify() {
  auto memory = cast<MemRefType>(getMemory().getType());
  // C1
  if (memory.getRank() != int64_t(getIndices().size()))
    return emitOpError() << "expected " << memory.getRank() << " indices, but got "
                         << getIndices().size();
  // C2
  if (!memory.getElementType().isInteger(64))
    return emitOpError() << "expected memory of i64, but got " << memory;
  return success();
}

LogicalResult SplatOp::verify() {
  // C1
  if (getScalarType(getResult().getType()) != getScalar().getType())
    return emitOpError() << "expected a scalar of type " << getScalarType(getResult().getType())
                         << ", but got " << getScalar().getType();
  return success();
}

//===--- dot, contract -------------------------------------------------------------------------===//

LogicalResult DotOp::verify() {
  auto rows = cast<RowsType>(getRows().getType());
  auto cols = cast<ColsType>(getCols().getType());
  auto result = cast<MatrixType>(getResult().getType());
  // C1
  if (!isa<VectorType>(rows.getElementType()) || rows.getElementType() != cols.getElementType())
    return emitOpError() << "expected rows and cols of one vector type, but got "
                         << rows.getElementType() << " and " << cols.getElementType();
  // C2
  auto expected = MatrixType::get(getContext(), rows.getTokens(), cols.getTokens(),
                                  Float32Type::get(getContext()));
  if (result != expected)
    return emitOpError() << "expected result " << expected << ", but got " << result;
  return success();
}

ParseResult ContractOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand weights, values, accumulator, scale;
  Type weightsType, valuesType, accumulatorType;
  bool scaled = false;
  if (parser.parseOperand(weights) || parser.parseComma() || parser.parseOperand(values) ||
      parser.parseComma() || parser.parseOperand(accumulator))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("scaled"))) {
    scaled = true;
    if (parser.parseOperand(scale))
      return failure();
  }
  if (parser.parseOptionalAttrDict(result.attributes) || parser.parseColonType(weightsType) ||
      parser.parseComma() || parser.parseType(valuesType) || parser.parseComma() ||
      parser.parseType(accumulatorType) ||
      parser.resolveOperand(weights, weightsType, result.operands) ||
      parser.resolveOperand(values, valuesType, result.operands) ||
      parser.resolveOperand(accumulator, accumulatorType, result.operands))
    return failure();
  if (scaled) {
    auto rows = dyn_cast<RowsType>(accumulatorType);
    if (!rows)
      return parser.emitError(parser.getNameLoc(), "expected an accumulator of tile rows");
    Type scaleType =
        RowsType::get(parser.getContext(), rows.getTokens(), Float32Type::get(parser.getContext()));
    if (parser.resolveOperand(scale, scaleType, result.operands))
      return failure();
  }
  result.addTypes(accumulatorType);
  return success();
}

void ContractOp::print(OpAsmPrinter &printer) {
  printer << " " << getWeights() << ", " << getValues() << ", " << getAccumulator();
  if (getScale())
    printer << " scaled " << getScale();
  printer.printOptionalAttrDict((*this)->getAttrs());
  printer << " : " << getWeights().getType() << ", " << getValues().getType() << ", "
          << getAccumulator().getType();
}

LogicalResult ContractOp::verify() {
  auto weights = cast<MatrixType>(getWeights().getType());
  auto values = cast<ColsType>(getValues().getType());
  auto accumulator = cast<RowsType>(getAccumulator().getType());
  // C1
  if (weights.getCols() != values.getTokens())
    return emitOpError() << "expected weights and values of one number of keys, but got "
                         << weights.getCols() << " and " << values.getTokens();
  // C2
  auto from = dyn_cast<VectorType>(values.getElementType());
  auto to = dyn_cast<VectorType>(accumulator.getElementType());
  if (!from || !to || from.getShape() != to.getShape() || !to.getElementType().isF32() ||
      weights.getRows() != accumulator.getTokens())
    return emitOpError() << "expected an accumulator of " << weights.getRows()
                         << " f32 vectors as long as the values', but got " << accumulator;
  // C3
  auto scale = RowsType::get(getContext(), accumulator.getTokens(), Float32Type::get(getContext()));
  if (getScale() && getScale().getType() != scale)
    return emitOpError() << "expected a scale of type " << scale << ", but got "
                         << getScale().getType();
  return success();
}

//===--- map -----------------------------------------------------------------------------------===//

/// How many indices an origin gives a region.
static size_t countIndices(Type origin) {
  auto box = dyn_cast<BoxType>(origin);
  return box ? box.getSizes().size() : 1;
}

Block::BlockArgListType MapOp::getIndexArguments(unsigned origin) {
  size_t skipped = 0;
  for (unsigned before = 0; before < origin; ++before)
    skipped += countIndices(getOrigins()[before].getType());
  return getIndexArguments().slice(skipped, countIndices(getOrigins()[origin].getType()));
}

void MapOp::build(OpBuilder &builder, OperationState &state, Type result, ValueRange inputs,
                  ValueRange origins,
                  llvm::function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  state.addOperands(inputs);
  state.addOperands(origins);
  state.addTypes(result);
  auto &properties = state.getOrAddProperties<Properties>();
  properties.operandSegmentSizes = {int32_t(inputs.size()), int32_t(origins.size())};
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(state.addRegion());
  for (Value input : inputs)
    block->addArgument(getScalarType(input.getType()), state.location);
  for (Value origin : origins)
    for (size_t index = 0; index < countIndices(origin.getType()); ++index)
      block->addArgument(builder.getIndexType(), state.location);
  YieldOp::create(builder, state.location, body(builder, state.location, block->getArguments()));
}

/// Parses `(%x = %s, %y = %t)`: names for region arguments, and operands.
static ParseResult parseBindings(OpAsmParser &parser,
                                 SmallVectorImpl<OpAsmParser::Argument> &arguments,
                                 SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands) {
  return parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, [&] {
    OpAsmParser::Argument argument;
    OpAsmParser::UnresolvedOperand operand;
    if (parser.parseArgument(argument) || parser.parseEqual() || parser.parseOperand(operand))
      return failure();
    arguments.push_back(argument);
    operands.push_back(operand);
    return success();
  });
}

ParseResult MapOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments, indices;
  SmallVector<OpAsmParser::UnresolvedOperand> operands, origins;
  SmallVector<Type> inputTypes, originTypes;
  Type resultType;
  auto location = parser.getCurrentLocation();
  if (parseBindings(parser, arguments, operands))
    return failure();
  Type indexType = parser.getBuilder().getIndexType();
  if (succeeded(parser.parseOptionalKeyword("at"))) {
    if (parser.parseArgumentList(indices, OpAsmParser::Delimiter::Paren) ||
        parser.parseKeyword("from") ||
        parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, [&] {
          return parsePlace(parser, origins.emplace_back(), originTypes.emplace_back());
        }))
      return failure();
  }
  if (parser.parseColon() || parser.parseLParen() ||
      (failed(parser.parseOptionalRParen()) &&
       (parser.parseTypeList(inputTypes) || parser.parseRParen())) ||
      parser.parseArrow() || parser.parseType(resultType) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.resolveOperands(operands, inputTypes, location, result.operands) ||
      parser.resolveOperands(origins, originTypes, location, result.operands))
    return failure();
  for (auto [argument, type] : llvm::zip(arguments, inputTypes)) {
    argument.type = getScalarType(type);
    if (!argument.type)
      return parser.emitError(location) << "expected operands of tile types, but got " << type;
  }
  for (auto &argument : indices)
    argument.type = indexType;
  arguments.append(indices);
  result.getOrAddProperties<Properties>().operandSegmentSizes = {int32_t(operands.size()),
                                                                 int32_t(origins.size())};
  result.addTypes(resultType);
  return parser.parseRegion(*result.addRegion(), arguments);
}

void MapOp::print(OpAsmPrinter &printer) {
  printer << " (";
  llvm::interleaveComma(llvm::zip(getElementArguments(), getInputs()), printer, [&](auto pair) {
    printer << std::get<0>(pair) << " = " << std::get<1>(pair);
  });
  printer << ")";
  if (!getOrigins().empty()) {
    printer << " at (";
    llvm::interleaveComma(getIndexArguments(), printer);
    printer << ") from (";
    llvm::interleaveComma(getOrigins(), printer, [&](Value place) { printPlace(printer, place); });
    printer << ")";
  }
  printer << " : (";
  llvm::interleaveComma(getInputs().getTypes(), printer);
  printer << ") -> " << getResult().getType();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {getOperandSegmentSizesAttrName()});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult MapOp::verify() {
  auto [rows, cols] = getPlaces(getResult().getType());
  // C1
  for (auto [index, type] : llvm::enumerate(getInputs().getTypes())) {
    auto [inputRows, inputCols] = getPlaces(type);
    int64_t components = getComponents(type);
    if ((inputRows && inputRows != rows) || (inputCols && inputCols != cols) ||
        (components != 1 && components != getComponents(getResult().getType())))
      return emitOpError() << "expected operand " << index << " to fit the result's places "
                           << getResult().getType() << ", but got " << type;
  }
  // C4
  size_t expected = rows && cols ? 2 : 1;
  if (!getOrigins().empty() && getOrigins().size() != expected)
    return emitOpError() << "expected " << expected << " origins or none, but got "
                         << getOrigins().size();
  for (auto [index, type] : llvm::enumerate(getOrigins().getTypes()))
    if (failed(verifyPlace(*this, type, rows && index == 0 ? rows : cols)))
      return failure();
  return success();
}

LogicalResult MapOp::verifyRegions() {
  Block &block = getBody().front();
  // C2
  size_t arguments = getInputs().size();
  for (Type origin : getOrigins().getTypes())
    arguments += countIndices(origin);
  if (block.getNumArguments() != arguments)
    return emitOpError() << "expected " << arguments << " region arguments, but got "
                         << block.getNumArguments();
  for (auto [argument, input] : llvm::zip(getElementArguments(), getInputs()))
    if (argument.getType() != getScalarType(input.getType()))
      return emitOpError() << "expected region argument of type " << getScalarType(input.getType())
                           << ", but got " << argument.getType();
  for (Value argument : getIndexArguments())
    if (!argument.getType().isIndex())
      return emitOpError() << "expected index arguments for the origins, but got "
                           << argument.getType();
  // C3
  auto yield = dyn_cast_or_null<YieldOp>(block.empty() ? nullptr : &block.back());
  Type expected = getScalarType(getResult().getType());
  if (!yield || yield.getValues().getTypes() != TypeRange(expected))
    return emitOpError() << "expected the region to yield one " << expected;
  return success();
}

void MapOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setRange) {
  for (Value index : getIndexArguments())
    setRange(index, tokenRange());
}

//===--- reduce, combine -----------------------------------------------------------------------===//

LogicalResult ReduceOp::verify() {
  auto [rows, none] = getPlaces(getInitial().getType());
  auto matrix = cast<MatrixType>(getInput().getType());
  // C1
  if (rows != matrix.getRows() ||
      getElementType(getInitial().getType()) != matrix.getElementType() ||
      !isa<FloatType>(matrix.getElementType()))
    return emitOpError() << "expected an initial value of " << matrix.getRows() << " "
                         << matrix.getElementType() << " rows, but got " << getInitial().getType();
  // C2
  if (getResult().getType() != getInitial().getType())
    return emitOpError() << "expected result " << getInitial().getType() << ", but got "
                         << getResult().getType();
  return success();
}

LogicalResult CombineOp::verify() {
  // C1
  auto input = cast<PartialType>(getInput().getType());
  auto expected = RowsType::get(getContext(), input.getTokens(), input.getElementType());
  if (getResult().getType() != expected)
    return emitOpError() << "expected result " << expected << ", but got " << getResult().getType();
  return success();
}
