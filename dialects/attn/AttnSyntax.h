// SPDX-License-Identifier: Apache-2.0
// How are the parts that several ops of the language share spelt: bindings, indices, axes, regions?
#ifndef ATTUNE_DIALECTS_ATTN_ATTNSYNTAX_H
#define ATTUNE_DIALECTS_ATTN_ATTNSYNTAX_H

#include "dialects/attn/AttnOps.h"

namespace attune::attn {

/// `axis ::= segment (+ segment)*`, `segment ::= name | name / N`; the attribute holds the text
/// without spaces.
mlir::ParseResult parseAxis(mlir::AsmParser &parser, mlir::StringAttr &axis);

/// The bindings and indices of a region, before their types are known.
struct PlaceNames {
  /// Arguments that come before the elements, with their types.
  llvm::SmallVector<mlir::OpAsmParser::Argument, 1> leading;
  llvm::SmallVector<mlir::OpAsmParser::Argument, 4> elements;
  llvm::SmallVector<mlir::OpAsmParser::UnresolvedOperand, 4> operands;
  llvm::SmallVector<mlir::OpAsmParser::Argument, 4> indices;
  llvm::SMLoc bindingsLoc, indicesLoc;
};

/// `(%x = %s, ...)`
mlir::ParseResult
parseBindings(mlir::OpAsmParser &parser, PlaceNames &names,
              mlir::OpAsmParser::Delimiter delimiter = mlir::OpAsmParser::Delimiter::Paren);

/// `[at (%b, %h, ...)]`
mlir::ParseResult parseOptionalIndices(mlir::OpAsmParser &parser, PlaceNames &names);

/// Both, one after the other.
mlir::ParseResult parsePlaceNames(mlir::OpAsmParser &parser, PlaceNames &names);

/// `{ ... }`, whose arguments are those of `names.leading`, one element an operand, then the indices
/// of a place of `place`. Operands without any binding have elements too, which nothing names.
mlir::ParseResult parsePlaceRegion(mlir::OpAsmParser &parser, PlaceNames &names,
                                   mlir::TypeRange operandTypes, mlir::Type place,
                                   mlir::Region &region);

/// Prints what `parseBindings` reads; the region has `numLeading` arguments before the elements.
void printBindings(mlir::OpAsmPrinter &printer, mlir::ValueRange operands, mlir::Region &region,
                   unsigned numLeading = 0);

/// Prints what `parseOptionalIndices` reads, if the region uses one of the indices; these are behind
/// `numElements` other arguments.
void printUsedIndices(mlir::OpAsmPrinter &printer, unsigned numElements, mlir::Region &region);

/// Prints both, one after the other.
void printPlaceNames(mlir::OpAsmPrinter &printer, mlir::ValueRange operands, mlir::Region &region,
                     unsigned numLeading = 0);

/// Names the indices of a place b, h, i, j or b, h, n and its elements x; before these stand
/// `numLeading` arguments.
void namePlaceArguments(mlir::Region &region, unsigned numElements, mlir::OpAsmSetValueNameFn set,
                        unsigned numLeading = 0);

/// Prints `{ ... }` with all that stands in it.
void printPlaceRegion(mlir::OpAsmPrinter &printer, mlir::Region &region);

} // namespace attune::attn

#endif // ATTUNE_DIALECTS_ATTN_ATTNSYNTAX_H
