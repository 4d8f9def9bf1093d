// SPDX-License-Identifier: Apache-2.0
// What are the types of the attn language, and when can a value on one axis be read on another?
#ifndef ATTUNE_DIALECTS_ATTN_ATTNDIALECT_H
#define ATTUNE_DIALECTS_ATTN_ATTNDIALECT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "dialects/attn/AttnDialect.h.inc"
#include "dialects/attn/AttnEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/attn/AttnTypes.h.inc"

namespace attune::attn {

/// The axes that a type stands on when it names none.
inline constexpr llvm::StringLiteral defaultRowAxis = "q";
inline constexpr llvm::StringLiteral defaultColAxis = "k";

/// Is `type` rows, cols or a matrix?
bool isVirtual(mlir::Type type);

/// Can `type` be the value of one place: a scalar, or a vector of scalars with static shape?
bool isPlaceElement(mlir::Type type);

/// What a region sees of a virtual value at one place; null for any other type.
mlir::Type getPlaceElementType(mlir::Type type);

/// The number of indices of a place of a virtual value: 4 in a matrix, 3 in rows and cols.
unsigned getNumPlaceIndices(mlir::Type type);

/// The axes that a virtual type stands on, row axis first.
llvm::SmallVector<mlir::StringAttr, 2> getAxes(mlir::Type type);

/// Is `axis` a name alone, neither blocks (`k/64`) nor a concatenation (`a+b`)?
bool isPlainAxis(llvm::StringRef axis);

/// The name at the root of a segment of an axis: `k` of `k/64`.
llvm::StringRef getAxisRoot(llvm::StringRef segment);

/// How many consecutive tokens one of an axis stands for: 64 on `k/64`, else 1.
int64_t getAxisBlock(llvm::StringRef axis);

/// Can a value on axis `from` be read at the tokens of axis `at`? If both have one root and the
/// block of `from` is a multiple of that of `at`.
bool isReadable(llvm::StringRef from, llvm::StringRef at);

/// The axis of blocks of `number` consecutive tokens of `axis`: `k/64` of `k`, and of `k/8` by 8. Null
/// for a concatenation, a number below 1 and blocks of 2^31 tokens or more.
mlir::StringAttr getBlockedAxis(mlir::StringAttr axis, int64_t number);

} // namespace attune::attn

#endif // ATTUNE_DIALECTS_ATTN_ATTNDIALECT_H
