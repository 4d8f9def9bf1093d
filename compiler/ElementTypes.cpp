// SPDX-License-Identifier: Apache-2.0
#include "compiler/ElementTypes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace attune {

std::optional<bundle::ElementType> elementTypeOf(Type type) {
  using bundle::ElementType;
  return llvm::TypeSwitch<Type, std::optional<ElementType>>(getElementTypeOrSelf(type))
      .Case<Float64Type>([](auto) { return ElementType::F64; })
      .Case<Float32Type>([](auto) { return ElementType::F32; })
      .Case<Float16Type>([](auto) { return ElementType::F16; })
      .Case<BFloat16Type>([](auto) { return ElementType::BF16; })
      .Case<IndexType>([](auto) { return ElementType::Index; })
      .Case<IntegerType>([](IntegerType integer) -> std::optional<ElementType> {
        switch (integer.getWidth()) {
        case 1: return ElementType::I1;
        case 8: return ElementType::I8;
        case 32: return ElementType::I32;
        case 64: return ElementType::I64;
        default: return std::nullopt;
        }
      })
      .Default([](Type) { return std::nullopt; });
}

} // namespace attune
