// SPDX-License-Identifier: Apache-2.0
// How are the types of the attn language spelt, and what makes one valid?
#include "dialects/attn/AttnDialect.h"

#include "dialects/attn/AttnOps.h"
#include "dialects/attn/AttnSyntax.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/attn/AttnDialect.cpp.inc"
#include "dialects/attn/AttnEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/attn/AttnTypes.cpp.inc"

using namespace mlir;
using namespace attune::attn;

namespace {

/// Helper functions may be inlined into kernels and regions, and everything that the language
/// allows in a helper function may stand there.
struct AttnInlinerInterface : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Operation *, bool) const final { return true; }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final { return true; }
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final { return true; }
};

} // namespace

void AttnDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/attn/AttnOps.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/attn/AttnTypes.cpp.inc"
      >();
  addInterfaces<AttnInlinerInterface>();
}

//===--- Axes ---===//

/// Splits `name` or `name/N`; N is 1 for a name alone and 0 if the text is not an axis.
static std::pair<StringRef, int64_t> splitSegment(StringRef segment) {
  auto [name, blockText] = segment.split('/');
  int64_t block = 1;
  if (segment.contains('/') && (blockText.getAsInteger(10, block) || block < 1))
    block = 0;
  bool isName = !name.empty() && !llvm::isDigit(name.front()) &&
                llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  return {name, isName ? block : 0};
}

bool attune::attn::isPlainAxis(StringRef axis) {
  return !axis.contains('/') && !axis.contains('+') && splitSegment(axis).second == 1;
}

StringRef attune::attn::getAxisRoot(StringRef segment) { return splitSegment(segment).first; }

int64_t attune::attn::getAxisBlock(StringRef axis) {
  return std::max<int64_t>(splitSegment(axis).second, 1);
}

bool attune::attn::isReadable(StringRef from, StringRef at) {
  if (from == at)
    return true;
  if (from.contains('+') || at.contains('+'))
    return false;
  auto [fromRoot, fromBlock] = splitSegment(from);
  auto [atRoot, atBlock] = splitSegment(at);
  return fromRoot == atRoot && atBlock > 0 && fromBlock % atBlock == 0;
}

StringAttr attune::attn::getBlockedAxis(StringAttr axis, int64_t number) {
  constexpr int64_t limit = int64_t(1) << 31; // of the length of an axis
  auto [root, block] = splitSegment(axis.getValue());
  if (axis.getValue().contains('+') || number < 1 || number >= limit || block < 1 ||
      block >= limit || block * number >= limit)
    return {};
  if (block * number == 1)
    return axis;
  return StringAttr::get(axis.getContext(), root + "/" + Twine(block * number));
}

//===--- Types ---===//

bool attune::attn::isVirtual(Type type) { return isa<RowsType, ColsType, MatrixType>(type); }

Type attune::attn::getPlaceElementType(Type type) {
  return llvm::TypeSwitch<Type, Type>(type)
      .Case<RowsType, ColsType, MatrixType>(
          [](auto virtualType) { return virtualType.getElementType(); })
      .Default(Type());
}

unsigned attune::attn::getNumPlaceIndices(Type type) { return isa<MatrixType>(type) ? 4 : 3; }

SmallVector<StringAttr, 2> attune::attn::getAxes(Type type) {
  if (auto matrix = dyn_cast<MatrixType>(type))
    return {matrix.getRowAxis(), matrix.getColAxis()};
  if (auto rows = dyn_cast<RowsType>(type))
    return {rows.getAxis()};
  if (auto cols = dyn_cast<ColsType>(type))
    return {cols.getAxis()};
  return {};
}

static bool isScalarElement(Type type) {
  return type.isSignlessInteger() || isa<FloatType, IndexType>(type);
}

bool attune::attn::isPlaceElement(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  if (!vector)
    return isScalarElement(type);
  return vector.getRank() > 0 && !vector.isScalable() && isScalarElement(vector.getElementType());
}

static LogicalResult verifyElement(function_ref<InFlightDiagnostic()> emitError, Type element) {
  if (isPlaceElement(element))
    return success();
  return emitError() << "expected the element to be a float, a signless integer, index or a vector "
                        "of these, but got "
                     << element;
}

static LogicalResult verifyAxis(function_ref<InFlightDiagnostic()> emitError, StringAttr axis) {
  SmallVector<StringRef> segments;
  axis.getValue().split(segments, '+');
  for (StringRef segment : segments)
    if (splitSegment(segment).second == 0)
      return emitError() << "expected an axis of the form name, name/N or axis+axis with N > 0, "
                            "but got '"
                         << axis.getValue() << "'";
  return success();
}

static ParseResult parseTokensType(AsmParser &parser, StringRef defaultAxis, Type &element,
                                   StringAttr &axis) {
  axis = parser.getBuilder().getStringAttr(defaultAxis);
  if (parser.parseLess() || parser.parseType(element))
    return failure();
  if (succeeded(parser.parseOptionalComma()) && parseAxis(parser, axis))
    return failure();
  return parser.parseGreater();
}

static void printTokensType(AsmPrinter &printer, StringRef defaultAxis, Type element,
                            StringAttr axis) {
  printer << "<" << element;
  if (axis.getValue() != defaultAxis)
    printer << ", " << axis.getValue();
  printer << ">";
}

Type RowsType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  Type element;
  StringAttr axis;
  if (parseTokensType(parser, defaultRowAxis, element, axis))
    return {};
  return parser.getChecked<RowsType>(loc, parser.getContext(), element, axis);
}

void RowsType::print(AsmPrinter &printer) const {
  printTokensType(printer, defaultRowAxis, getElementType(), getAxis());
}

LogicalResult RowsType::verify(function_ref<InFlightDiagnostic()> emitError, Type element,
                               StringAttr axis) {
  return failure(failed(verifyElement(emitError, element)) || failed(verifyAxis(emitError, axis)));
}

Type ColsType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  Type element;
  StringAttr axis;
  if (parseTokensType(parser, defaultColAxis, element, axis))
    return {};
  return parser.getChecked<ColsType>(loc, parser.getContext(), element, axis);
}

void ColsType::print(AsmPrinter &printer) const {
  printTokensType(printer, defaultColAxis, getElementType(), getAxis());
}

LogicalResult ColsType::verify(function_ref<InFlightDiagnostic()> emitError, Type element,
                               StringAttr axis) {
  return failure(failed(verifyElement(emitError, element)) || failed(verifyAxis(emitError, axis)));
}

Type MatrixType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  Type element;
  StringAttr rowAxis = parser.getBuilder().getStringAttr(defaultRowAxis);
  StringAttr colAxis = parser.getBuilder().getStringAttr(defaultColAxis);
  if (parser.parseLess() || parser.parseType(element))
    return {};
  if (succeeded(parser.parseOptionalComma()) &&
      (parseAxis(parser, rowAxis) || parser.parseComma() || parseAxis(parser, colAxis)))
    return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<MatrixType>(loc, parser.getContext(), element, rowAxis, colAxis);
}

void MatrixType::print(AsmPrinter &printer) const {
  printer << "<" << getElementType();
  if (getRowAxis().getValue() != defaultRowAxis || getColAxis().getValue() != defaultColAxis)
    printer << ", " << getRowAxis().getValue() << ", " << getColAxis().getValue();
  printer << ">";
}

LogicalResult MatrixType::verify(function_ref<InFlightDiagnostic()> emitError, Type element,
                                 StringAttr rowAxis, StringAttr colAxis) {
  return failure(failed(verifyElement(emitError, element)) ||
                 failed(verifyAxis(emitError, rowAxis)) || failed(verifyAxis(emitError, colAxis)));
}
